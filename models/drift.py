"""How far scores have moved from those that training saw, and when errors are too many however often one looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.common.extras import needs

_TINY = 1e-4
_ODDS = np.array([1.25, 1.5, 2.0, 3.0, 5.0, 10.0])


def population_stability(scores: Sequence[float], edges: Sequence[float]) -> float:
    """Return the population stability index of scores against tenths: under 0.1 is calm, over 0.25 is drift."""
    found = np.bincount(np.searchsorted(edges, scores, side="left"), minlength=len(edges) + 1) / len(scores)
    share = np.maximum(found, _TINY)
    expected = 1.0 / (len(edges) + 1)
    return float(np.sum((share - expected) * np.log(share / expected)))


def drift_test(scores: Sequence[float], edges: Sequence[float], *, reference: int | None = None) -> float:
    """Return the p-value of scores falling as often between training's tenths as they should (chi-square).

    The tenths themselves were measured on `reference` calls. Where these are few the counts vary more than a fixed share
    would let them: the statistic is divided by one plus the ratio of the two numbers.
    """
    with needs("a test of drift"):
        from scipy import stats  # noqa: PLC0415  a second and 60 MB that the service, which only watches scores, can spare

    counts = np.bincount(np.searchsorted(edges, scores, side="left"), minlength=len(edges) + 1)
    if reference is None:
        return float(stats.chisquare(counts).pvalue)
    statistic = float(stats.chisquare(counts).statistic) / (1 + len(scores) / reference)
    return float(stats.chi2.sf(statistic, len(counts) - 1))


@dataclass(frozen=True, slots=True)
class Watch:
    """The state of a sequential test: its evidence, the most it was, and after how many outcomes it first crossed."""

    n: int
    errors: int
    evidence: float
    most: float
    crossed_at: int | None


def watch(errors: Sequence[bool], *, limit: float, confidence: float) -> Watch:
    """Test by betting whether the rate of errors is above a limit, in the order in which outcomes came in.

    The wealth of one who bets on every next outcome being an error grows without bound only where the rate is above the
    limit; that it ever reaches 1 / (1 - confidence) otherwise has a chance of at most 1 - confidence, however often one
    looks (Ville's inequality; Waudby-Smith and Ramdas, 2024). Stakes are mixed evenly, each of them best where the odds of
    an error are so many times those at the limit.
    """
    rates = _ODDS * limit / (1 - limit + _ODDS * limit)
    stakes = (rates - limit) / (limit * (1 - limit))
    log_wealth = np.zeros(len(stakes))
    most, crossed, evidence = 1.0, None, 1.0
    for number, error in enumerate(errors, start=1):
        log_wealth += np.log1p(stakes * (float(error) - limit))
        evidence = float(np.exp(log_wealth - np.log(len(stakes))).sum())
        most = max(most, evidence)
        if crossed is None and evidence >= 1 / (1 - confidence):
            crossed = number
    return Watch(len(errors), int(sum(errors)), evidence, most, crossed)
