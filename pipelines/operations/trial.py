"""Plan and read a trial in which a random share of calls is answered without a suggestion, to tell what seeing it does."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from models.statistics import Estimate, share


@dataclass(frozen=True, slots=True)
class Arm:
    """Hold one arm: its calls, how many were judged, and what people decided."""

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
    one = z_a * math.sqrt(pooled * (1 - pooled) * (1 / silent + 1 / (1 - silent)))
    two = z_b * math.sqrt(p0 * (1 - p0) / silent + p1 * (1 - p1) / (1 - silent))
    return math.ceil(float(((one + two) / effect) ** 2))


def arms(book: pd.DataFrame, *, confidence: float) -> list[Arm]:
    """Return what people did in each arm; calls are counted where they were drawn, whatever was shown in the end."""
    made = []
    for name, rows in book[book["arm"].notna()].groupby("arm"):
        judged = rows[rows["human"].notna()]
        same, sent = judged["human"] == judged["recommendation"], judged["human"] == "ELIGIBLE"
        timed = judged["elapsed_ms"].dropna().astype(float) / 1000
        made.append(Arm(
            str(name), len(rows), share(int(same.sum()), len(judged), confidence=confidence),
            share(int(sent.sum()), len(judged), confidence=confidence), float(timed.median()) if len(timed) else None,
        ))  # fmt: skip
    return made


def difference(shown: Estimate, silent: Estimate) -> tuple[float, float, float]:
    """Return the difference of two shares with its interval (Newcombe's, from the Wilson intervals of both)."""
    gap = shown.value - silent.value
    low = gap - math.hypot(shown.value - shown.low, silent.high - silent.value)
    high = gap + math.hypot(shown.high - shown.value, silent.value - silent.low)
    return gap, low, high


def lines(found: list[Arm]) -> Iterator[str]:
    """Yield what people did in each arm, and the difference that seeing the suggestion made."""
    if not found:
        yield "the ledger holds no call of a trial: set HEARTLINE_HIDE_SHARE"
        return
    for one in found:
        seconds = "" if one.seconds is None else f", median {one.seconds:.1f} s"
        same, sent = one.same_as_model, one.sent
        yield f"{one.name}: {one.calls} calls; decided as the model says {same}; decided ELIGIBLE {sent}{seconds}"
    by_name = {one.name: one for one in found}
    if {"shown", "silent"} <= set(by_name):
        for what, pick in (("decided as the model says", "same_as_model"), ("decided ELIGIBLE", "sent")):
            gap, low, high = difference(getattr(by_name["shown"], pick), getattr(by_name["silent"], pick))
            yield f"seeing the suggestion changed the share {what} by {gap:+.3f} ({low:+.3f} to {high:+.3f}, Newcombe)"
