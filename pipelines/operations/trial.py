"""A trial in which a random share of calls is answered without a suggestion: its size, and the effect of the suggestion.

Every call counts in the arm that it was assigned to, whatever was shown, whether or not it was judged and its outcome is
known (intention to treat). What is unknown counts as false, in both arms alike. The calls of one call-taker resemble each
other, so the intervals of differences are cluster-robust by call-taker.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from models.errors import InvalidData
from models.statistics import Bools, Estimate, share
from pipelines.operations.trial_looks import bounds

SHOWN, SILENT = "shown", "silent"
FEW_TAKERS = 20
"""Below this number of call-takers, cluster-robust intervals are too narrow."""

_SAFE = ("none",)

FIGURES = {
    "judged": "were judged by a person",
    "same_as_model": "were decided as the model suggests",
    "sent": "were decided ELIGIBLE",
    "served": "had a team of the program",
    "right": "had a team and fitted it",
    "wrong": "had a team and did not fit it (police, force, an arrest)",
    "adverse": "had a team and an adverse event",
    "known": "have a known outcome",
}
"""The figures of an arm, each a share of all its calls."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: its calls and call-takers, the share of all its calls for each of `FIGURES`, and the median seconds taken."""

    name: str
    calls: int
    takers: int
    shares: dict[str, Estimate]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A share of the shown arm minus that of the silent arm, with its standard error and interval by call-taker."""

    value: float
    error: float
    low: float
    high: float
    takers: int

    @property
    def z(self) -> float:
        """Return the difference in standard errors; 0 where the standard error is 0."""
        return self.value / self.error if self.error > 0 else 0.0


def size(*, base: float, effect: float, power: float = 0.8, confidence: float = 0.95, silent: float = 0.5) -> int:
    """Return how many calls are needed to find a change of `effect` in a share that is `base` in the silent arm.

    Two-sided test of two independent shares (normal approximation, Fleiss); `silent` is the share of calls in that arm.

    >>> size(base=0.6, effect=0.05)
    2941
    """
    p0, p1 = base, base + effect
    z_a, z_b = stats.norm.ppf((1 + confidence) / 2), stats.norm.ppf(power)
    pooled = silent * p0 + (1 - silent) * p1
    null = z_a * math.sqrt(pooled * (1 - pooled) * (1 / silent + 1 / (1 - silent)))
    alternative = z_b * math.sqrt(p0 * (1 - p0) / silent + p1 * (1 - p1) / (1 - silent))
    return math.ceil(float(((null + alternative) / effect) ** 2))


def events(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return the calls of a trial with their arm, taker and seconds, and a boolean column for each of `FIGURES`."""
    rows = decisions[decisions["arm"].notna()].reset_index(drop=True)
    served, unfit = rows["served"].eq(True), rows["unfit"].eq(True)
    adverse = served & rows["adverse_event"].notna() & ~rows["adverse_event"].isin(_SAFE)
    return pd.DataFrame({
        "arm": rows["arm"].astype(str),
        "taker": rows["actor"].astype(str),
        "seconds": pd.to_numeric(rows["elapsed_ms"]) / 1000,
        "judged": rows["human"].notna(),
        "same_as_model": rows["human"].notna() & rows["human"].eq(rows["suggested"]),
        "sent": rows["human"].eq("ELIGIBLE"),
        "served": served,
        "right": served & ~unfit & ~adverse,
        "wrong": served & unfit,
        "adverse": adverse,
        "known": rows["served"].notna(),
    })  # fmt: skip


def arms(decisions: pd.DataFrame, *, confidence: float) -> list[Arm]:
    """Return the figures of each arm over all calls that were assigned to it."""
    return [_arm(str(name), rows, confidence=confidence) for name, rows in events(decisions).groupby("arm")]


def _arm(name: str, rows: pd.DataFrame, *, confidence: float) -> Arm:
    """Return the figures of one arm."""
    seconds = rows["seconds"].dropna()
    shares = {figure: share(int(rows[figure].sum()), len(rows), confidence=confidence) for figure in FIGURES}
    median = float(seconds.median()) if len(seconds) else None
    return Arm(name, len(rows), rows["taker"].nunique(), shares, median)


def differences(decisions: pd.DataFrame, *, confidence: float) -> dict[str, Difference]:
    """Return the effect of the suggestion on each of `FIGURES`; an empty table where one of the arms has no calls."""
    rows = events(decisions)
    shown = rows["arm"].eq(SHOWN).to_numpy(dtype=bool)
    if not shown.any() or not rows["arm"].eq(SILENT).any():
        return {}
    takers = rows["taker"].tolist()
    return {
        name: clustered_difference(rows[name].to_numpy(dtype=bool), shown, takers, confidence=confidence) for name in FIGURES
    }


def clustered_difference(event: Bools, shown: Bools, clusters: Sequence[str], *, confidence: float) -> Difference:
    """Return the share of events among `shown` minus that among the others, all of shape (n,), cluster-robust.

    The sandwich estimator of a linear probability model with the usual correction for few clusters (Liang and Zeger,
    Biometrika 73 (1986) 13; CR1), and Student's t with one degree of freedom less than there are clusters. Where there is
    only one cluster, each call counts as its own.
    """
    _, of_row = np.unique(np.asarray(clusters), return_inverse=True)
    if of_row.max(initial=0) == 0:
        of_row = np.arange(len(event))
    n, count = len(event), int(of_row.max()) + 1
    design = np.column_stack([np.ones(n), shown.astype(float)])
    inverse = np.linalg.inv(design.T @ design)
    effect = inverse @ design.T @ event.astype(float)
    scores = design * (event - design @ effect)[:, None]
    sums = np.zeros((count, 2))
    np.add.at(sums, of_row, scores)
    variance = inverse @ (sums.T @ sums) @ inverse * count / (count - 1) * (n - 1) / (n - 2)
    error = math.sqrt(float(variance[1, 1]))
    reach = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * error
    value = float(effect[1])
    return Difference(value, error, value - reach, value + reach, len(set(clusters)))


def lines(arms: list[Arm], changes: dict[str, Difference]) -> Iterator[str]:
    """Yield the figures of each arm and the effects of the suggestion as lines of text."""
    if not arms:
        yield "the ledger holds no call of a trial: set HEARTLINE_HIDE_SHARE"
        return
    for arm in arms:
        seconds = "" if arm.seconds is None else f", median {arm.seconds:.1f} s"
        yield f"{arm.name}: {arm.calls} calls of {arm.takers} call-takers{seconds}; of all its calls"
        for figure, words in FIGURES.items():
            yield f"  {words:58}{arm.shares[figure]}"
    for figure, change in changes.items():
        yield f"the suggestion changed the share that {FIGURES[figure]} by {_words(change)}"
    takers = max((change.takers for change in changes.values()), default=FEW_TAKERS)
    if takers == 1:
        yield "all calls are of one call-taker: the intervals do not hold for others"
    elif takers < FEW_TAKERS:
        yield f"only {takers} call-takers: the intervals are too narrow"


def look_lines(change: Difference, *, figure: str, calls: int, planned: int, earlier: Sequence[int]) -> Iterator[str]:
    """Yield the result of an interim look at one figure: its bound, which depends on earlier looks, and its interval.

    Raises `InvalidData` where the numbers of calls at the looks do not rise.
    """
    bound = bounds([count / planned for count in (*earlier, min(calls, planned))])[-1]
    reach = bound * change.error
    verdict = "shown: the trial may stop" if abs(change.z) >= bound else "not shown: continue, or end without a finding"
    yield (
        f"look {len(earlier) + 1} at {calls} of {planned} calls, at the share that {FIGURES[figure]}: "
        f"|z| {abs(change.z):.2f}, bound {bound:.2f}: {verdict}"
    )
    yield f"interval for this look: {change.value:+.3f} ({change.value - reach:+.3f} to {change.value + reach:+.3f})"


def primary(changes: dict[str, Difference], figure: str) -> Difference:
    """Return the change in the figure that a trial was planned for; raise `InvalidData` where there is none."""
    if figure not in FIGURES:
        raise InvalidData("no such figure", value=figure, remedy=f"one of: {', '.join(FIGURES)}")
    if figure not in changes:
        raise InvalidData("both arms are needed", value=figure, remedy="wait for calls of the other arm")
    return changes[figure]


def _words(change: Difference) -> str:
    """Return a difference with its interval as text."""
    return f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f}, by call-taker)"
