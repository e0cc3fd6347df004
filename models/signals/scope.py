"""The scope of a mention: the sentences of a note, and the words that can deny or doubt a mention in one.

A pattern is found within one sentence only. What denies, doubts or dates a mention must stand in the mention's own
clause, unless that is an item of a list ("denies SI, HI, drugs"), and must not be used up by another word ("no shirt
yelling").
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from models.text.tokens import Word

Span = tuple[int, int]

_BREAK = re.compile(r"(?P<stop>[.;?!]+(?=\s|$)|\n)|[,()|]|//| - ")
_LINE = 50
"""A line of at least so many characters may be cut by its length and go on below; a shorter one ends a statement."""
_NOT_A_STOP = frozenset(
    "approx apt ave blvd bldg co dr ext ft jr lt mr mrs ms num ofc pkwy poss rd rm sgt sr st ste subj susp unk veh".split()
)
_DENIES = frozenset("denies denied denying deny neg negative".split())
_OR = frozenset("or nor".split())
_NO = frozenset("no without neg".split())
_USED_UP = frozenset(
    """weapon weapons wpn wpns wep weps weap weaps shirt shirts shoes shoe pants clothes clothing coat jacket socks answer
    ans contact description desc info information further emergency injury injuries injured vehicle veh mask hat id lights
    heat response reason known sign signs""".split()
)
_REACH = 5
_ANSWERED_NO = re.compile(r" ?(?:\?|:|-|=) ?(?:no|neg|negative|none|denied|denies|n)(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the sentences and the clauses of a note begin, as places of words in order; both leave out the first."""

    sentences: tuple[int, ...]
    clauses: tuple[int, ...]

    def within_a_sentence(self, span: Span) -> bool:
        """Return whether words stand in one sentence."""
        return not self.sentences or bisect_right(self.sentences, span[0]) == bisect_right(self.sentences, span[1] - 1)


def bounds_of(text: str, words: Sequence[Word]) -> Bounds:
    """Return where the sentences and clauses of normalised text begin."""
    sentences: list[int] = []
    clauses: list[int] = []
    starts: list[int] = []
    for match in _BREAK.finditer(text):
        starts = starts or [word.start for word in words]
        place = bisect_right(starts, match.start())
        if not 0 < place < len(words):
            continue
        if match["stop"] and not _goes_on(match["stop"], text, match.start(), words[place - 1].text):
            sentences.append(place)
        if not match["stop"] or place in sentences:
            clauses.append(place)
    return Bounds(tuple(sentences), tuple(clauses))


def scope_of(words: Sequence[Word], span: Span, bounds: Bounds) -> Span:
    """Return the words whose meaning reaches a mention, the mention among them."""
    first, last = _around(span, bounds.clauses, len(words))
    if first and first not in bounds.sentences and _is_item(words, span, (first, last)):
        first = _list_start(words, first, bounds, ends_in_or=_joined(words, first, span[0]))
    start, _ = span
    for place in range(start - 2, max(first, start - _REACH) - 1, -1):
        if words[place].text in _NO and words[place + 1].text in _USED_UP and not _joined(words, place + 2, start):
            return place + 2, last
    return first, last


def answered_no(text: str, end: int) -> bool:
    """Return whether a mention is a question or a heading that is answered with no: "suicidal? no"."""
    return _ANSWERED_NO.match(text, end) is not None


def _goes_on(sign: str, text: str, place: int, before: str) -> bool:
    """Return whether a sentence goes on after a sign: an abbreviation's full stop, or the end of a full line."""
    if sign == ".":
        return before in _NOT_A_STOP
    full = place - text.rfind("\n", 0, place) > _LINE
    return sign == "\n" and full and text[place - 1].isalpha() and text[place + 1 : place + 2].isalpha()


def _around(span: Span, starts: tuple[int, ...], size: int) -> Span:
    """Return the stretch of words, between two starts, that the first and last word of a span stand in."""
    before, after = bisect_right(starts, span[0]), bisect_right(starts, span[1] - 1)
    return (starts[before - 1] if before else 0), (starts[after] if after < len(starts) else size)


def _is_item(words: Sequence[Word], span: Span, clause: Span) -> bool:
    """Return whether a mention is the whole of its clause, or the last of a few that "or" joins."""
    joined = 0 < span[0] - clause[0] <= 3 and words[span[0] - 1].text in {*_OR, "and"}
    return span == clause or (joined and span[1] == clause[1])


def _list_start(words: Sequence[Word], first: int, bounds: Bounds, *, ends_in_or: bool) -> int:
    """Return where the list begins that a clause is an item of: a clause that denies; or the clause's own start."""
    place = first
    while place and place not in bounds.sentences:
        start, _ = _around((place - 1, place), bounds.clauses, len(words))
        head = {word.text for word in words[start:place]}
        if head & _DENIES or (ends_in_or and head & _NO):
            return start
        if place - start > 2:
            return first
        place = start
    return first


def _joined(words: Sequence[Word], start: int, end: int) -> bool:
    """Return whether "or" stands between two places."""
    return any(word.text in _OR for word in words[start:end])
