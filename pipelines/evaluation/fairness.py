"""The rates of each group of calls: cleared, cleared wrongly, missed and found, with intervals and numbers.

Fairlearn's `MetricFrame` gives the same rates (a test compares them); here they have Wilson intervals, whose width is never
0, however small the group.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from models.statistics import Bools, Estimate, bootstrap_draws, percentile_interval, share

BY = ("zone", "hour", "language", "caller party", "source", "repeat caller")
SMALL = 50
POWER = 0.8
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Group:
    """The rates of one group; `small` marks a group with too few eligible or ineligible calls for a firm statement."""

    name: str
    n: int
    n_eligible: int
    selected: Estimate
    false_clear: Estimate
    missed: Estimate
    found: Estimate
    small: bool


@dataclass(frozen=True, slots=True)
class Fairness:
    """The groups of one column, and the equal-opportunity gap: the largest difference in recall between two of them.

    `detectable` is the smallest gap that groups of this size show with a probability of `POWER`.
    """

    column: str
    groups: list[Group]
    gap: Estimate
    detectable: float


def fairness(frame: pd.DataFrame, columns: tuple[str, ...], *, confidence: float, seed: int = 0) -> list[Fairness]:
    """Return the rates of each column's groups (Weerts et al., 2023), for columns with more than one value."""
    return [_by(frame, column, confidence=confidence, seed=seed) for column in columns if len(set(frame[column])) > 1]


def _by(frame: pd.DataFrame, column: str, *, confidence: float, seed: int) -> Fairness:
    """Return the rates of one column's groups."""
    groups = [_group(str(name), rows, confidence=confidence) for name, rows in frame.groupby(column)]
    large = _large_groups(frame, column)
    gap = _gap(large, confidence=confidence, seed=seed)
    return Fairness(column, groups, gap, detectable=_detectable(large, confidence=confidence))


def _group(name: str, rows: pd.DataFrame, *, confidence: float) -> Group:
    """Return the rates of one group."""
    truth, cleared = rows["truth"].to_numpy(dtype=bool), rows["cleared"].to_numpy(dtype=bool)
    turned_away, eligible = rows["turned_away"].to_numpy(dtype=bool), int(truth.sum())

    def rate(hits: Bools, n: int) -> Estimate:
        return share(int(hits.sum()), n, confidence=confidence)

    return Group(
        name,
        len(rows),
        eligible,
        selected=rate(cleared, len(rows)),
        false_clear=rate(cleared & ~truth, len(rows) - eligible),
        missed=rate(turned_away & truth, eligible),
        found=rate(cleared & truth, eligible),
        small=min(eligible, len(rows) - eligible) < SMALL,
    )


def _large_groups(frame: pd.DataFrame, column: str) -> list[Bools]:
    """Return whether each eligible call was cleared, for every group that is not small."""
    eligible = frame[frame["truth"]]
    return [rows["cleared"].to_numpy() for _, rows in eligible.groupby(column) if len(rows) >= SMALL]


def _detectable(large: list[Bools], *, confidence: float) -> float:
    """Return the smallest gap between the two smallest of these groups that is found with a probability of `POWER`.

    Normal approximation for two independent shares at the recall of all groups together, corrected (Bonferroni) for the
    number of pairs; 1 where there are fewer than two groups.
    """
    if len(large) < 2:
        return 1.0
    recall = min(max(float(np.concatenate(large).mean()), 0.05), 0.95)
    pairs = math.comb(len(large), 2)
    z = float(stats.norm.ppf(1 - (1 - confidence) / 2 / pairs) + stats.norm.ppf(POWER))
    one, other = sorted(len(rows) for rows in large)[:2]
    return min(1.0, z * math.sqrt(recall * (1 - recall) * (1 / one + 1 / other)))


def _gap(large: list[Bools], *, confidence: float, seed: int) -> Estimate:
    """Return the largest difference in recall between groups that are not small.

    The largest of several differences is above 0 by chance alone. So the interval is the bootstrap's for the pair that
    differs most, widened (Bonferroni) for the number of pairs that it was chosen from.
    """
    if len(large) < 2:
        return Estimate(float("nan"), 0.0, 1.0, 0, "bootstrap")
    pairs = list(itertools.combinations(large, 2))
    best, worst = max(
        (sorted(pair, key=np.mean, reverse=True) for pair in pairs), key=lambda two: two[0].mean() - two[1].mean()
    )
    both, edge = np.concatenate([best, worst]), len(best)
    draws = bootstrap_draws(
        lambda rows: both[rows[:edge]].mean() - both[rows[edge:]].mean(),
        len(both),
        resamples=_RESAMPLES,
        seed=seed,
        strata=(len(best), len(worst)),
    )
    low, high = percentile_interval(draws, confidence=1 - (1 - confidence) / len(pairs))
    return Estimate(float(best.mean() - worst.mean()), low, high, len(both), "bootstrap")
