"""The operating point that labelled local calls prove, and the number of labels that each tighter bound needs.

False clears are proved on local calls at the promised rate, or there is no operating point. A few hundred labels hold too
few dangerous calls to prove their promised rate. So none of the dangerous local calls may be cleared, the bound that this
proves is stated, and the promised rate must be proved on the synthetic certification block as well.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from models.classifier import operating_point as points
from models.classifier.operating_point import Block, OperatingPoint, Promises, allowed_errors, needed
from models.errors import NoSafeThreshold
from models.statistics import upper_bound

TIGHTER = (0.05, 0.04, 0.03, 0.02, 0.01)
"""Rates of false clears for which the number of labels needed is listed."""

_MOST_CALLS = 1_000_000
REVIEW_ONLY = "review-only: --review-only writes a bundle that never says ELIGIBLE"


@dataclass(frozen=True, slots=True)
class Needed:
    """The errors that a bound allows now, and how many more calls would prove it (`None` where no number would).

    `more_calls` counts calls of the kind that the bound is about, `more_labels` all calls that must be labelled to get them,
    at the share seen so far.
    """

    what: str
    rate: float
    allowed: int
    more_calls: int | None
    more_labels: int | None

    def __str__(self) -> str:
        """Return the bound and its need as one line."""
        start = f"{self.what} at most {self.rate:.1%}"
        if self.allowed >= 0 and self.more_calls == 0:
            return f"{start}: {self.allowed} errors allowed, proved"
        if self.more_calls is None:
            return f"{start}: no number of labels proves it at the share of errors seen"
        return f"{start}: needs about {self.more_calls} more such calls, {self.more_labels} more labels"


def local_promises(promises: Promises, block: Block) -> Promises:
    """Return the promises that local calls can prove.

    Where the dangerous calls are too few for the promised rate, it is the rate that clearing none of them proves. Raises
    `NoSafeThreshold` where no local call is labelled dangerous.
    """
    n = int(block.dangerous.sum())
    if n == 0:
        raise NoSafeThreshold(
            "no local call is labelled dangerous, so the rate of dangerous clears is unknown",
            remedy=f"label weapon and violence, or danger; or {REVIEW_ONLY}",
        )
    if allowed_errors(n, max_rate=promises.max_dangerous_clear, confidence=promises.confidence) >= 0:
        return promises
    bound = math.ceil(upper_bound(0, n, confidence=promises.confidence) * 1e4) / 1e4
    return replace(promises, max_dangerous_clear=bound)


def choose_local(block: Block, synthetic: Block, promises: Promises, *, pairs: list[tuple[float, float]]) -> OperatingPoint:
    """Return the operating point that local calls prove, of candidate pairs from other calls, tested in their order.

    `synthetic` is a block on which the promised rate of dangerous clears must be proved too. Raises `NoSafeThreshold`.
    """
    most = allowed_errors(
        int(synthetic.dangerous.sum()), max_rate=promises.max_dangerous_clear, confidence=promises.confidence
    )
    if most < 0:
        raise NoSafeThreshold(
            f"too few dangerous synthetic calls to prove a rate of at most {promises.max_dangerous_clear}",
            value=int(synthetic.dangerous.sum()),
            remedy="name more with --training",
        )
    safe = list(itertools.takewhile(lambda pair: (synthetic.cleared(*pair) & synthetic.dangerous).sum() <= most, pairs))
    try:
        return points.choose(block, local_promises(promises, block), pairs=safe)
    except NoSafeThreshold as error:
        if REVIEW_ONLY in str(error):
            raise
        raise NoSafeThreshold(error.fault, value=error.value, remedy=f"{error.remedy}; or {REVIEW_ONLY}") from None


def review_only_point(block: Block, promises: Promises) -> OperatingPoint:
    """Return a point for a bundle that never says ELIGIBLE; NOT_ELIGIBLE is given only where its bound is proved."""
    eligible_scores = np.sort(block.scores[block.eligible & (block.scores >= 0)])
    allowed = allowed_errors(len(eligible_scores), max_rate=promises.max_missed_eligible, confidence=promises.confidence)
    return OperatingPoint(
        eligible_at=1.0,
        not_eligible_below=float(max(eligible_scores[allowed], 0.0)) if allowed >= 0 else 0.0,
        confidence=promises.confidence,
        max_false_clear=promises.max_false_clear,
        max_dangerous_clear=promises.max_dangerous_clear,
        max_missed_eligible=promises.max_missed_eligible,
        n_ineligible=int((~block.eligible).sum()),
        n_dangerous=int(block.dangerous.sum()),
        n_eligible=len(eligible_scores),
    )


def needs(block: Block, promises: Promises, point: OperatingPoint) -> Iterator[Needed]:
    """Yield the need of each bound, tighter ones included, where errors stay as frequent as at the point."""
    labelled, errors = len(block.scores), (point.false_clears, point.dangerous_clears)
    for rate in sorted({promises.max_false_clear, *TIGHTER}, reverse=True):
        if rate <= promises.max_false_clear:
            yield _needed("false clears", rate, errors[0], int((~block.eligible).sum()), labelled, promises.confidence)
    dangerous = int(block.dangerous.sum())
    for rate in sorted({promises.max_dangerous_clear, 0.05, 0.10}, reverse=True):
        yield _needed("dangerous clears", rate, errors[1], dangerous, labelled, promises.confidence)
    eligible = int((block.eligible & (block.scores >= 0)).sum())
    yield _needed("missed eligible", promises.max_missed_eligible, 0, eligible, labelled, promises.confidence)


def _needed(what: str, rate: float, errors: int, n: int, labelled: int, confidence: float) -> Needed:
    """Return the need of a bound where errors stay as frequent as they are among `n` of `labelled` calls."""
    allowed = allowed_errors(n, max_rate=rate, confidence=confidence)
    if errors <= allowed:
        return Needed(what, rate, allowed, 0, 0)
    enough = calls_needed(errors / max(n, 1), max_rate=rate, confidence=confidence)
    if enough is None:
        return Needed(what, rate, allowed, None, None)
    more = max(enough - n, 0)
    return Needed(what, rate, allowed, more, math.ceil(more * labelled / max(n, 1)))


def calls_needed(share: float, *, max_rate: float, confidence: float) -> int | None:
    """Return how many calls prove a rate where `share` of them are errors, or `None` where a million would not.

    >>> calls_needed(0.0, max_rate=0.05, confidence=0.95), calls_needed(0.05, max_rate=0.05, confidence=0.95)
    (59, None)
    """

    def proved(n: int) -> bool:
        return math.ceil(share * n) <= allowed_errors(n, max_rate=max_rate, confidence=confidence)

    low, high = 0, needed(max_rate=max_rate, confidence=confidence)
    while not proved(high):
        low, high = high, 2 * high
        if high > _MOST_CALLS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proved(middle) else (middle, high)
    return high
