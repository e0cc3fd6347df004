"""Look back: how many past calls each unit could have answered, as it is now or citywide all day, and why not the others."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models.decision import Recommendation
from models.statistics import Estimate

FATES = (
    "answered as it is now",
    "off duty",
    "out of zone",
    "zone or time not known",
    "left to review",
    "vetoed",
    "below threshold",
)


@dataclass(slots=True)
class Looked:
    """Hold what was counted.

    `by` holds, for each grouping, the calls by what would have become of them, and how many were eligible by their
    probabilities, with the ends of the interval.
    """

    calls: int
    days: float
    fates: dict[str, int] = field(default_factory=dict)
    units_now: dict[str, int] = field(default_factory=dict)
    units_full: dict[str, int] = field(default_factory=dict)
    eligible: Estimate | None = None
    by: dict[str, pd.DataFrame] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Write it as plain JSON values."""
        plain = {name: table.reset_index().to_dict("records") for name, table in self.by.items()}
        return {
            "calls": self.calls, "days": self.days, "fates": self.fates, "units_now": self.units_now,
            "units_full": self.units_full, "eligible": asdict(self.eligible) if self.eligible else None, "by": plain,
        }  # fmt: skip


def look_back(scored: pd.DataFrame, *, time_zone: str, calibration: Sequence[tuple[float, Estimate]] = ()) -> Looked:
    """Count a table of decided calls (`backfill.row`); `calibration` widens what is expected by what it is known to."""
    local = pd.to_datetime(scored["received_at"], utc=True, format="ISO8601").dt.tz_convert(time_zone)
    spent = (local.max() - local.min()).total_seconds() / 86_400 if local.notna().any() else 0.0
    fate = fates(scored)
    cleared = scored["recommendation"] == Recommendation.ELIGIBLE.value
    made = Looked(len(scored), max(1.0, spent), {name: int((fate == name).sum()) for name in FATES})
    made.units_now = _units(scored[fate == FATES[0]])
    made.units_full = _units(scored[cleared])
    made.eligible = expected(scored, calibration)
    groups = {
        "month": local.dt.strftime("%Y-%m"),
        "call type": scored["call_type"],
        "zone": scored["zone"].fillna("not known"),
        "hour": local.dt.strftime("%H"),
    }
    for name, group in groups.items():
        known = group.fillna("not known")
        table = pd.crosstab(known, fate).reindex(columns=list(FATES), fill_value=0).rename_axis(index=name, columns=None)
        table["full roll-out"] = cleared.groupby(known).sum()
        likely = {value: expected(rows, calibration) for value, rows in scored.groupby(known)}
        for column, end in (("expected eligible", "value"), ("at least", "low"), ("at most", "high")):
            table[column] = pd.Series({value: getattr(one, end) for value, one in likely.items()})
        made.by[name] = table
    return made


def fates(scored: pd.DataFrame) -> pd.Series:
    """Say what would have become of each call: answered, or the one reason why not."""
    cleared = scored["recommendation"] == Recommendation.ELIGIBLE.value
    on_duty, in_zone = scored["on_duty"].astype("boolean"), scored["in_zone"].astype("boolean")
    conditions = [
        scored["vetoed"].astype(bool),
        scored["recommendation"] == Recommendation.REVIEW.value,
        ~cleared,
        (in_zone == False).fillna(value=False),  # noqa: E712  may be missing
        (on_duty == False).fillna(value=False),  # noqa: E712
        (on_duty & in_zone).isna(),
    ]
    names = ("vetoed", "left to review", "below threshold", "out of zone", "off duty", "zone or time not known")
    picked = np.select([condition.to_numpy(dtype=bool) for condition in conditions], names, FATES[0])
    return pd.Series(picked, index=scored.index)


def expected(scored: pd.DataFrame, calibration: Sequence[tuple[float, Estimate]]) -> Estimate:
    """Return how many unvetoed calls were eligible by their probabilities, and how few or many that may be.

    With calibration bands each probability may be anything from the band's low to its high end; without them the interval
    holds nothing but the chance of each call's own probability.
    """
    chances = scored.loc[~scored["vetoed"].astype(bool), "eligible_probability"].fillna(0.0).to_numpy(dtype=float)
    total, spread = float(chances.sum()), float(np.sqrt((chances * (1 - chances)).sum()))
    low, high, method = total - 1.96 * spread, total + 1.96 * spread, "binomial"
    if calibration:
        centres = np.array([centre for centre, _ in calibration])
        band = np.abs(chances[:, None] - centres[None, :]).argmin(axis=1)
        lows, highs = np.array([e.low for _, e in calibration]), np.array([e.high for _, e in calibration])
        low, high, method = float(lows[band].sum()), float(highs[band].sum()), "calibration bands"
    return Estimate(total, max(0.0, low), high, len(chances), method)


def _units(rows: pd.DataFrame) -> dict[str, int]:
    """Count calls by the unit suggested."""
    return {str(unit): int(n) for unit, n in rows["response"].value_counts().items()}


def eligible_calls(scored: pd.DataFrame, *, time_zone: str) -> pd.DataFrame:
    """Return the calls suggested ELIGIBLE for the simulation: response, zone, minute since the first, local hour."""
    rows = scored[(scored["recommendation"] == Recommendation.ELIGIBLE.value) & scored["received_at"].notna()]
    local = pd.to_datetime(rows["received_at"], utc=True, format="ISO8601").dt.tz_convert(time_zone)
    minute = (local - local.min()).dt.total_seconds() / 60
    return pd.DataFrame({"response": rows["response"], "zone": rows["zone"], "minute": minute, "hour": local.dt.hour})


def lines(made: Looked) -> Iterator[str]:
    """Yield what was counted."""
    yield f"{made.calls:,} calls in {made.days:.0f} days"
    if made.eligible is not None:
        e = made.eligible
        yield f"expected to be eligible, by probability: {e.value:,.0f} ({e.low:,.0f} to {e.high:,.0f}, {e.method})"
    full = sum(made.units_full.values())
    yield f"full roll-out, citywide and all day: {full:,} ({full / made.days:.1f} a day)"
    for name, n in made.units_full.items():
        yield f"  {name.replace('_', ' ')}: {n:,}, as it is now {made.units_now.get(name, 0):,}"
    for name, n in made.fates.items():
        yield f"{name}: {n:,} ({n / max(1, made.calls):.1%})"
    for table in made.by.values():
        yield ""
        yield from table.round().astype(int).to_string().splitlines()
