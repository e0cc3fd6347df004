"""A trial in which a random share of calls is answered without a suggestion: its size, and what seeing it changes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from models.statistics import Estimate, share


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: its calls, what people decided on those they judged, and the median time they took in seconds."""

    name: str
    calls: int
    same_as_model: Estimate
    sent: Estimate
    seconds: float | None


def size(*, base: float, effect: float, power: float = 0.8, confidence: float = 0.95, silent: float = 0.5) -> int:
    """Return how many judged calls it takes to find a change of `effect` in a share that is `base` in the silent arm.

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


def arms(decisions: pd.DataFrame, *, confidence: float) -> list[Arm]:
    """Return what people did in each arm; a call counts in the arm it was drawn into, whatever was shown in the end."""
    return [
        _arm(str(name), rows, confidence=confidence)
        for name, rows in decisions[decisions["arm"].notna()].groupby("arm")
    ]  # fmt: skip


def _arm(name: str, rows: pd.DataFrame, *, confidence: float) -> Arm:
    """Return the figures of one arm."""
    judged = rows[rows["human"].notna()]
    same, sent = judged["human"] == judged["suggested"], judged["human"] == "ELIGIBLE"
    seconds = judged["elapsed_ms"].dropna().astype(float) / 1000
    return Arm(
        name,
        len(rows),
        same_as_model=share(int(same.sum()), len(judged), confidence=confidence),
        sent=share(int(sent.sum()), len(judged), confidence=confidence),
        seconds=float(seconds.median()) if len(seconds) else None,
    )


def difference(shown: Estimate, silent: Estimate) -> tuple[float, float, float]:
    """Return the difference of two shares with its interval (Newcombe's, from the Wilson intervals of both)."""
    gap = shown.value - silent.value
    low = gap - math.hypot(shown.value - shown.low, silent.high - silent.value)
    high = gap + math.hypot(shown.high - shown.value, silent.value - silent.low)
    return gap, low, high


def lines(found: list[Arm]) -> Iterator[str]:
    """Yield what people did in each arm, and the difference between the arms."""
    if not found:
        yield "the ledger holds no call of a trial: set HEARTLINE_HIDE_SHARE"
        return
    for arm in found:
        seconds = "" if arm.seconds is None else f", median {arm.seconds:.1f} s"
        yield (
            f"{arm.name}: {arm.calls} calls; decided as the model says {arm.same_as_model}; "
            f"decided ELIGIBLE {arm.sent}{seconds}"
        )
    by_name = {arm.name: arm for arm in found}
    if {"shown", "silent"} <= set(by_name):
        for what, figure in (("decided as the model says", "same_as_model"), ("decided ELIGIBLE", "sent")):
            gap, low, high = difference(getattr(by_name["shown"], figure), getattr(by_name["silent"], figure))
            yield f"seeing the suggestion changed the share {what} by {gap:+.3f} ({low:+.3f} to {high:+.3f}, Newcombe)"
