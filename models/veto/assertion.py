"""The assertion of a mention: asserted, negated, uncertain, historical, or a suicidal person's own means.

It is shown to the clinician and changes nothing: scope rules for negation call "no shirt and a knife" negated, so none of
them may lift a veto. Only two have an effect: `SCREENING`, which the matcher sets from a closed list of recorded answers,
and `PLAINLY_NEGATED`, which it sets for violence in the closed constructions of `models.veto.negation`.
"""

import re
from enum import StrEnum

from models.text.tokens import Word


class Assertion(StrEnum):
    """How a mention is meant."""

    ASSERTED = "asserted"
    NEGATED = "negated"
    UNCERTAIN = "uncertain"
    HISTORICAL = "historical"
    SELF_ONLY = "self_only"
    SCREENING = "screening"
    PLAINLY_NEGATED = "plainly_negated"


_NEGATED = frozenset(
    "no not neg negative denies denied deny denying without never none didnt doesnt isnt wasnt wout sin nothing".split()
)
_UNCERTAIN = frozenset(
    """poss possible possibly unk unknown unsure might may maybe appears appeared seems thinks thought believes believed
    probably perhaps could whether if likely suspected implied alleged allegedly apparently unconfirmed""".split()
)
_HISTORICAL = frozenset("hx history prior priors previous previously ago yesterday formerly earlier prem premise".split())
_DATED_AFTER = _HISTORICAL - {"prem", "premise"}  # after a mention a premise is a place: "refuses to leave premise"
_SELF = frozenset("himself herself myself themselves self suicidal suicide si wrist wrists own".split())
_RECENT = frozenset("second seconds moment moments minute minutes min mins hour hours hr hrs".split())
_OPENING = frozenset({"but", "however", "now", "then"})
_BEFORE, _AFTER = 5, 4
_QUESTION = re.compile(r" *\?")


def assertion_of(words: list[Word], start: int, end: int, text: str, *, rule_id: str) -> Assertion:
    """Return the assertion of the words from index `start` to `end`, judged from a few words on either side."""
    before = _same_sentence([word.text for word in words[max(0, start - _BEFORE) : start]])
    after = [word.text for word in words[end : end + _AFTER]]
    if rule_id == "self-harm-means":
        return Assertion.SELF_ONLY
    if not _NEGATED.isdisjoint(before[-4:]) or (after and after[0] in {"neg", "none", "negative"}):
        return Assertion.NEGATED
    if not _UNCERTAIN.isdisjoint(before) or is_question(text, words[end - 1].end):
        return Assertion.UNCERTAIN
    if _of_the_past(before, after):
        return Assertion.HISTORICAL
    if not _SELF.isdisjoint(after) or "suicidal" in before:
        return Assertion.SELF_ONLY
    return Assertion.ASSERTED


def _of_the_past(before: list[str], after: list[str]) -> bool:
    """Return whether the words around a mention date it: "hx of", "two years ago", but not "ten minutes ago"."""
    before, after = _without_recent(before), _without_recent(after)
    if not (_HISTORICAL.isdisjoint(before) and _DATED_AFTER.isdisjoint(after)):
        return True
    return before[-1:] == ["past"] or ("past" in after and after[:3] == ["in", "the", "past"])


def _without_recent(words: list[str]) -> list[str]:
    """Return words without an "ago" that counts minutes or hours: what has just happened is not of the past."""
    return [word for place, word in enumerate(words) if word != "ago" or not place or words[place - 1] not in _RECENT]


def is_question(text: str, end: int) -> bool:
    """Return whether a question mark follows a place in the text."""
    return _QUESTION.match(text, end) is not None


def _same_sentence(before: list[str]) -> list[str]:
    """Return the words before a mention from the last word that opens a new statement."""
    if _OPENING.isdisjoint(before):
        return before
    return before[1 + max(place for place, word in enumerate(before) if word in _OPENING) :]
