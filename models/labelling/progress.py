"""The progress of a labelling project: calls settled and in dispute, kappa, time a call, and estimates for all calls."""

import statistics
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from models.labelling.label import Judgement, Label
from models.statistics import Estimate, share

CONFIDENCE = 0.95
RISKS = ("danger", "medical", "self_harm")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledItem:
    """A call's place in the queue with the last judgement of each person, without the call itself."""

    item_id: int
    needed: int
    drawn_by: str
    random_rank: int | None
    judgements: tuple[Judgement, ...] = ()

    @property
    def labels(self) -> tuple[Label, ...]:
        """Return the labels that were given blind, in order."""
        return tuple(each.label for each in self.judgements if not each.adjudication)

    @property
    def complete(self) -> bool:
        """Return whether as many people labelled it as should."""
        return len(self.labels) >= self.needed

    @property
    def disputed(self) -> bool:
        """Return whether somebody has to decide: the labels differ, or one is unsure, and nobody adjudicated."""
        return self.complete and self.settled is None

    @property
    def settled(self) -> Label | None:
        """Return the label that counts: the adjudicated one, or the one that all agree on and nobody is unsure of."""
        decided = [each.label for each in self.judgements if each.adjudication]
        if decided:
            return decided[-1]
        if not self.complete:
            return None
        first, *rest = self.labels
        return first if first.eligible is not None and all(first.agrees(other) for other in rest) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The figures of a project; `kappa` is missing where fewer than two calls were labelled twice or all labels are one."""

    calls: int
    complete: int
    settled: int
    disputed: int
    twice: int
    kappa: float | None
    median_seconds: float | None
    by_person: Mapping[str, int]
    sampled: int
    """How many calls are in the random sample so far, and settled."""

    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    """Shares of all calls of the pool, from the random sample alone, with 95 % intervals."""


def progress(items: Sequence[LabelledItem]) -> Progress:
    """Return the figures of a project as it stands."""
    pairs = [(item.labels[0].eligible, item.labels[1].eligible) for item in items if len(item.labels) >= 2]
    judgements = [each for item in items for each in item.judgements]
    seconds = [each.seconds for each in judgements if each.seconds is not None]
    sample = random_sample(items)
    return Progress(
        calls=len(items),
        complete=sum(item.complete for item in items),
        settled=sum(item.settled is not None for item in items),
        disputed=sum(item.disputed for item in items),
        twice=len(pairs),
        kappa=kappa([one for one, _ in pairs], [other for _, other in pairs]),
        median_seconds=statistics.median(seconds) if seconds else None,
        by_person=Counter(each.person for each in judgements),
        sampled=len(sample),
        estimates=_estimates(sample),
    )


def random_sample(items: Sequence[LabelledItem]) -> list[Label]:
    """Return the settled labels of the random permutation's beginning, up to its first call that is not settled.

    The permutation was drawn before anything else was known of the calls, so that its beginning is a simple random sample
    of all calls, whatever else was labelled: shares in it need no weights. It ends early where a call waits for its second
    label or is in dispute; calls beyond are not used, because which of them are settled is not a matter of chance.
    """
    by_rank = {item.random_rank: item for item in items if item.random_rank is not None}
    labels: list[Label] = []
    while (item := by_rank.get(len(labels))) is not None and item.settled is not None:
        labels.append(item.settled)
    return labels


def kappa(one: Sequence[Hashable], other: Sequence[Hashable]) -> float | None:
    """Return Cohen's kappa of two labellers; `None` for fewer than two calls, or where chance alone would agree always.

    >>> kappa(["a", "b", "a", "b"], ["a", "b", "b", "b"])
    0.5
    """
    n = len(one)
    if n < 2:
        return None
    observed = sum(a == b for a, b in zip(one, other, strict=True)) / n
    first, second = Counter(one), Counter(other)
    chance = sum(first[name] * second[name] for name in first) / n**2
    return None if chance == 1 else (observed - chance) / (1 - chance)


def _estimates(sample: Sequence[Label]) -> dict[str, Estimate]:
    """Return the share of eligible calls and of each risk in a random sample; none without a sample."""
    if not sample:
        return {}
    counts = {"eligible": sum(label.eligible is True for label in sample)}
    counts |= {name: sum(bool(getattr(label, name)) for label in sample) for name in RISKS}
    return {name: share(count, len(sample), confidence=CONFIDENCE) for name, count in counts.items()}
