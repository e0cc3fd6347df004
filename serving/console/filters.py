"""The filters of the evaluation dashboard: read from a URL, checked, and applied to a table of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd


DAYS = 30
_FLAGS = frozenset({"unfit", "felt_safe", "agreed", "vetoed", "elapsed_ms", "questions"})
_TRUE = {"yes": True, "no": False}
Dimension: TypeAlias = "Callable[[pd.DataFrame, str], pd.Series[bool]]"


def _equals(column: str) -> Dimension:
    """Return a filter for the rows whose column has a value; `-` stands for an unknown one."""
    return lambda table, value: table[column].fillna("-").astype(str) == value


def _flag(column: str) -> Dimension:
    """Return a filter for the rows whose column is yes, or no."""
    return lambda table, value: (table[column] == _TRUE.get(value, True)).fillna(False).astype(bool)


def _known(table: pd.DataFrame, value: str) -> pd.Series[bool]:
    """Return the rows in which a flag is known."""
    return table[value].notna() if value in _FLAGS else table["status"].isna()


def _incident(table: pd.DataFrame, value: str) -> pd.Series[bool]:
    """Return the rows whose incident number contains a text."""
    return table["call_id"].fillna("").str.contains(value, case=False, regex=False).astype(bool)


def _rule(table: pd.DataFrame, value: str) -> pd.Series[bool]:
    """Return the rows in which a rule vetoed any answer."""
    return table["rules"].map(lambda rules: value in rules).astype(bool)


def _unasked(table: pd.DataFrame, value: str) -> pd.Series[bool]:
    """Return the rows that ended without an answer to a safety question, or to any of them."""
    open_ones = table["questions"].fillna("").str.split(",")
    return open_ones.map(lambda names: value in names or (value == "any" and names != [""])).astype(bool)


def _band(table: pd.DataFrame, value: str) -> pd.Series[bool]:
    """Return the rows whose probability lies in a band such as `0.7-0.8`."""
    low, _, high = value.partition("-")
    probability = table["eligible_probability"].astype(float)
    try:
        return (probability > float(low)) & (probability <= float(high))
    except ValueError:
        return probability.isna() & False


DIMENSIONS: Mapping[str, Dimension] = {
    "incident": _incident, "zone": _equals("zone"), "call_type": _equals("heart_type"), "unit": _equals("response"),
    "answer": _equals("answer"), "person": _equals("person"), "model": _equals("model"), "status": _equals("status"),
    "human": _equals("human"),
    "suggested": _equals("suggested"), "reason": _equals("reason"), "hour": _equals("hour"), "weekday": _equals("weekday"),
    "day": _equals("day"), "week": _equals("week"), "event": _equals("adverse_event"), "rule": _rule, "band": _band,
    "agreed": _flag("agreed"), "vetoed": _flag("vetoed"), "felt_safe": _flag("felt_safe"), "unfit": _flag("unfit"),
    "served": _flag("served"), "known": _known, "shift": _equals("shift"), "unasked": _unasked,
}  # fmt: skip
CHOSEN = ("zone", "call_type", "unit", "answer", "person", "model")
"""The filters that have a field on the page, besides the days and the incident number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """A period in local days, both ends included, and filter values; `faults` are dates that cannot be read."""

    since: date
    until: date
    typing: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    @classmethod
    def read(cls, query: Mapping[str, str], *, time_zone: ZoneInfo, now: datetime | None = None) -> Filters:
        """Return the filters of a URL; a date that cannot be read is replaced by the default and added to `faults`."""
        today = (now or datetime.now(UTC)).astimezone(time_zone).date()
        faults: list[str] = []
        until = _day(query.get("until", ""), today, faults)
        since = _day(query.get("since", ""), until - timedelta(days=DAYS - 1), faults)
        if since > until:
            faults.append(f"{since} > {until}")
            since = until - timedelta(days=DAYS - 1)
        values = {name: query[name].strip()[:200] for name in DIMENSIONS if query.get(name, "").strip()}
        return cls(since=since, until=until, typing=query.get("typing") == "yes", values=values, faults=tuple(faults))

    def instants(self, time_zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return the start and the end of the period in UTC; the end is exclusive."""
        begin = datetime.combine(self.since, time(), tzinfo=time_zone)
        end = datetime.combine(self.until + timedelta(days=1), time(), tzinfo=time_zone)
        return begin.astimezone(UTC), end.astimezone(UTC)

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the calls of the table that match all filters; those left while typing only on request."""
        if not self.typing and "status" not in self.values:
            table = table[table["status"] != "typing"]
        for name, value in self.values.items():
            table = table[DIMENSIONS[name](table, value)]
        return table

    def link(self, path: str = "/dashboard/calls", **more: object) -> str:
        """Return a URL with these filters and some more; a value of `None` removes a filter."""
        values = {"since": self.since, "until": self.until, "typing": "yes" if self.typing else None, **self.values, **more}
        return f"{path}?{urlencode({name: value for name, value in values.items() if value is not None})}"


def _day(text: str, usual: date, faults: list[str]) -> date:
    """Return a date; the default where the text is empty or cannot be read, in which case it is added to `faults`."""
    if not text.strip():
        return usual
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        faults.append(text.strip()[:40])
        return usual
