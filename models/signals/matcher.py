"""A matcher of patterns in the words of a note: all of them in one pass over one index of phrases.

Every distinct phrase of any pattern is one key of the index. A pattern with a gap, or one that was cut because it stands
for too many phrases, is tried only where the segment that is rarest among all patterns was found, and is then followed
word by word to either side. Nothing of a note is kept, and no lock is needed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.signals.patterns import Pattern, Phrase
from models.text.tokens import Word
from models.veto.phrases import PhraseIndex

_SLIP_OF = 7
"""Words of at least so many letters are read through one typing slip: a letter left out, or two swapped."""
_TURNS = frozenset("no not never without denies denied neg negative but".split())

Span = tuple[int, int]
Place = tuple[int, int]
"""A phrase and the other end of it, kept under the word that it starts at or ends before."""


class Match(NamedTuple):
    """A pattern in a note: its owner, and the word spans of its segments in order."""

    owner: int
    parts: tuple[Span, ...]

    @property
    def start(self) -> int:
        """Return the first word."""
        return self.parts[0][0]

    @property
    def end(self) -> int:
        """Return the place after the last word."""
        return self.parts[-1][1]


@dataclass(frozen=True, slots=True)
class _Chain:
    """A pattern of several segments, as phrase numbers; `anchor` is the segment looked for first, `second` after it."""

    owner: int
    segments: tuple[frozenset[int], ...]
    gaps: tuple[int, ...]
    anchor: int
    second: frozenset[int]


class _Entry(NamedTuple):
    """A phrase: its number, the owners of the patterns that it is the whole of, and the chains that it anchors."""

    number: int
    owners: tuple[int, ...]
    chains: tuple[_Chain, ...]


class PatternMatcher:
    """Compiled patterns, each with the number of its owner; safe to share between threads."""

    def __init__(self, patterns: Iterable[tuple[int, Pattern]], *, ordinary: frozenset[str] = frozenset()) -> None:
        """Compile patterns; words in `ordinary` are never read as a typing slip."""
        owned = list(patterns)
        uses = Counter(phrase for _, pattern in owned for segment in pattern.segments for phrase in segment)
        numbers = {phrase: number for number, phrase in enumerate(uses)}
        owners: dict[int, tuple[int, ...]] = {}
        chains: dict[int, tuple[_Chain, ...]] = {}
        for owner, pattern in owned:
            if len(pattern.segments) == 1:
                for phrase in pattern.segments[0]:
                    number = numbers[phrase]
                    owners[number] = tuple(dict.fromkeys((*owners.get(number, ()), owner)))
                continue
            chain = _chain(owner, pattern, uses, numbers)
            for number in chain.segments[chain.anchor]:
                chains[number] = (*chains.get(number, ()), chain)
        self._slips = _slips(frozenset(word for phrase in numbers for word in phrase), ordinary)
        self._index = PhraseIndex(
            (_Entry(number, owners.get(number, ()), chains.get(number, ())), (phrase,)) for phrase, number in numbers.items()
        )

    def find(self, words: Sequence[Word]) -> list[Match]:
        """Return every match in some words, in no order."""
        slips = self._slips.get
        places: list[tuple[int, int, int]] = []
        matches: list[Match] = []
        tried: list[tuple[_Chain, Span]] = []
        for (number, owners, chains), start, end in self._index.find([slips(word.text, word.text) for word in words]):
            places.append((number, start, end))
            matches += [Match(owner, ((start, end),)) for owner in owners]
            tried += [(chain, (start, end)) for chain in chains]
        present = {number for number, _, _ in places}
        tried = [(chain, span) for chain, span in tried if not chain.second.isdisjoint(present)]
        if tried:
            text = _Places(places, words)
            matches += [Match(chain.owner, parts) for chain, span in tried for parts in text.follow(chain, span)]
        return matches


def _chain(owner: int, pattern: Pattern, uses: Counter[Phrase], numbers: dict[Phrase, int]) -> _Chain:
    """Return a pattern of several segments, anchored at the one whose commonest phrase is the rarest."""
    segments = tuple(frozenset(map(numbers.__getitem__, segment)) for segment in pattern.segments)
    commonness = [max(map(uses.__getitem__, segment)) for segment in pattern.segments]
    anchor, second, *_ = sorted(range(len(segments)), key=commonness.__getitem__)
    return _Chain(owner, segments, pattern.gaps, anchor, segments[second])


def _slips(known: frozenset[str], ordinary: frozenset[str]) -> dict[str, str]:
    """Return each typing slip of a long word with the word; none that is a word itself or a slip of two words."""
    slips: dict[str, str | None] = {}
    for word in sorted(known):
        if len(word) < _SLIP_OF or not (word.isascii() and word.isalpha()):
            continue
        for place in range(1, len(word) - 1):
            swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            for slip in {word[:place] + word[place + 1 :], swapped} - {word}:
                slips[slip] = None if slips.get(slip, word) != word else word
    return {slip: word for slip, word in slips.items() if word and slip not in known and slip not in ordinary}


class _Places:
    """Where the phrases of a note start and end."""

    def __init__(self, places: list[tuple[int, int, int]], words: Sequence[Word]) -> None:
        """Index the phrases by both ends."""
        self._words = words
        self._starting: list[list[Place]] = [[] for _ in range(len(words) + 1)]
        self._ending: list[list[Place]] = [[] for _ in range(len(words) + 1)]
        for number, start, end in places:
            self._starting[start].append((number, end))
            self._ending[end].append((number, start))

    def follow(self, chain: _Chain, anchor: Span) -> list[tuple[Span, ...]]:
        """Return every way in which the other segments of a chain stand around its anchor."""
        ways: list[tuple[Span, ...]] = [(anchor,)]
        for place in range(chain.anchor + 1, len(chain.segments)):
            segment, gap = chain.segments[place], chain.gaps[place - 1]
            ways = [(*way, after) for way in ways for after in self._after(way[-1][1], segment, gap)]
            if not ways:
                return ways
        for place in range(chain.anchor - 1, -1, -1):
            segment, gap = chain.segments[place], chain.gaps[place]
            ways = [(before, *way) for way in ways for before in self._before(way[0][0], segment, gap)]
            if not ways:
                return ways
        return ways

    def _after(self, end: int, segment: frozenset[int], gap: int) -> Iterator[Span]:
        """Yield the phrases of a segment that start after a word, within `gap` words; a turning word ends the search."""
        for start in range(end, min(end + gap + 1, len(self._words))):
            for number, stop in self._starting[start]:
                if number in segment:
                    yield start, stop
            if self._words[start].text in _TURNS:
                return

    def _before(self, start: int, segment: frozenset[int], gap: int) -> Iterator[Span]:
        """Yield the phrases of a segment that end before a word, at most `gap` words back."""
        for end in range(start, max(start - gap - 1, -1), -1):
            for number, begin in self._ending[end]:
                if number in segment:
                    yield begin, end
            if end and self._words[end - 1].text in _TURNS:
                return
