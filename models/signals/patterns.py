"""The words of a note as signals read them, and patterns expanded into phrases of such words.

A pattern is written as a note would be: `{refuse} to {leave|go}`. A slot in braces is a named list or alternatives set apart
by `|`, of which one may be empty or hold slots itself; `~` stands for up to three words of the same clause. A gap
cuts a pattern into segments, and each segment is expanded into every phrase that it stands for.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.errors import InvalidLexicon
from models.text.normalize import normalise
from models.text.tokens import Word

LONGEST_GAP = 3
MOST_PHRASES = 4000
"""The most phrases that one segment may stand for: more would slow the start of the service."""

# An apostrophe joins, because call-takers leave it out; a sign is read only between digits (10-56, 5:30, 647.6).
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)*|(?<=[0-9])[-.:](?=[0-9])|[^\x00-\x7f\s]")
_SIGN = re.compile(r"[{|}]")
_NAME = re.compile(r"([a-z][a-z_]*)\}")
_COMMON = frozenset(
    """a an the to in on at of by for with w from and or up out off down over into is was are were be been being has have had
    his her their my our its he she they him them it that this not no as who""".split()
)
_EACH_SEGMENT = 30  # what joining costs at run time, in phrases

Phrase = tuple[str, ...]


Parts = list[tuple[Phrase, ...]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as written, and expanded: one phrase of each segment after the other, at most `gaps` words between."""

    text: str
    segments: tuple[frozenset[Phrase], ...]
    gaps: tuple[int, ...] = ()


def words_of(text: str) -> list[Word]:
    """Return the words of normalised text, each with its place there.

    >>> [word.text for word in words_of("rp adv he won't leave, poss 10-56")]
    ['rp', 'adv', 'he', 'wont', 'leave', 'poss', '10', '-', '56']
    """
    if "'" not in text:
        return [Word(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]
    return [Word(match[0].replace("'", ""), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def phrase_of(text: str) -> Phrase:
    """Return the words of a text that is not normalised yet."""
    return tuple(word.text for word in words_of(normalise(text).text))


class Expander:
    """The lists that slots name, each with the phrases that it stands for."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Store the lists as written; each is expanded when it is first needed."""
        self._written = lists
        self._expanded: dict[str, tuple[Phrase, ...]] = {}

    def pattern(self, text: str, *, where: str) -> Pattern:
        """Return a pattern expanded; raise `InvalidLexicon`, naming `where` it stands, if it cannot be read."""
        segments: list[frozenset[Phrase]] = []
        gaps: list[int] = []
        for stretch in text.split("~"):
            cut = _cut(self._parts(stretch, where))
            if cut is None:
                raise InvalidLexicon(f"{where}: a pattern or a part of it may be empty", value=text, remedy="give it a word")
            gaps += [LONGEST_GAP] if segments else []
            gaps += [0] * (len(cut) - 1)
            segments += cut
        most = max(map(len, segments))
        if most > MOST_PHRASES:
            remedy = f"at most {MOST_PHRASES}; use smaller lists"
            raise InvalidLexicon(f"{where}: a pattern stands for {most} phrases", value=text, remedy=remedy)
        return Pattern(text, tuple(segments), tuple(gaps))

    def _parts(self, text: str, where: str) -> Parts:
        """Return what follows what in a text without gaps: for each slot, and for the words between two, its phrases."""
        parts, rest = self._read(text, where)
        if rest:
            raise InvalidLexicon(f"{where}: a brace has no partner", value=text, remedy="write slots as {name} or {a|b}")
        return parts

    def _read(self, text: str, where: str) -> tuple[Parts, str]:
        """Read up to the bar or brace that ends this level; return what was read, and the rest from that sign on."""
        parts: Parts = []
        while text:
            sign = _SIGN.search(text)
            literal = text[: sign.start()] if sign else text
            parts += [(phrase,)] if (phrase := phrase_of(literal)) else []
            if sign is None:
                return parts, ""
            if sign.group() != "{":
                return parts, text[sign.start() :]
            alternatives, text = self._slot(text[sign.end() :], where)
            parts.append(alternatives)
        return parts, ""

    def _slot(self, text: str, where: str) -> tuple[tuple[Phrase, ...], str]:
        """Read a slot, its opening brace gone; return its phrases and the rest after its closing brace."""
        named = _NAME.match(text)
        if named:
            return self._listed(named.group(1), where), text[named.end() :]
        phrases: list[Phrase] = []
        while True:
            parts, text = self._read(text, where)
            phrases += _products(parts)
            if not text:
                raise InvalidLexicon(f"{where}: a brace has no partner", remedy="write slots as {name} or {a|b}")
            sign, text = text[0], text[1:]
            if sign == "}":
                return tuple(dict.fromkeys(phrases)), text

    def _listed(self, name: str, where: str) -> tuple[Phrase, ...]:
        """Return the phrases of a named list."""
        if name not in self._written:
            raise InvalidLexicon(f"{where}: no such list", value=name, remedy="add it under [lists]")
        if name not in self._expanded:
            self._expanded[name] = ()  # a list that names itself adds nothing
            entries = (_products(self._parts(entry, f"list {name}")) for entry in self._written[name])
            self._expanded[name] = tuple(dict.fromkeys(itertools.chain.from_iterable(entries)))
        return self._expanded[name]


def _products(parts: Parts) -> Iterator[Phrase]:
    """Yield every phrase that parts in a row stand for."""
    return (tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts))


def _cut(parts: Parts) -> list[frozenset[Phrase]] | None:
    """Return parts as the segments that need the fewest phrases, or `None` if the parts may all be empty.

    No segment may be empty, nor be made of common words alone, which would match everywhere.
    """
    while parts and () in parts[-1]:  # what may be missing at either end adds nothing
        parts = parts[:-1]
    while parts and () in parts[0]:
        parts = parts[1:]
    best: list[tuple[int, list[tuple[int, int]]] | None] = [(0, [])]
    for end in range(1, len(parts) + 1):
        options = [
            (cost + _EACH_SEGMENT + math.prod(map(len, parts[start:end])), [*cuts, (start, end)])
            for start in range(end)
            if (before := best[start]) is not None and _tells(parts[start:end], alone=(start, end) == (0, len(parts)))
            for cost, cuts in (before,)
        ]
        best.append(min(options, default=None))
    chosen = best[-1]
    return None if not chosen or not chosen[1] else [frozenset(_products(parts[start:end])) for start, end in chosen[1]]


def _tells(parts: Parts, *, alone: bool) -> bool:
    """Return whether every phrase of some parts holds a word, and one that is not common unless they stand alone."""
    if alone:
        return not all(() in part for part in parts)
    return any(all(not _COMMON.issuperset(phrase) for phrase in part) for part in parts)
