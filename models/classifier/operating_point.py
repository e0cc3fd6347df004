"""The choice of an operating point that keeps its promises: exact binomial tests in a fixed order, or a refusal.

A point is a pair: the probability from which ELIGIBLE is suggested, and the risk above which it never is. Candidates are
put in order on an earlier block, from the most careful on. On the certification block each is tested in turn against
every promise with the exact binomial test, and the first that fails ends the row: the last that passed keeps all promises
together with the stated confidence. The promise assumes that future calls resemble the block (exchangeability).
Sources: fixed-sequence testing, Wiens, Drug Information Journal 37 (2003); Angelopoulos and others, Learn then Test
(2021); exact tests, Clopper and Pearson, Biometrika 26 (1934).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from models.common.extras import needs
from models.errors import NoSafeThreshold

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_MAX_RISKS = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5)
_HIGHEST, _STEP = 0.99, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What an operating point must keep: rates at most so high, proved with `confidence`."""

    confidence: float
    max_false_clear: float
    max_dangerous_clear: float
    max_missed_eligible: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """The thresholds and the promises behind them.

    A probability of at least `eligible_at` suggests ELIGIBLE unless a risk lies above `max_risk`; one below
    `not_eligible_below` suggests NOT_ELIGIBLE; REVIEW lies between. Risk below `low_risk_below` is band low, where that
    could be certified. `max_unfamiliar` is the largest share of a note's content words that may be unknown for ELIGIBLE.
    `n_*` count the calls of the certification block that each promise rests on, `false_clears` and `dangerous_clears` the
    errors seen there.
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
    max_risk: float = 1.0
    low_risk_below: float | None = None
    max_unfamiliar: float = 1.0
    false_clears: int = 0
    dangerous_clears: int = 0
    n_served: int = 0
    max_adverse_share: float = 1.0

    def to_record(self) -> dict[str, float | int | None]:
        """Return the point as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Labelled calls as the Router scored them, each array (n,).

    `scores` are probabilities of eligible, below zero for calls that a veto or a doubt keeps from ever being cleared.
    `risks` are the largest of the three risks, `dangerous` says that a weapon or violence was at the scene.
    """

    scores: Floats
    risks: Floats
    eligible: Bools
    dangerous: Bools

    def cleared(self, at: float, max_risk: float) -> Bools:
        """Return which calls a pair of thresholds would clear."""
        return (self.scores >= at) & (self.risks <= max_risk)


def allowed_errors(n: int, *, max_rate: float, confidence: float) -> int:
    """Return the most errors among `n` that still prove a rate of at most `max_rate`, or -1 where none do.

    >>> allowed_errors(59, max_rate=0.05, confidence=0.95), allowed_errors(58, max_rate=0.05, confidence=0.95)
    (0, -1)
    """
    with needs("an exact test"):
        from scipy import stats  # noqa: PLC0415  a second and 60 MB that a service which only reads its model can spare

    k = int(stats.binom.ppf(1 - confidence, n, max_rate)) if n else -1
    while k >= 0 and stats.binom.cdf(k, n, max_rate) > 1 - confidence:
        k -= 1
    return k


def provable(n: int, *, max_rate: float, confidence: float) -> bool:
    """Return whether `n` calls without one error prove a rate of at most `max_rate`.

    >>> provable(59, max_rate=0.05, confidence=0.95), provable(58, max_rate=0.05, confidence=0.95)
    (True, False)
    """
    return n > 0 and (1 - max_rate) ** n <= 1 - confidence


def needed(*, max_rate: float, confidence: float) -> int:
    """Return the fewest error-free calls that prove a rate of at most `max_rate`."""
    return int(np.ceil(np.log(1 - confidence) / np.log1p(-max_rate)))


def candidates(block: Block, promises: Promises, *, min_probability: float) -> list[tuple[float, float]]:
    """Return pairs (eligible_at, max_risk) in the order in which they are to be tested, from the most careful on.

    For each probability, from the highest down, the risk bound is the one that finds most eligible calls of this block
    while its errors stay within the promised rates, and of several that find as many the highest: on calls less like those
    of training it turns fewer away, and it is tested like any other. The block must not be the one that the pairs are
    tested on.
    """
    steps = np.arange(_HIGHEST, min_probability - _STEP / 2, -_STEP)
    return [(round(float(at), 4), _best_risk(block, promises, float(at))) for at in steps]


def _best_risk(block: Block, promises: Promises, at: float) -> float:
    """Return the risk bound that finds most eligible calls at a probability and keeps the promised rates on the block."""
    best, most = _MAX_RISKS[0], -1
    for max_risk in _MAX_RISKS:
        cleared = block.cleared(at, max_risk)
        wrong = _rate(cleared, ~block.eligible) > promises.max_false_clear
        unsafe = _rate(cleared, block.dangerous) > promises.max_dangerous_clear
        right = int((cleared & block.eligible).sum())
        if not wrong and not unsafe and right >= most:
            best, most = max_risk, right
    return best


def choose(
    block: Block,
    promises: Promises,
    *,
    pairs: Sequence[tuple[float, float]],
    served: tuple[Floats, Bools] | None = None,
    max_adverse_share: float = 1.0,
) -> OperatingPoint:
    """Return the operating point that a certification block proves; `pairs` come from `candidates` on another block.

    `served` are scores and adverse events, both (m,), of calls that a team went to: at the chosen threshold the share of
    adverse events must be proved to be at most `max_adverse_share`.

    Raises
    ------
    NoSafeThreshold
        A promise cannot be proved on so few calls, or no eligible call could ever be cleared.

    """
    _enough(~block.eligible, max_rate=promises.max_false_clear, confidence=promises.confidence, what="ineligible")
    _enough(block.dangerous, max_rate=promises.max_dangerous_clear, confidence=promises.confidence, what="dangerous")
    passing = list(_passing(block, promises, pairs))
    if not passing:
        raise NoSafeThreshold(
            "not even the most careful threshold keeps the promise", remedy="train on more or better labels"
        )
    at, max_risk = passing[-1]
    cleared = block.cleared(at, max_risk)
    if not np.any(cleared & block.eligible):
        raise NoSafeThreshold(
            "no eligible call reaches the safe threshold", value=at, remedy="train on more or better labels"
        )
    n_served = _prove_adverse(served, at, max_rate=max_adverse_share, confidence=promises.confidence)
    judged = np.sort(block.scores[block.eligible & (block.scores >= 0)])
    k = allowed_errors(len(judged), max_rate=promises.max_missed_eligible, confidence=promises.confidence)
    lower = float(judged[k]) if k >= 0 else 0.0  # too few to prove: nothing is turned away by its score
    return OperatingPoint(
        eligible_at=at,
        not_eligible_below=min(max(lower, 0.0), at),
        max_risk=max_risk,
        **asdict(promises),
        n_ineligible=int((~block.eligible).sum()),
        n_dangerous=int(block.dangerous.sum()),
        n_eligible=len(judged),
        false_clears=int((cleared & ~block.eligible).sum()),
        dangerous_clears=int((cleared & block.dangerous).sum()),
        n_served=n_served,
        max_adverse_share=max_adverse_share if n_served else 1.0,
    )


def _passing(block: Block, promises: Promises, pairs: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield pairs in their order until one fails a promise."""
    for at, max_risk in pairs:
        cleared = block.cleared(at, max_risk)
        if not (
            _proves(cleared, ~block.eligible, max_rate=promises.max_false_clear, confidence=promises.confidence)
            and _proves(cleared, block.dangerous, max_rate=promises.max_dangerous_clear, confidence=promises.confidence)
        ):
            return
        yield at, max_risk


def _enough(among: Bools, *, max_rate: float, confidence: float, what: str) -> None:
    """Raise `NoSafeThreshold` where a block holds too few calls of a kind to prove a rate even without an error."""
    n = int(among.sum())
    if allowed_errors(n, max_rate=max_rate, confidence=confidence) < 0:
        raise NoSafeThreshold(
            f"too few {what} calls to prove a rate of at most {max_rate}",
            value=n,
            remedy=f"bring at least {needed(max_rate=max_rate, confidence=confidence)} to the certification block",
        )


def _proves(cleared: Bools, among: Bools, *, max_rate: float, confidence: float) -> bool:
    """Return whether the share of `among` that is cleared is proved to be at most `max_rate`."""
    errors = int((cleared & among).sum())
    return errors <= allowed_errors(int(among.sum()), max_rate=max_rate, confidence=confidence)


def _rate(cleared: Bools, among: Bools) -> float:
    """Return the share of `among` that is cleared; nought of none."""
    return float((cleared & among).sum() / max(1, among.sum()))


def _prove_adverse(served: tuple[Floats, Bools] | None, at: float, *, max_rate: float, confidence: float) -> int:
    """Return how many served calls prove the share of adverse events among the cleared; none where no outcome is known."""
    if served is None or not len(served[0]) or max_rate >= 1:
        return 0
    scores, adverse = served
    reach = scores >= at
    n, events = int(reach.sum()), int(adverse[reach].sum())
    if events > allowed_errors(n, max_rate=max_rate, confidence=confidence):
        raise NoSafeThreshold(
            f"adverse events among cleared calls cannot be proved to be at most {max_rate}",
            value=f"{events} in {n}",
            remedy="bring more outcomes, or raise threshold.max_adverse_share knowingly",
        )
    return n
