"""A program's criteria as data: which call types it takes, what it excludes, which unit works where and when."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePath
from typing import Any
from zoneinfo import ZoneInfo

from models.common.config import validate
from models.common.instants import local_time
from models.decision import Availability, Response
from models.errors import InvalidConfig
from models.programs.call_types import CallTypes, shipped
from models.programs.files import DEFAULT_PROGRAM, ProgramFiles, ProgramSource, joined
from models.programs.schema import SHIFT, ProgramFile, ReferralExport, ScreeningNegatives, UnitEntry, ViolenceNegated

PROGRAMS = Path(__file__).parent
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Shift:
    """Hours of duty on certain weekdays (Monday is 0), in minutes after local midnight."""

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Unit:
    """Where and when one unit works; `zones` is `None` where it serves the whole city."""

    response: Response
    staffing: str
    zones: frozenset[str] | None
    shifts: tuple[Shift, ...]
    hours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """The units of an earlier time, from its first day to the day before its end."""

    begins: date
    ends: date
    units: Mapping[Response, Unit]


@dataclass(frozen=True, slots=True)
class Prevalence:
    """The share of police calls that may be the program's, by an agency's own count of their natures."""

    natures: tuple[str, ...]
    calls_a_year: int
    police_calls_a_year: int
    source: str

    @property
    def share(self) -> float:
        """Return the calls of these natures as a share of all police calls, between 0 and 1."""
        return self.calls_a_year / self.police_calls_a_year


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program. `version` joins the file's version and its SHA-256; `call_types` reads its city's natures.

    `rulebook` is its own rulebook of the veto, where it has any. `text` is the file as it was read, or what several
    files say together, and `beside` are the files that it names beside itself, by the names that it uses: with them it can
    be read again elsewhere. `signals` is what the city adds to the signals, for `models.signals.load_lexicon`; empty where
    it adds nothing.
    """

    id: str
    name: str
    version: str
    time_zone: ZoneInfo
    eligible_call_types: frozenset[str]
    excluded_call_types: frozenset[str]
    screening_negatives: ScreeningNegatives
    ask_before_eligible: bool
    follow_up_calls_30d: int
    follow_up_call_types: frozenset[str]
    referral_export: ReferralExport
    risk_high: float
    high_risk_unit: Response
    units: Mapping[Response, Unit]
    periods: tuple[Period, ...]
    note: str
    unknown: tuple[str, ...]
    sources: tuple[str, ...]
    call_types: CallTypes
    prevalence: Prevalence | None
    signals: Mapping[str, Any]
    rulebook: Path | None
    text: bytes = field(default=b"", repr=False)
    beside: Mapping[str, Path] = field(default_factory=dict)
    violence_negated: ViolenceNegated = ViolenceNegated.REVIEW
    roster: Path | None = None
    """A CSV file of the city's names, for `models.veto.Roster`; its path in the program's file is relative to that file."""

    def units_on(self, day: date | None) -> Mapping[Response, Unit]:
        """Return the units of a day: an earlier period's where one covers it, the present ones otherwise."""
        past = (period.units for period in self.periods if day is not None and period.begins <= day < period.ends)
        return next(past, self.units)

    def availability(self, response: Response, at: datetime | None, zone: str | None) -> Availability | None:
        """Return whether a unit of the program is on duty in the zone at a moment; `None` for other services."""
        local = local_time(at, self.time_zone) if at else None
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


def load_program(source: ProgramSource = DEFAULT_PROGRAM) -> Program:
    """Return a program by its id, by the path of its TOML file, or by its files; raise `InvalidConfig` where one is wrong.

    A path given as text ends in ".toml".
    """
    files = source if isinstance(source, ProgramFiles) else ProgramFiles(source)
    name = files.program
    path = Path(name) if isinstance(name, Path) or name.endswith(".toml") else PROGRAMS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(program_ids())
        raise InvalidConfig("no such program", value=str(name), remedy=f"give the path of a TOML file, or one of: {known}")
    raw = path.read_bytes()
    data = _table(raw, path)
    if not files.only_program:
        raw = joined(data, files)
        data = tomllib.loads(raw.decode())
    return parse_program(data, text=raw, folder=path.parent, rulebook=files.rulebook)


def _table(raw: bytes, path: Path) -> dict[str, Any]:
    """Return a program's file as a table; raise `InvalidConfig` where it is not TOML."""
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path.name} is not TOML", value=str(error), remedy="mend the line it names") from None


def parse_program(
    data: Mapping[str, object], *, text: bytes = b"", folder: Path = PROGRAMS, rulebook: Path | None = None
) -> Program:
    """Return a parsed file as a `Program`; raise `InvalidConfig` naming the key, the value and the remedy.

    `text` is the file itself, `folder` where it lies, in which the files that it names are sought; `rulebook` is sought
    where it is.
    """
    file = validate(ProgramFile, data, what="program", remedy="compare durham-heart.toml")
    own = CallTypes(file.call_types, regions=file.code_regions) if file.call_types or file.code_regions else shipped()
    rules, roster = rulebook or _in(folder, file.rulebook), _in(folder, file.roster)
    return Program(
        id=file.id,
        name=file.name,
        version=f"{file.id}@{file.version}+{hashlib.sha256(text).hexdigest()[:12]}",
        time_zone=ZoneInfo(file.time_zone),
        eligible_call_types=frozenset(file.eligible_call_types),
        excluded_call_types=frozenset(file.excluded_call_types),
        screening_negatives=file.screening_negatives,
        ask_before_eligible=file.ask_before_eligible,
        follow_up_calls_30d=file.care_navigation.calls_30d,
        follow_up_call_types=frozenset(file.care_navigation.call_types),
        referral_export=file.care_navigation.export,
        risk_high=file.risk_bands.high,
        high_risk_unit=file.risk_bands.high_risk_unit,
        units=_units(file.units),
        periods=tuple(Period(period.begins, period.ends, _units(period.units)) for period in file.periods),
        note=file.note,
        unknown=file.unknown,
        sources=file.sources,
        call_types=own,
        prevalence=None if file.prevalence is None else Prevalence(**dict(file.prevalence)),
        signals=file.signals,
        rulebook=rules,
        text=text,
        beside={
            name: path
            for name, path in ((file.rulebook, rules), (file.roster, roster))
            if name and path and _is_beside(name)
        },
        violence_negated=file.violence_negated,
        roster=roster,
    )


def program_ids() -> tuple[str, ...]:
    """Return the ids of the programs that ship with the package."""
    return tuple(sorted(path.stem for path in PROGRAMS.glob("*.toml") if path.name != "call_types.toml"))


def _in(folder: Path, name: str | None) -> Path | None:
    """Return the path of a file that a program's file names, sought from its folder; `None` where it names none."""
    return folder / name if name else None


def _is_beside(name: str) -> bool:
    """Return whether a name leads into the folder of the file that names it, wherever that folder is."""
    place = PurePath(name)
    return not place.is_absolute() and ".." not in place.parts


def _units(entries: Mapping[Response, UnitEntry]) -> dict[Response, Unit]:
    """Return the units of one period."""
    return {response: _unit(response, entry) for response, entry in entries.items()}


def _unit(response: Response, entry: UnitEntry) -> Unit:
    """Return one unit."""
    zones = (entry.zones,) if isinstance(entry.zones, str) else entry.zones
    served = None if entry.zones == "all" else frozenset(zones)
    return Unit(response, entry.staffing, served, tuple(map(_shift, entry.hours)), entry.hours)


def _shift(text: str) -> Shift:
    """Return hours such as "weekdays 09:00-17:00"; an end at or before the start runs past midnight."""
    match = SHIFT.fullmatch(text)
    if match is None:
        raise InvalidConfig("hours cannot be read", value=text, remedy='write "daily 09:00-21:00"')
    named, *clock = match.groups()
    groups = {"daily": range(7), "weekdays": range(5), "weekends": range(5, 7)}
    start, end = int(clock[0]) * 60 + int(clock[1]), int(clock[2]) * 60 + int(clock[3])
    days = frozenset(groups.get(named) or [_DAYS.index(named)])
    return Shift(days, start, end if end > start else end + 24 * 60)


def _covers(shift: Shift, local: datetime) -> bool:
    """Return whether a shift runs at a local time, today's or the one that began yesterday."""
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
