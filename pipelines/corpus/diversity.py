"""How varied a corpus is: distinct runs of five words, near-duplicate notes, agreement of its annotators."""

import itertools
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sklearn.metrics import cohen_kappa_score

_WORD = re.compile(r"[a-z0-9']+")
_ALIKE = 0.8  # share of word pairs from which two notes count as near-duplicates


@dataclass(frozen=True, slots=True)
class Diversity:
    """What was measured of `n` notes."""

    n: int
    distinct_five_grams_per_1000: float
    near_duplicate_share: float

    def __str__(self) -> str:
        """Return the figures in one line."""
        grams, alike = self.distinct_five_grams_per_1000, self.near_duplicate_share
        return f"{self.n} notes: {grams:.0f} distinct five-grams per 1,000 notes, {alike:.1%} near-duplicates"


def measure(notes: Sequence[str], *, sample: int = 2000, seed: int = 0) -> Diversity:
    """Return the diversity of a sample of notes, so that corpora of different sizes compare.

    A note is a near-duplicate where another of the sample shares at least 80 % of its word pairs (Jaccard).
    """
    chosen = random.Random(seed).sample(list(notes), min(sample, len(notes)))  # noqa: S311  reproducible, not secret
    words = [tuple(_WORD.findall(note.lower())) for note in chosen]
    grams = {text[start : start + 5] for text in words for start in range(len(text) - 4)}
    pairs = [frozenset(itertools.pairwise(text)) or frozenset({text}) for text in words]
    holders: dict[object, list[int]] = defaultdict(list)
    for number, own in enumerate(pairs):
        for pair in own:
            holders[pair].append(number)
    alike = sum(_has_twin(number, pairs, holders) for number in range(len(pairs)))
    return Diversity(len(chosen), 1000 * len(grams) / len(chosen), alike / len(chosen))


def kappa(one: Sequence[object], other: Sequence[object]) -> float:
    """Return Cohen's kappa of two annotators."""
    return float(cohen_kappa_score(list(map(str, one)), list(map(str, other))))


def _has_twin(number: int, pairs: Sequence[frozenset[object]], holders: dict[object, list[int]]) -> bool:
    """Return whether another note is nearly the same."""
    own = pairs[number]
    rarest = min(own, key=lambda pair: len(holders[pair]))
    near = {other for pair in sorted(own, key=lambda p: len(holders[p]))[:3] for other in holders[pair]} | set(
        holders[rarest]
    )
    return any(other != number and len(own & pairs[other]) >= _ALIKE * len(own | pairs[other]) for other in near)
