"""Areas under curves and calibration error, with bootstrap intervals."""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from models.statistics import Bools, Estimate, Floats, Rows, bootstrap_draws, equal_count_bins, percentile_interval, share

DECIDED_FROM = 0.3
"""The lowest probability at which a sensible threshold may suggest ELIGIBLE."""

FEWEST_IN_BIN = 30

Measure = Callable[[Bools, Floats], float]
"""A figure of true labels and scores, both of shape (n,)."""


def bootstrapped(measure: Measure, truth: Bools, scores: Floats, *, confidence: float, resamples: int) -> Estimate:
    """Return a measure of labels and scores, both (n,), with its percentile bootstrap interval (seeded).

    Where all labels are alike the measure does not exist: the estimate has n = 0.
    """
    if not _both_classes(truth):
        return Estimate(float("nan"), 0.0, 1.0, 0, "bootstrap")
    order = np.argsort(scores, kind="stable")  # ranks of sorted scores are fast, and sorted draws stay sorted
    truth, scores = truth[order], scores[order]

    def statistic(rows: Rows) -> float:
        rows = np.sort(rows)
        return measure(truth[rows], scores[rows])

    draws = bootstrap_draws(
        statistic, len(truth), resamples=resamples, defined=lambda rows: _both_classes(truth[rows])
    )  # fmt: skip
    value = measure(truth, scores)
    draws = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(draws):
        return Estimate(float("nan"), 0.0, 1.0, 0, "bootstrap")
    low, high = percentile_interval(draws, confidence=confidence)
    if low == high == 1.0:
        return _faultless(truth, confidence=confidence)
    return Estimate(value, low, high, len(truth), "bootstrap")


def _faultless(truth: Bools, *, confidence: float) -> Estimate:
    """Return the estimate of a measure that is 1 in every draw, which a bootstrap cannot doubt however few the calls.

    Such a measure is a mean of values up to 1, one for each call of the rarer label at least: the exact interval of a share
    that many calls out of as many show holds for it too.
    """
    rarer = int(min(truth.sum(), (~truth).sum()))
    return Estimate(1.0, share(rarer, rarer, confidence=confidence, method="exact").low, 1.0, len(truth), "exact")


def paired_differences(
    measure: Measure, truth: Bools, scores: dict[str, Floats], reference: str, *, resamples: int
) -> dict[str, Floats]:
    """Return, for each set of scores, its measure minus the reference's over the same draws; shape (resamples,) each."""
    draws = bootstrap_draws(
        lambda rows: [measure(truth[rows], each[rows]) for each in scores.values()],
        len(truth),
        resamples=resamples,
        defined=lambda rows: _both_classes(truth[rows]),
    )
    place = list(scores).index(reference)
    return {name: draws[:, column] - draws[:, place] for column, name in enumerate(scores)}


def auc(truth: Bools, scores: Floats) -> float:
    """Return the area under the receiver operating characteristic, by ranks (Mann and Whitney).

    Equal to scikit-learn's `roc_auc_score`, and several times faster on the sorted scores of a bootstrap.
    """
    hits = int(truth.sum())
    return float((rankdata(scores)[truth].sum() - hits * (hits + 1) / 2) / (hits * (len(truth) - hits)))


def average_precision(truth: Bools, scores: Floats) -> float:
    """Return the average precision."""
    return float(average_precision_score(truth, scores))


def calibration_error(bins: int) -> Measure:
    """Return a measure of the expected calibration error over bins of equal count."""

    def measure(truth: Bools, scores: Floats) -> float:
        gaps = [len(part) * abs(truth[part].mean() - scores[part].mean()) for part in equal_count_bins(scores, bins)]
        return float(sum(gaps) / len(truth))

    return measure


def calibration_error_where_decided(bins: int) -> Measure:
    """Return a measure of the calibration error among calls that may be cleared: probabilities from `DECIDED_FROM` upwards.

    Most calls are plainly ineligible with a probability near 0, which makes the overall error look small. There are as many
    bins of equal count as hold at least `FEWEST_IN_BIN` calls each. The measure is NaN where there are fewer calls.
    """

    def measure(truth: Bools, scores: Floats) -> float:
        decided = scores >= DECIDED_FROM
        count = int(decided.sum())
        if count < FEWEST_IN_BIN:
            return float("nan")
        return calibration_error(min(bins, count // FEWEST_IN_BIN))(truth[decided], scores[decided])

    return measure


def _both_classes(truth: Bools) -> bool:
    """Return whether labels hold both a yes and a no."""
    return bool(truth.any() and not truth.all())
