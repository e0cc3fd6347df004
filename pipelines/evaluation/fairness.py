"""Measure how groups of callers fare: who is cleared, who is cleared wrongly, who is missed, with intervals and numbers."""

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, selection_rate
from numpy.typing import NDArray

from models.statistics import Estimate
from pipelines.evaluation.metrics import Bools

Ints = NDArray[np.int64]
BY = ("zone", "hour", "language", "caller party", "source", "repeat caller")
SMALL = 50
_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Group:
    """Hold one group's rates; `small` marks one with too few eligible or ineligible calls to say much."""

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
    """Hold the groups of one column, and the equal-opportunity gap: the largest difference in recall between two of them."""

    column: str
    groups: list[Group]
    gap: Estimate


def fairness(table: pd.DataFrame, columns: tuple[str, ...], *, confidence: float, seed: int = 0) -> list[Fairness]:
    """Measure each column's groups with fairlearn's `MetricFrame` (Weerts et al., 2023)."""
    return [_of(table, column, confidence=confidence, seed=seed) for column in columns if len(set(table[column])) > 1]


def _of(table: pd.DataFrame, column: str, *, confidence: float, seed: int) -> Fairness:
    """Measure one column."""
    outcome = np.where(table["cleared"], 2, np.where(table["turned"], 0, 1)).astype(np.int64)
    truth = table["truth"].to_numpy().astype(np.int64)
    cells = pd.DataFrame({"group": table[column], "truth": truth, "outcome": outcome}).value_counts().reset_index()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a group without one eligible call has rates that are not known
        frame = MetricFrame(
            metrics=_RATES,
            y_true=cells["truth"],
            y_pred=cells["outcome"],
            sensitive_features=cells["group"],
            sample_params={rate: {"sample_weight": cells["count"]} for rate in _RATES},
        )
    low, high = _ends(cells, confidence=confidence, seed=seed)
    groups = []
    for name, rates in frame.by_group.iterrows():
        rows = table[table[column] == name]
        eligible = int(rows["truth"].sum())
        numbers = {"selected": len(rows), "false_clear": len(rows) - eligible, "missed": eligible, "found": eligible}
        ranges = {
            rate: Estimate(float(rates[rate]), float(low[rate][name]), float(high[rate][name]), n, "bootstrap")
            for rate, n in numbers.items()
        }
        groups.append(Group(str(name), len(rows), eligible, **ranges, small=min(eligible, len(rows) - eligible) < SMALL))
    return Fairness(column, groups, _gap(table, column, confidence=confidence, seed=seed))


def _ends(
    cells: pd.DataFrame, *, confidence: float, seed: int
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Return the ends of the bootstrap intervals of every rate, by rate and group; `cells` counts calls of a kind.

    The rates hang on nothing but how many calls of a group had which truth and outcome. Drawing as many calls again is
    drawing those counts from a multinomial; `MetricFrame`'s own bootstrap draws the calls, to the same effect, and takes
    minutes where this takes a blink.
    """
    names, codes = np.unique(cells["group"].to_numpy(dtype=str), return_inverse=True)
    kinds = codes * 6 + cells["truth"].to_numpy() * 3 + cells["outcome"].to_numpy()
    numbers = np.bincount(kinds, weights=cells["count"], minlength=len(names) * 6)
    total = int(cells["count"].sum())
    drawn = np.random.default_rng(seed).multinomial(total, numbers / total, size=_RESAMPLES)
    counts = drawn.reshape(_RESAMPLES, len(names), 2, 3).astype(np.float64)
    with np.errstate(invalid="ignore"):
        of_truth = counts.sum(axis=3)
        rates = {
            "selected": counts[:, :, :, 2].sum(axis=2) / of_truth.sum(axis=2),
            "false_clear": counts[:, :, 0, 2] / of_truth[:, :, 0],
            "missed": counts[:, :, 1, 0] / of_truth[:, :, 1],
            "found": counts[:, :, 1, 2] / of_truth[:, :, 1],
        }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a group that is never drawn with a call of one truth
        tail = (1 - confidence) / 2
        ends = {name: np.nanquantile(drawn_rates, [tail, 1 - tail], axis=0) for name, drawn_rates in rates.items()}
    low = {rate: dict(zip(names, both[0], strict=True)) for rate, both in ends.items()}
    high = {rate: dict(zip(names, both[1], strict=True)) for rate, both in ends.items()}
    return low, high


def _gap(table: pd.DataFrame, column: str, *, confidence: float, seed: int) -> Estimate:
    """Return the largest difference in recall between groups that are not small, less what chance alone would make of it.

    The largest of several differences is never nought by chance: the interval is that of the pair which differs most, its
    ends drawn by bootstrap and widened (Bonferroni) for the number of pairs that it was chosen from.
    """
    eligible = table[table["truth"]]
    large = [rows["cleared"].to_numpy() for _, rows in eligible.groupby(column) if len(rows) >= SMALL]
    if len(large) < 2:
        return Estimate(float("nan"), 0.0, 1.0, 0, "bootstrap")
    pairs = list(itertools.combinations(large, 2))
    best, worst = max(
        (sorted(pair, key=np.mean, reverse=True) for pair in pairs), key=lambda two: two[0].mean() - two[1].mean()
    )
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(best, len(best)).mean() - rng.choice(worst, len(worst)).mean() for _ in range(2000)]
    tail = (1 - confidence) / 2 / len(pairs)
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(float(best.mean() - worst.mean()), float(low), float(high), len(best) + len(worst), "bootstrap")


def _selected(_: Ints, outcome: Ints, sample_weight: Ints) -> float:
    """Return the share cleared; `sample_weight` is how many calls a row stands for, here and below."""
    return float(selection_rate(outcome == 2, outcome == 2, pos_label=True, sample_weight=sample_weight))


def _false_clear(truth: Ints, outcome: Ints, sample_weight: Ints) -> float:
    """Return the share of ineligible calls that were cleared."""
    return _mean(outcome == 2, truth == 0, sample_weight)


def _missed(truth: Ints, outcome: Ints, sample_weight: Ints) -> float:
    """Return the share of eligible calls that were turned away."""
    return _mean(outcome == 0, truth == 1, sample_weight)


def _found(truth: Ints, outcome: Ints, sample_weight: Ints) -> float:
    """Return the share of eligible calls that were cleared."""
    return _mean(outcome == 2, truth == 1, sample_weight)


def _mean(hits: Bools, among: Bools, weights: Ints) -> float:
    """Return a share, not known where there is no call."""
    return float(np.average(hits[among], weights=weights[among])) if among.any() else float("nan")


_RATES = {"selected": _selected, "false_clear": _false_clear, "missed": _missed, "found": _found}
