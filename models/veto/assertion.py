"""Say how a mention is meant: asserted, negated, uncertain, historical, or a suicidal person's own means.

The annotation is shown to the clinician and changes nothing: scope rules for negation call "no shirt and a knife"
negated, so none of them may lift a veto. Only `SCREENING`, which `rules` sets from a closed list, has any effect.
"""

import re
from enum import StrEnum
from typing import NamedTuple


class Word(NamedTuple):
    """Hold a token of normalised text and its place there."""

    text: str
    start: int
    end: int


class Annotation(StrEnum):
    """Name how a mention is meant."""

    ASSERTED = "asserted"
    NEGATED = "negated"
    UNCERTAIN = "uncertain"
    HISTORICAL = "historical"
    SELF_ONLY = "self_only"
    SCREENING = "screening"


_NEGATED = frozenset(
    "no not neg negative denies denied deny denying without never none didnt doesnt isnt wasnt wout sin nothing".split()
)
_UNCERTAIN = frozenset(
    """poss possible possibly unk unknown unsure might may maybe appears appeared seems thinks thought believes believed
    probably perhaps could whether if likely suspected implied alleged allegedly apparently unconfirmed""".split()
)
_HISTORICAL = frozenset(
    "hx history prior priors previous previously ago yesterday formerly past earlier prem premise".split()
)
_SELF = frozenset("himself herself myself themselves self suicidal suicide si wrist wrists own".split())
_BEFORE, _AFTER = 5, 4
_QUESTION = re.compile(r" *\?")


def annotate(words: list[Word], start: int, end: int, text: str, *, rule_id: str) -> Annotation:
    """Return how the words from `start` to `end` are meant, judged from a few words on either side."""
    before = _same_sentence([word.text for word in words[max(0, start - _BEFORE) : start]])
    after = [word.text for word in words[end : end + _AFTER]]
    if rule_id == "self-harm-means":
        return Annotation.SELF_ONLY
    if any(word in _NEGATED for word in before[-4:]) or (after and after[0] in {"neg", "none", "negative"}):
        return Annotation.NEGATED
    if any(word in _UNCERTAIN for word in before) or asked(text, words[end - 1].end):
        return Annotation.UNCERTAIN
    if any(word in _HISTORICAL for word in (*before, *after)):
        return Annotation.HISTORICAL
    if any(word in _SELF for word in after) or "suicidal" in before:
        return Annotation.SELF_ONLY
    return Annotation.ASSERTED


def asked(text: str, end: int) -> bool:
    """Tell whether a question mark follows a place in the text."""
    return _QUESTION.match(text, end) is not None


def _same_sentence(before: list[str]) -> list[str]:
    """Cut the words before a mention at the last word that opens a new statement."""
    for place in range(len(before) - 1, -1, -1):
        if before[place] in {"but", "however", "now", "then"}:
            return before[place + 1 :]
    return before
