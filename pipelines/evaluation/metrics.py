"""Measure areas under curves and calibration error with bootstrap intervals."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from models.statistics import Estimate

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def bootstrapped(
    measure: Callable[[Bools, Floats], float], truth: Bools, scores: Floats, *, confidence: float, resamples: int
) -> Estimate:
    """Return a measure of labels and scores, both (n,), with its percentile bootstrap interval (seeded)."""
    if truth.all() or not truth.any():
        return Estimate(float("nan"), 0.0, 1.0, 0, "bootstrap")
    rng = np.random.default_rng(0)
    order = np.argsort(scores, kind="stable")  # what is sorted once is sorted again in no time
    truth, scores = truth[order], scores[order]
    values: list[float] = []
    while len(values) < resamples:
        rows = np.sort(rng.integers(0, len(truth), len(truth)))
        if truth[rows].any() and not truth[rows].all():
            values.append(measure(truth[rows], scores[rows]))
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(measure(truth, scores), float(low), float(high), len(truth), "bootstrap")


def paired_differences(
    measure: Callable[[Bools, Floats], float], truth: Bools, scores: dict[str, Floats], best: str, *, resamples: int
) -> dict[str, Floats]:
    """Return, for each set of scores, its measure less the best's over the same bootstrap draws; shape (resamples,)."""
    rng = np.random.default_rng(0)
    values: dict[str, list[float]] = {name: [] for name in scores}
    while len(values[best]) < resamples:
        rows = rng.integers(0, len(truth), len(truth))
        if truth[rows].any() and not truth[rows].all():
            for name, given in scores.items():
                values[name].append(measure(truth[rows], given[rows]))
    return {name: np.array(found) - np.array(values[best]) for name, found in values.items()}


def auc(truth: Bools, scores: Floats) -> float:
    """Return the area under the receiver operating characteristic, by ranks (Mann and Whitney): sorted scores are fast."""
    hits = int(truth.sum())
    return float((rankdata(scores)[truth].sum() - hits * (hits + 1) / 2) / (hits * (len(truth) - hits)))


def average_precision(truth: Bools, scores: Floats) -> float:
    """Return the average precision."""
    return float(average_precision_score(truth, scores))


def calibration_error(bins: int) -> Callable[[Bools, Floats], float]:
    """Return the expected calibration error over bins of equal count."""

    def measure(truth: Bools, scores: Floats) -> float:
        order = np.argsort(scores, kind="stable")
        parts = [part for part in np.array_split(order, bins) if len(part)]
        gaps = [len(part) * abs(truth[part].mean() - scores[part].mean()) for part in parts]
        return float(sum(gaps) / len(truth))

    return measure
