"""Find patterns in the words of a note, all of them in one pass of one spaCy `PhraseMatcher`.

Every distinct phrase of any pattern is one key of the matcher. A pattern with a gap, or one that was cut because it stands
for too many phrases, is tried only where the segment that is rarest among all patterns was found, and is then followed
word by word to either side. Words that no pattern knows are replaced by one filler before spaCy sees them, so that its
string store does not grow however long the service runs.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc
from spacy.vocab import Vocab

from models.signals.patterns import Pattern, Phrase
from models.text.tokens import Word

_FILLER = "_"
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


class PatternMatcher:
    """Compiled patterns, each with the number of its owner; safe to share between threads."""

    def __init__(self, patterns: Iterable[tuple[int, Pattern]], *, ordinary: frozenset[str] = frozenset()) -> None:
        """Compile patterns; words in `ordinary` are never read as a typing slip."""
        self.vocab = Vocab()
        self._lock = threading.Lock()
        self._numbers: dict[Phrase, int] = {}
        self._owners: dict[int, tuple[int, ...]] = {}
        self._anchored: dict[int, list[_Chain]] = {}
        owned = list(patterns)
        uses = Counter(phrase for _, pattern in owned for segment in pattern.segments for phrase in segment)
        for owner, pattern in owned:
            self._add(owner, pattern, uses)
        self._known = frozenset(word for phrase in self._numbers for word in phrase)
        self._slips = _slips(self._known, ordinary)
        self._matcher = PhraseMatcher(self.vocab, attr="ORTH")
        self._entries: dict[int, tuple[int, tuple[int, ...], list[_Chain]]] = {}
        for phrase, number in self._numbers.items():
            self._matcher.add(str(number), [Doc(self.vocab, words=list(phrase))])
            entry = number, self._owners.get(number, ()), self._anchored.get(number, [])
            self._entries[self.vocab.strings[str(number)]] = entry

    def _add(self, owner: int, pattern: Pattern, uses: Counter[Phrase]) -> None:
        """Enter one pattern under its phrases."""
        numbers = self._numbers
        segments = tuple(
            frozenset(numbers.setdefault(phrase, len(numbers)) for phrase in sorted(segment)) for segment in pattern.segments
        )
        if len(segments) == 1:
            for number in segments[0]:
                owners = self._owners.get(number, ())
                self._owners[number] = owners if owner in owners else (*owners, owner)
            return
        commonness = [max(uses[phrase] for phrase in segment) for segment in pattern.segments]
        anchor, second, *_ = sorted(range(len(segments)), key=commonness.__getitem__)
        chain = _Chain(owner, segments, pattern.gaps, anchor, segments[second])
        for number in segments[anchor]:
            self._anchored.setdefault(number, []).append(chain)

    def find(self, words: Sequence[Word]) -> list[Match]:
        """Return every match in some words, in no order."""
        if not words:
            return []
        known, slips = self._known, self._slips
        filled = [word.text if word.text in known else slips.get(word.text, _FILLER) for word in words]
        with self._lock:
            keys = self._matcher(Doc(self.vocab, words=filled))
        places: list[tuple[int, int, int]] = []
        matches: list[Match] = []
        tried: list[tuple[_Chain, Span]] = []
        for key, start, end in keys:
            number, owners, chains = self._entries[key]
            places.append((number, start, end))
            matches += [Match(owner, ((start, end),)) for owner in owners]
            tried += [(chain, (start, end)) for chain in chains]
        found = {number for number, _, _ in places}
        tried = [(chain, span) for chain, span in tried if not chain.second.isdisjoint(found)]
        if tried:
            text = _Places(places, words)
            matches += [Match(chain.owner, parts) for chain, span in tried for parts in text.follow(chain, span)]
        return matches


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
