"""Choose operating points that keep a promise, by the exact binomial order statistic, or refuse.

Of `n` calls that must not be cleared, sorted by score, the threshold just above the (k+1)-th highest clears a share of
such calls that is at most `max_rate` with the stated confidence when P(Binomial(n, max_rate) <= k) <= 1 - confidence.
The promise assumes that future calls resemble the block it was chosen on (exchangeability).
Source: order statistics of a uniform sample follow the beta law; Clopper and Pearson, Biometrika 26 (1934).
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.errors import NoSafeThreshold

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """Hold the two thresholds and the promise behind the upper one.

    A probability of at least `eligible_at` suggests ELIGIBLE, one below `not_eligible_below` NOT_ELIGIBLE; REVIEW lies
    between. `n_*` count the calls of the certification block that each bound rests on.
    """

    eligible_at: float
    not_eligible_below: float
    confidence: float
    max_false_clear: float
    max_dangerous_clear: float
    max_missed_eligible: float
    n_ineligible: int
    n_dangerous: int
    n_eligible: int
    n_served: int = 0
    max_adverse_share: float = 1.0

    def to_record(self) -> dict[str, float | int]:
        """Write the point as plain JSON values."""
        return asdict(self)


def allowed_errors(n: int, *, max_rate: float, confidence: float) -> int:
    """Return the most errors among `n` that still prove a rate of at most `max_rate`, or -1 where none do.

    >>> allowed_errors(59, max_rate=0.05, confidence=0.95), allowed_errors(58, max_rate=0.05, confidence=0.95)
    (0, -1)
    """
    k = int(stats.binom.ppf(1 - confidence, n, max_rate)) if n else 0
    while k >= 0 and stats.binom.cdf(k, n, max_rate) > 1 - confidence:
        k -= 1
    return k


def needed(*, max_rate: float, confidence: float) -> int:
    """Return the fewest error-free calls that prove a rate of at most `max_rate`."""
    return int(np.ceil(np.log(1 - confidence) / np.log1p(-max_rate)))


def clear_at(scores: Scores, *, max_rate: float, confidence: float, what: str) -> float:
    """Return the lowest threshold that clears at most `max_rate` of such calls; shape of `scores`: (n,).

    Raises `NoSafeThreshold` where the block is too small to prove it.
    """
    k = allowed_errors(len(scores), max_rate=max_rate, confidence=confidence)
    if k < 0:
        raise NoSafeThreshold(
            f"too few {what} calls to prove a rate of at most {max_rate}",
            value=len(scores),
            remedy=f"bring at least {needed(max_rate=max_rate, confidence=confidence)} to the certification block",
        )
    return float(np.nextafter(np.sort(scores)[::-1][k], np.inf))


def choose(
    *,
    ineligible: Scores,
    dangerous: Scores,
    eligible: Scores,
    max_false_clear: float,
    max_dangerous_clear: float,
    max_missed_eligible: float,
    confidence: float,
    min_probability: float = 0.0,
    served: Scores | None = None,
    adverse: NDArray[np.bool_] | None = None,
    max_adverse_share: float = 1.0,
) -> OperatingPoint:
    """Return the operating point for three groups of certification scores, vetoed calls scored below zero.

    ELIGIBLE is never suggested below `min_probability`, however much the bounds would allow. `served` are the scores of
    calls that a team went to and `adverse` says which of them ended badly, both (m,): at the threshold that the other
    bounds give, the share of adverse events among those that reach it must be proved to lie within `max_adverse_share`.

    Raises `NoSafeThreshold` where a bound cannot be proved or nothing could ever be cleared.
    """
    upper = max(
        clear_at(ineligible, max_rate=max_false_clear, confidence=confidence, what="ineligible"),
        clear_at(dangerous, max_rate=max_dangerous_clear, confidence=confidence, what="dangerous"),
        min_probability,
    )
    if not np.any(eligible >= upper):
        raise NoSafeThreshold(
            "no eligible call reaches the safe threshold",
            value=round(upper, 4),
            remedy="train on more or better labels",
        )
    n_served = _prove_adverse(served, adverse, upper, max_rate=max_adverse_share, confidence=confidence)
    k = allowed_errors(len(eligible), max_rate=max_missed_eligible, confidence=confidence)
    lower = float(np.sort(eligible)[k]) if k >= 0 else 0.0  # too few to prove: nothing is turned away by its score
    return OperatingPoint(
        eligible_at=upper,
        not_eligible_below=min(max(lower, 0.0), upper),
        confidence=confidence,
        max_false_clear=max_false_clear,
        max_dangerous_clear=max_dangerous_clear,
        max_missed_eligible=max_missed_eligible,
        n_ineligible=len(ineligible),
        n_dangerous=len(dangerous),
        n_eligible=len(eligible),
        n_served=n_served,
        max_adverse_share=max_adverse_share if n_served else 1.0,
    )


def _prove_adverse(
    served: Scores | None, adverse: NDArray[np.bool_] | None, at: float, *, max_rate: float, confidence: float
) -> int:
    """Return how many served calls prove the share of adverse events among the cleared; none where no outcome is known."""
    if served is None or adverse is None or not len(served) or max_rate >= 1:
        return 0
    reach = served >= at
    n, events = int(reach.sum()), int(adverse[reach].sum())
    if events > allowed_errors(n, max_rate=max_rate, confidence=confidence):
        raise NoSafeThreshold(
            f"adverse events among cleared calls cannot be proved to be at most {max_rate}",
            value=f"{events} in {n}",
            remedy="bring more outcomes, or raise threshold.max_adverse_share knowingly",
        )
    return n
