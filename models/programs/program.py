"""Read a program's criteria as data: which call types it takes, what it excludes, which unit works where and when."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.decision import Availability, Response, RiskBand
from models.errors import InvalidConfig

PROGRAMS = Path(__file__).parent
DEFAULT_PROGRAM = "durham-heart"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHIFT = re.compile(r"(daily|weekdays|weekends|mon|tue|wed|thu|fri|sat|sun) (\d\d):(\d\d)-(\d\d):(\d\d)")
_KEYS = {
    "id", "name", "version", "time_zone", "eligible_call_types", "excluded_call_types", "screening_negatives",
    "care_navigation", "risk_bands", "units", "note", "unknown", "sources",
}  # fmt: skip
_OPTIONAL = {"periods"}


class ScreeningNegatives(StrEnum):
    """Say what a recorded answer such as "no weapons" does when no structured answer confirms it."""

    VETO = "veto"
    REVIEW = "review"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Shift:
    """Hold hours of duty on certain weekdays (Monday is 0), in minutes after local midnight."""

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Unit:
    """Hold where and when one unit works; `zones` is `None` where it serves the whole city."""

    response: Response
    staffing: str
    zones: frozenset[str] | None
    shifts: tuple[Shift, ...]
    hours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """Hold the units of an earlier time, from its first day to the day before its end."""

    begins: date
    ends: date
    units: Mapping[Response, Unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Hold one program. `version` joins the file's version and its SHA-256."""

    id: str
    name: str
    version: str
    time_zone: ZoneInfo
    eligible_call_types: frozenset[str]
    excluded_call_types: frozenset[str]
    screening_negatives: ScreeningNegatives
    follow_up_calls_30d: int
    follow_up_call_types: frozenset[str]
    risk_elevated: float
    risk_high: float
    high_risk_unit: Response
    units: Mapping[Response, Unit]
    periods: tuple["Period", ...]
    note: str
    unknown: tuple[str, ...]
    sources: tuple[str, ...]

    def units_on(self, day: date | None) -> Mapping[Response, Unit]:
        """Return the units of a day: an earlier period's where one covers it, the present ones otherwise."""
        past = (period.units for period in self.periods if day is not None and period.begins <= day < period.ends)
        return next(past, self.units)

    def risk_band(self, probability: float | None) -> RiskBand:
        """Return the band of a chance of an adverse event."""
        if probability is None:
            return RiskBand.UNKNOWN
        if probability >= self.risk_high:
            return RiskBand.HIGH
        return RiskBand.ELEVATED if probability >= self.risk_elevated else RiskBand.LOW

    def availability(self, response: Response, at: datetime | None, zone: str | None) -> Availability | None:
        """Say whether a unit of the program is on duty in the zone at a moment; `None` for other services."""
        local = at.astimezone(self.time_zone) if at else None
        unit = self.units_on(local.date() if local else None).get(response)
        if unit is None:
            return (
                None
                if response not in self.units
                else Availability(unit=response, available=False, on_duty=False, in_zone=None, next_on_duty_at=None)
            )
        on_duty = None if local is None else any(_covers(shift, local) for shift in unit.shifts)
        in_zone = True if unit.zones is None else (None if zone is None else zone in unit.zones)
        known = on_duty is not None and in_zone is not None
        available = False if False in (on_duty, in_zone) else (True if known else None)
        following = _next_start(unit.shifts, local) if local and on_duty is False else None
        return Availability(unit=response, available=available, on_duty=on_duty, in_zone=in_zone, next_on_duty_at=following)


def load_program(name: str | Path = DEFAULT_PROGRAM) -> Program:
    """Read a program by its id or by the path of its file; raise `InvalidConfig` where it is wrong."""
    path = name if isinstance(name, Path) else PROGRAMS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(program_ids())
        raise InvalidConfig("no such program", value=str(name), remedy=f"use one of: {known}")
    raw = path.read_bytes()
    try:
        data = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path.name} is not TOML", value=str(error), remedy="mend the line it names") from None
    return parse_program(data, digest=hashlib.sha256(raw).hexdigest())


def parse_program(data: Mapping[str, object], *, digest: str) -> Program:
    """Turn a parsed file into a `Program`; raise `InvalidConfig` naming the key."""
    table: dict[str, dict] = dict(data)  # type: ignore[arg-type, type-arg]  # TOML's own nesting
    unknown, missing = set(table) - _KEYS - _OPTIONAL, _KEYS - set(table)
    if unknown or missing:
        fault = "unknown program key" if unknown else "program lacks a key"
        raise InvalidConfig(fault, value=min(unknown or missing), remedy="compare durham-heart.toml")
    bands, follow = table["risk_bands"], table["care_navigation"]
    try:
        return Program(
            id=str(table["id"]),
            name=str(table["name"]),
            version=f"{table['id']}@{table['version']}+{digest[:12]}",
            time_zone=ZoneInfo(str(table["time_zone"])),
            eligible_call_types=frozenset(table["eligible_call_types"]),
            excluded_call_types=frozenset(table["excluded_call_types"]),
            screening_negatives=ScreeningNegatives(str(table["screening_negatives"])),
            follow_up_calls_30d=int(follow["calls_30d"]),
            follow_up_call_types=frozenset(follow["call_types"]),
            risk_elevated=float(bands["elevated"]),
            risk_high=float(bands["high"]),
            high_risk_unit=Response(bands["high_risk_unit"]),
            units=_units(table["units"]),
            periods=tuple(Period(p["from"], p["until"], _units(p["units"])) for p in table.get("periods", ())),
            note=str(table["note"]),
            unknown=tuple(table["unknown"]),
            sources=tuple(table["sources"]),
        )
    except (KeyError, ValueError, ZoneInfoNotFoundError) as error:
        raise InvalidConfig("program value is wrong", value=str(error), remedy="compare durham-heart.toml") from None


def _units(entries: Mapping[str, Mapping[str, object]]) -> dict[Response, Unit]:
    """Read the units of one period."""
    return {Response(name): _unit(name, entry) for name, entry in entries.items()}


def program_ids() -> tuple[str, ...]:
    """Return the ids of the programs that ship with the package."""
    return tuple(sorted(path.stem for path in PROGRAMS.glob("*.toml") if path.name != "call_types.toml"))


def _unit(name: str, entry: Mapping[str, object]) -> Unit:
    """Read one unit."""
    zones, hours = entry["zones"], entry["hours"]
    if not isinstance(hours, list):
        raise InvalidConfig(f"hours of {name} are not a list", value=hours, remedy='write ["daily 09:00-21:00"]')
    served = None if zones == "all" else frozenset(map(str, zones if isinstance(zones, list) else [zones]))
    return Unit(
        Response(name), str(entry["staffing"]), served, tuple(_shift(str(text)) for text in hours), tuple(map(str, hours))
    )


def _shift(text: str) -> Shift:
    """Read hours such as "weekdays 09:00-17:00"; an end at or before the start runs past midnight."""
    match = _SHIFT.fullmatch(text)
    if match is None:
        raise InvalidConfig("hours cannot be read", value=text, remedy='write "daily 09:00-21:00"')
    named, *clock = match.groups()
    groups = {"daily": range(7), "weekdays": range(5), "weekends": range(5, 7)}
    start, end = int(clock[0]) * 60 + int(clock[1]), int(clock[2]) * 60 + int(clock[3])
    days = frozenset(groups.get(named) or [_DAYS.index(named)])
    return Shift(days, start, end if end > start else end + 24 * 60)


def _covers(shift: Shift, local: datetime) -> bool:
    """Tell whether a shift runs at a local time, today's or the one that began yesterday."""
    minute, day = local.hour * 60 + local.minute, local.weekday()
    today = day in shift.days and shift.start <= minute < shift.end
    return today or ((day - 1) % 7 in shift.days and minute + 24 * 60 < shift.end)


def _next_start(shifts: tuple[Shift, ...], local: datetime) -> datetime | None:
    """Return the first start of a shift after a local time, within a week."""
    starts = []
    for ahead in range(8):
        date = (local + timedelta(days=ahead)).date()
        for shift in shifts:
            start = datetime.combine(date, time(shift.start // 60, shift.start % 60), tzinfo=local.tzinfo)
            if date.weekday() in shift.days and start > local:
                starts.append(start)
    return min(starts, default=None)
