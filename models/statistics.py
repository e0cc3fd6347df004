"""Estimates and their intervals: shares, bootstrap, bins of equal count, and p-values corrected for their number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.common.extras import needs

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_MOST_REDRAWS = 100


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval, the method of the interval, and the number of calls it rests on."""

    value: float
    low: float
    high: float
    n: int
    method: str

    def __str__(self) -> str:
        """Return the figure as printed in terminals and pages."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}, n={self.n})" if self.n else "no calls"


def share(hits: int, n: int, *, confidence: float, method: str = "wilson") -> Estimate:
    """Return a share with its two-sided interval; `method` is `wilson` or `exact` (Clopper and Pearson, 1934).

    Source: Wilson, JASA 22 (1927), as scipy computes it.

    >>> str(share(1, 10, confidence=0.95))
    '0.100 (0.018 to 0.404, n=10)'
    """
    if n == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0, method)
    with needs("an interval"):
        from scipy import stats  # noqa: PLC0415  a second and 60 MB that a service without a dashboard can spare

    interval = stats.binomtest(hits, n).proportion_ci(confidence, method=method)
    return Estimate(hits / n, float(interval.low), float(interval.high), n, method)


def upper_bound(hits: int, n: int, *, confidence: float) -> float:
    """Return the exact one-sided upper bound of a share: 1.0 where there are no calls.

    >>> round(upper_bound(0, 59, confidence=0.95), 4)
    0.0495
    """
    if n == 0:
        return 1.0
    with needs("an interval"):
        from scipy import stats  # noqa: PLC0415  a second and 60 MB that a service without a dashboard can spare

    return float(stats.binomtest(hits, n, alternative="less").proportion_ci(confidence, method="exact").high)


@dataclass(frozen=True, slots=True)
class ClusteredBound:
    """An upper bound of a share whose events come in clusters: what it rests on, and how many single calls that is worth."""

    hits: int
    n: int
    clusters: int
    effective_n: float
    bound: float


def clustered_upper_bound(events: Bools, clusters: Sequence[object], *, confidence: float) -> ClusteredBound:
    """Return the upper bound of the share of events, shape (n,), where calls of one cluster resemble one another.

    The exact bound is taken at the effective number of calls: n over the design effect (the between-cluster variance of the
    share over the binomial one, never below 1), less by Student's t with one degree of freedom less than there are
    clusters with an event, because few of them tell little of how they differ. Without an event the design effect cannot
    be estimated, and each cluster counts as one call, weighted by its size (Kish). Source: Korn and Graubard, Survey
    Methodology 24 (1998) 193.

    >>> alone = clustered_upper_bound(np.zeros(59, dtype=bool), range(59), confidence=0.95)
    >>> round(alone.bound, 4), alone.effective_n
    (0.0495, 59.0)
    """
    n = len(events)
    if n == 0:
        return ClusteredBound(0, 0, 0, 0.0, 1.0)
    with needs("an interval"):
        from scipy import stats  # noqa: PLC0415  a second and 60 MB that a service without a dashboard can spare

    hits = int(events.sum())
    _, of_row = np.unique(np.asarray([str(each) for each in clusters]), return_inverse=True)
    sizes, totals = np.bincount(of_row), np.bincount(of_row, weights=events)
    count = len(sizes)
    fewest = n**2 / float((sizes**2).sum())
    if count == n:  # every call is a cluster of its own: the exact bound
        effective = float(n)
    elif hits == 0 or count == 1:
        effective = fewest
    else:
        rate = hits / n
        between = count / (count - 1) * float(((totals - rate * sizes) ** 2).sum()) / n**2
        effect = max(1.0, between / (rate * (1 - rate) / n)) if rate < 1 else n / fewest
        concerned = max(2, int((totals > 0).sum()))
        loss = stats.t.ppf(confidence, concerned - 1) / stats.norm.ppf(confidence)
        effective = min(float(n), max(1.0, n / effect / loss**2))
    events_worth = hits * effective / n
    bound = float(stats.beta.ppf(confidence, events_worth + 1, effective - events_worth)) if hits < n else 1.0
    return ClusteredBound(hits, n, count, effective, bound)


def paired_difference(first: Bools, second: Bools, *, confidence: float) -> Estimate:
    """Return the share of the first less that of the second over the same calls, both of shape (n,), with its interval.

    Unlike a bootstrap, it is not of width 0 where the two never differ: few calls prove little. Source: Newcombe's method
    10, Statistics in Medicine 17 (1998) 2635.

    >>> alike = np.array([True] * 16 + [False] * 4)
    >>> str(paired_difference(alike, alike, confidence=0.9))
    '0.000 (-0.105 to 0.105, n=20)'
    """
    n = len(first)
    if n == 0:
        return Estimate(float("nan"), -1.0, 1.0, 0, "newcombe")
    one, other = (share(int(each.sum()), n, confidence=confidence) for each in (first, second))
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    only_one, only_other = int((first & ~second).sum()), int((~first & second).sum())
    product = both * neither - only_one * only_other
    corrected = max(product - n / 2, 0.0) if product > 0 else float(product)
    margins = (both + only_one) * (only_other + neither) * (both + only_other) * (only_one + neither)
    phi = corrected / np.sqrt(margins) if margins else 0.0
    down, up = one.value - one.low, other.high - other.value
    below = np.sqrt(max(0.0, down**2 - 2 * phi * down * up + up**2))
    up, down = one.high - one.value, other.value - other.low
    above = np.sqrt(max(0.0, up**2 - 2 * phi * up * down + down**2))
    gap = one.value - other.value
    return Estimate(gap, float(gap - below), float(gap + above), n, "newcombe")


def bootstrap_draws(
    statistic: Callable[[Rows], ArrayLike],
    n: int,
    *,
    resamples: int,
    seed: int = 0,
    strata: Sequence[int] = (),
    clusters: Sequence[object] | None = None,
    defined: Callable[[Rows], bool] = lambda _: True,
) -> Floats:
    """Return a statistic over bootstrap draws of `n` rows; shape (resamples,), or (resamples, k) for k figures.

    Parameters
    ----------
    statistic
        Called with row numbers, shape (n,). Comparing two figures of the same rows in it gives a paired bootstrap.
    strata
        Sizes of consecutive groups of rows, each drawn by itself and given in order: an unpaired comparison of groups.
    clusters
        The cluster of each row, shape (n,): whole clusters are drawn, so that the number of rows varies.
    defined
        Whether the statistic exists for the drawn rows (both classes present, say); other draws are drawn again.

    """
    rng = np.random.default_rng(seed)
    draw = _drawer(rng, n, strata, clusters)
    values = []
    for _ in range(resamples):
        rows = next((rows for rows in (draw() for _ in range(_MOST_REDRAWS)) if defined(rows)), None)
        if rows is not None:
            values.append(statistic(rows))
    return np.asarray(values, dtype=np.float64)


def _drawer(
    rng: np.random.Generator, n: int, strata: Sequence[int], clusters: Sequence[object] | None
) -> Callable[[], Rows]:
    """Return a function that draws row numbers with replacement."""
    if clusters is not None:
        _, of_row = np.unique(np.asarray(clusters), return_inverse=True)
        members = np.split(np.argsort(of_row, kind="stable"), np.cumsum(np.bincount(of_row))[:-1])
        return lambda: np.concatenate([members[each] for each in rng.integers(0, len(members), len(members))])
    if strata:
        starts = np.cumsum([0, *strata[:-1]])
        return lambda: np.concatenate([s + rng.integers(0, size, size) for s, size in zip(starts, strata, strict=True)])
    return lambda: rng.integers(0, n, n)


def percentile_interval(draws: Floats, *, confidence: float) -> tuple[float, float]:
    """Return the ends of the central interval of bootstrap draws, shape (resamples,)."""
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def equal_count_bins(values: Floats, bins: int) -> list[Rows]:
    """Return the row numbers of each bin when values, shape (n,), are sorted and cut into bins of equal count."""
    return [part for part in np.array_split(np.argsort(values, kind="stable"), bins) if len(part)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the same order (Holm, Scandinavian Journal of Statistics 6, 1979).

    >>> holm([0.04, 0.01, 0.03])
    [0.06, 0.03, 0.06]
    """
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[place] * (len(p_values) - rank)))
        corrected[place] = highest
    return corrected
