"""Plain negation of violence: "not hurting anyone", "no hitting heard", "has not hit anyone".

A mention of violence counts as plainly negated only in a closed set of constructions: a listed negation, then nothing but
listed fillers, then a form of the word that the negation takes, and no word in the sentence that takes the negation back.
Everything else stands: "no doubt he will hit her", "not only hit her", "has not stopped hitting", "never stops hitting",
"not the first time he hit her", "not hitting her now but said he will". The words are data, in `[violence_negated]` of
`rulebook.toml`.
"""

import re
from collections.abc import Sequence

from models.text.tokens import Word
from models.veto.rulebook import Negation, Phrase

_BREAK = re.compile(r"[.,;:!?()\n\"]")
_SENTENCE = re.compile(r"[.;!?\n]")
_BEFORE, _AFTER = 10, 16


def is_plainly_negated(words: Sequence[Word], start: int, end: int, text: str, negation: Negation) -> bool:
    """Return whether the mention of violence from word index `start` to `end` (exclusive) is plainly negated."""
    first = _construction_start(words, start, negation)
    if first is None or _BREAK.search(text, words[first].start, words[start].start):
        return False
    return not _taken_back_before(words, first, text, negation) and not _taken_back_after(words, end, text, negation)


def _construction_start(words: Sequence[Word], start: int, negation: Negation) -> int | None:
    """Return the index of the first word of the negation, or `None` where no listed construction stands there."""
    place, has_intent = start, False
    while place:
        if (size := _head(words, place, words[start].text, negation, has_intent=has_intent)) > 0:
            return place - size
        if (size := _ending(words, place, negation.intents)) > 0:
            place, has_intent = place - size, True
        elif place > 1 and words[place - 1].text in negation.joins and _is_form(words[place - 2].text, negation.forms):
            place -= 2
        elif (size := _ending(words, place, negation.fillers)) > 0:
            place -= size
        else:
            return None
    return None


def _head(words: Sequence[Word], place: int, form: str, negation: Negation, *, has_intent: bool) -> int:
    """Return the number of words of the negation that ends just before a place and takes a form; 0 where none does."""
    for kind in negation.kinds:
        size = _ending(words, place, kind.heads)
        if size and (has_intent or form in kind.forms or (kind.gerunds and form.endswith("ing"))):
            return size
    return 0


def _is_form(word: str, forms: frozenset[str]) -> bool:
    """Return whether a word is a form that some negation takes."""
    return word in forms or word.endswith("ing")


def _ending(words: Sequence[Word], place: int, phrases: frozenset[Phrase]) -> int:
    """Return the number of words of the longest phrase that ends just before a place; 0 where none does."""
    for size in range(min(4, place), 0, -1):
        if tuple(word.text for word in words[place - size : place]) in phrases:
            return size
    return 0


def _taken_back_before(words: Sequence[Word], first: int, text: str, negation: Negation) -> bool:
    """Return whether a word earlier in the clause turns the negation round: "not sure he is not hitting"."""
    for place in range(first - 1, max(-1, first - 1 - _BEFORE), -1):
        if _BREAK.search(text, words[place].end, words[place + 1].start):
            return False
        if words[place].text in negation.turned_by:
            return True
    return False


def _taken_back_after(words: Sequence[Word], end: int, text: str, negation: Negation) -> bool:
    """Return whether the rest of the sentence limits the negation: "now", "yet", "but said he will", a question mark."""
    same_clause, last = True, min(len(words), end + _AFTER)
    for place in range(end, last):
        gap = text[words[place - 1].end : words[place].start]
        if _SENTENCE.search(gap):
            return "?" in gap
        same_clause = same_clause and not _BREAK.search(gap)
        following = words[place + 1].text if place + 1 < len(words) else ""
        if _is_nobody(words, place, negation):
            continue
        if words[place].text in negation.limited_by or _is_will(words[place].text, following, negation):
            return True
        if same_clause and _limits(words[place].text, words[place - 1].text, following, negation):
            return True
    return last == len(words) and text[words[-1].end :].lstrip().startswith("?")


def _limits(word: str, before: str, following: str, negation: Negation) -> bool:
    """Return whether a word of the same clause limits the negation: "not hitting her hard", "this time", "with fists"."""
    if word == "with":
        return following not in negation.company
    if word == "time" or (word == "just" and following in negation.harmless_wishes):
        return False
    if word == "this" and following == "time":
        return before != "at"
    return word in negation.clause_limited_by


def _is_will(word: str, following: str, negation: Negation) -> bool:
    """Return whether somebody announces something: "will", unless the caller will only wait, meet or call."""
    return word in negation.announcing and following not in negation.harmless_plans


def _is_nobody(words: Sequence[Word], place: int, negation: Negation) -> bool:
    """Return whether a word says what nobody will do: "and nobody is going to"."""
    before = (word.text for word in words[max(0, place - 2) : place])
    return words[place].text in negation.announcing and not negation.no_one.isdisjoint(before)
