"""The terms of one block of text as a dictionary: which of them a text holds, and what each counts."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifier.heads import Vector
from models.classifier.tables import Terms

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class LookUp:
    """The terms of several texts, one text after the other: places and values, shapes (m,), and how many each has."""

    places: Places
    values: Vector
    sizes: list[int]


class Vocabulary:
    """The terms of one block; safe to share between threads."""

    def __init__(self, table: Terms) -> None:
        """Index the terms and, where a block has them, the inverse document frequencies."""
        self.terms = table.terms
        self._places = {term: place for place, term in enumerate(table.terms)}
        self._idf, self._longest = table.idf, table.longest
        self._sublinear, self._weight = table.sublinear, table.weight

    def look_up(self, text: str) -> tuple[Places, Vector]:
        """Return the places of a text's terms and their values; shapes (m,) and (m,)."""
        found = self.look_up_all([text])
        return found.places, found.values

    def look_up_all(self, texts: Iterable[str]) -> LookUp:
        """Return the terms of several texts; the same for a text alone and among others, to the last bit."""
        counts = [self._count(text) for text in texts]
        sizes = list(map(len, counts))
        places = np.fromiter(itertools.chain.from_iterable(counts), dtype=np.intp, count=sum(sizes))
        if self._idf is None or not len(places):
            return LookUp(places, np.full(len(places), self._weight), sizes)
        often = itertools.chain.from_iterable(count.values() for count in counts)
        times = np.fromiter(often, dtype=np.float64, count=len(places))
        raw = (1.0 + np.log(times) if self._sublinear else times) * self._idf[places]
        scales, start = [], 0
        for size in sizes:  # each text by itself, so that the order of its sum is the same whatever stands beside it
            part = raw[start : start + size]
            scales.append(self._weight / math.sqrt(float(part @ part)) if size else 0.0)
            start += size
        return LookUp(places, raw * np.repeat(scales, sizes), sizes)

    def _count(self, text: str) -> dict[int, int]:
        """Return how often each known term stands in a text, by its place, in the order in which they first stand there."""
        words, known = text.split(), self._places.get
        counts: dict[int, int] = {}
        for size in range(1, self._longest + 1):
            grams = words if size == 1 else map(" ".join, zip(*(words[skip:] for skip in range(size)), strict=False))
            for gram in grams:
                place = known(gram)
                if place is not None:
                    counts[place] = counts.get(place, 0) + 1
        return counts
