"""Retrospective: how many past calls each unit could have answered, today or citywide all day, and why not the others."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models.decision import Recommendation
from models.statistics import Estimate

ANSWERED = "answered as it is now"
_Z = 1.96
DISPOSITIONS = (
    ANSWERED,
    "off duty",
    "out of zone",
    "zone or time not known",
    "left to review",
    "vetoed",
    "below threshold",
)
"""The disposition of a call: answered, or the one reason why not."""


@dataclass(slots=True)
class Retrospective:
    """The counts of past calls.

    `units_now` and `units_full` are calls by unit as it is now and in a full roll-out. `vetoed_eligible` is the expected
    number of eligible calls among the vetoed, by their probabilities. `by` holds, for each grouping, the calls by
    disposition, and the expected number of eligible calls with the ends of its interval.
    """

    calls: int
    days: float
    dispositions: dict[str, int] = field(default_factory=dict)
    units_now: dict[str, int] = field(default_factory=dict)
    units_full: dict[str, int] = field(default_factory=dict)
    eligible: Estimate | None = None
    vetoed_eligible: float = 0.0
    by: dict[str, pd.DataFrame] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Return the retrospective as plain JSON values."""
        by = {name: table.reset_index().to_dict("records") for name, table in self.by.items()}
        return {
            "calls": self.calls, "days": self.days, "dispositions": self.dispositions, "units_now": self.units_now,
            "units_full": self.units_full, "eligible": asdict(self.eligible) if self.eligible else None,
            "vetoed_eligible": self.vetoed_eligible, "by": by,
        }  # fmt: skip


def retrospective(
    scored: pd.DataFrame, *, time_zone: str, calibration: Sequence[tuple[float, Estimate]] = ()
) -> Retrospective:  # fmt: skip
    """Return the retrospective of decided calls (rows of `backfill.row`).

    `calibration` bands correct the expected number of eligible calls, and widen its interval.
    """
    local = _local(scored, time_zone)
    span = (local.max() - local.min()).total_seconds() / 86_400 if local.notna().any() else 0.0
    disposition = dispositions(scored)
    cleared = scored["recommendation"] == Recommendation.ELIGIBLE.value
    result = Retrospective(
        calls=len(scored),
        days=max(1.0, span),
        dispositions={name: int((disposition == name).sum()) for name in DISPOSITIONS},
        units_now=_units(scored[disposition == ANSWERED]),
        units_full=_units(scored[cleared]),
        eligible=expected(scored, calibration),
        vetoed_eligible=float(scored.loc[scored["vetoed"].astype(bool), "eligible_probability"].fillna(0.0).sum()),
    )
    groups = {
        "month": local.dt.strftime("%Y-%m"),
        "call type": scored["call_type"],
        "zone": scored["zone"].fillna("not known"),
        "hour": local.dt.strftime("%H"),
    }
    for name, group in groups.items():
        result.by[name] = _table(name, group.fillna("not known"), scored, disposition, calibration)
    return result


def dispositions(scored: pd.DataFrame) -> pd.Series:
    """Return the disposition of each call, one of `DISPOSITIONS`."""
    cleared = scored["recommendation"] == Recommendation.ELIGIBLE.value
    on_duty, in_zone = scored["on_duty"].astype("boolean"), scored["in_zone"].astype("boolean")
    conditions = {
        "vetoed": scored["vetoed"].astype(bool),
        "left to review": scored["recommendation"] == Recommendation.REVIEW.value,
        "below threshold": ~cleared,
        "out of zone": (in_zone == False).fillna(value=False),  # noqa: E712  may be missing
        "off duty": (on_duty == False).fillna(value=False),  # noqa: E712
        "zone or time not known": (on_duty & in_zone).isna(),
    }
    masks = [condition.to_numpy(dtype=bool) for condition in conditions.values()]
    return pd.Series(np.select(masks, list(conditions), ANSWERED), index=scored.index)


def expected(scored: pd.DataFrame, calibration: Sequence[tuple[float, Estimate]]) -> Estimate:
    """Return the expected number of eligible calls among the unvetoed, with an interval.

    With calibration bands, each call counts as the eligible share of its band, and the interval combines the uncertainty of
    the bands with the chance of each call. Without them it is that chance alone, as if the probabilities were exact.
    """
    chances = scored.loc[~scored["vetoed"].astype(bool), "eligible_probability"].fillna(0.0).to_numpy(dtype=float)
    total, deviation = float(chances.sum()), float(np.sqrt((chances * (1 - chances)).sum()))
    low, high, method = total - _Z * deviation, total + _Z * deviation, "binomial"
    if calibration:
        centres = np.array([centre for centre, _ in calibration])
        band = np.abs(chances[:, None] - centres[None, :]).argmin(axis=1)
        calls = np.bincount(band, minlength=len(calibration))
        shares, lows, highs = (np.array([getattr(e, end) for _, e in calibration]) for end in ("value", "low", "high"))
        total, chance = float((calls * shares).sum()), float((calls * shares * (1 - shares)).sum()) * _Z**2
        low = total - float(np.sqrt(((calls * (shares - lows)) ** 2).sum() + chance))
        high = total + float(np.sqrt(((calls * (highs - shares)) ** 2).sum() + chance))
        method = "calibration bands"
    return Estimate(total, max(0.0, low), high, len(chances), method)


def eligible_calls(scored: pd.DataFrame, *, time_zone: str) -> pd.DataFrame:
    """Return the calls suggested ELIGIBLE for the simulation: response, zone, minute since the first call, local hour."""
    rows = scored[(scored["recommendation"] == Recommendation.ELIGIBLE.value) & scored["received_at"].notna()]
    local = _local(rows, time_zone)
    minute = (local - local.min()).dt.total_seconds() / 60
    return pd.DataFrame({"response": rows["response"], "zone": rows["zone"], "minute": minute, "hour": local.dt.hour})


def _local(scored: pd.DataFrame, time_zone: str) -> pd.Series:
    """Return when each call was received, in local time."""
    return pd.to_datetime(scored["received_at"], utc=True, format="ISO8601").dt.tz_convert(time_zone)


def _table(
    name: str,
    group: pd.Series,
    scored: pd.DataFrame,
    disposition: pd.Series,
    calibration: Sequence[tuple[float, Estimate]],
) -> pd.DataFrame:
    """Return the counts by one grouping: dispositions, full roll-out, and the expected number of eligible calls."""
    table = pd.crosstab(group, disposition).reindex(columns=list(DISPOSITIONS), fill_value=0)
    table = table.rename_axis(index=name, columns=None)
    table["full roll-out"] = (scored["recommendation"] == Recommendation.ELIGIBLE.value).groupby(group).sum()
    estimates = {value: expected(rows, calibration) for value, rows in scored.groupby(group)}
    for column, end in (("expected eligible", "value"), ("at least", "low"), ("at most", "high")):
        table[column] = pd.Series({value: getattr(estimate, end) for value, estimate in estimates.items()})
    return table


def _units(rows: pd.DataFrame) -> dict[str, int]:
    """Return the number of calls by the unit suggested."""
    return {str(unit): int(n) for unit, n in rows["response"].value_counts().items()}


def lines(result: Retrospective) -> Iterator[str]:
    """Yield the retrospective as lines of text."""
    yield f"{result.calls:,} calls in {result.days:.0f} days"
    if result.eligible is not None:
        e = result.eligible
        yield f"expected to be eligible, by probability: {e.value:,.0f} ({e.low:,.0f} to {e.high:,.0f}, {e.method})"
    yield f"expected to be eligible, but vetoed: {result.vetoed_eligible:,.0f}, not counted above"
    full = sum(result.units_full.values())
    yield f"full roll-out, citywide and all day: {full:,} ({full / result.days:.1f} a day)"
    for name, n in result.units_full.items():
        yield f"  {name.replace('_', ' ')}: {n:,}, as it is now {result.units_now.get(name, 0):,}"
    for name, n in result.dispositions.items():
        yield f"{name}: {n:,} ({n / max(1, result.calls):.1%})"
    for table in result.by.values():
        yield ""
        yield from table.round().astype(int).to_string().splitlines()
