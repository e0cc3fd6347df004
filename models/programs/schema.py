"""The shape of a program's TOML file, checked by pydantic; a key that it does not know is an error."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from models.decision import Response

SHIFT = re.compile(r"(daily|weekdays|weekends|mon|tue|wed|thu|fri|sat|sun) (\d\d):(\d\d)-(\d\d):(\d\d)")
"""Hours of duty as a program's file writes them."""


class ScreeningNegatives(StrEnum):
    """What a recorded answer such as "no weapons" does when no structured answer confirms it."""

    VETO = "veto"
    REVIEW = "review"
    CLEAR = "clear"


class ViolenceNegated(StrEnum):
    """What plainly negated violence such as "not hurting anyone" does until `violence_answer` is none."""

    VETO = "veto"
    REVIEW = "review"


class ReferralExport(StrEnum):
    """The form in which referrals to care navigation leave the program, if they do."""

    NONE = "none"
    FHIR_R4 = "fhir_r4"


def _time_zone(name: str) -> str:
    """Return the name of a time zone; raise `ValueError` where there is none of it."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone: write one such as America/New_York") from None
    return name


def _hours(text: str) -> str:
    """Return hours that can be read; raise `ValueError` for others."""
    if SHIFT.fullmatch(text) is None:
        raise ValueError('hours cannot be read: write "daily 09:00-21:00"')
    return text


TimeZoneName = Annotated[str, AfterValidator(_time_zone)]


class _Table(BaseModel):
    """A table of a program's file; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class UnitEntry(_Table):
    """One unit: who, where and when."""

    staffing: str
    zones: str | tuple[str, ...]
    hours: tuple[Annotated[str, AfterValidator(_hours)], ...]


class _Period(_Table):
    """The units of an earlier time."""

    begins: date = Field(alias="from")
    ends: date = Field(alias="until")
    units: dict[Response, UnitEntry]


class _CareNavigation(_Table):
    """Whom care navigation follows up, and whether referrals are exported."""

    calls_30d: int = Field(ge=0)
    call_types: tuple[str, ...]
    export: ReferralExport = ReferralExport.NONE


class _RiskBands(_Table):
    """The edges of the bands of risk, as chances of an adverse event."""

    high: float = Field(ge=0, le=1)
    high_risk_unit: Response


class _Prevalence(_Table):
    """An agency's own count of the calls that may be the program's."""

    natures: tuple[str, ...]
    calls_a_year: int = Field(gt=0)
    police_calls_a_year: int = Field(gt=0)
    source: str


class ProgramFile(_Table):
    """A program's file."""

    id: str
    name: str
    version: str
    time_zone: TimeZoneName
    eligible_call_types: tuple[str, ...]
    excluded_call_types: tuple[str, ...]
    screening_negatives: ScreeningNegatives
    violence_negated: ViolenceNegated = ViolenceNegated.REVIEW
    roster: str | None = None
    ask_before_eligible: bool = True
    care_navigation: _CareNavigation
    risk_bands: _RiskBands
    units: dict[Response, UnitEntry]
    note: str
    unknown: tuple[str, ...]
    sources: tuple[str, ...]
    periods: tuple[_Period, ...] = ()
    call_types: dict[str, str] = {}
    code_regions: tuple[str, ...] = ()
    prevalence: _Prevalence | None = None
    rulebook: str | None = None
    """The city's own rulebook of the veto, by its path from the program's file; the shipped one where not given."""
    signals: dict[str, Any] = {}
    """What the city adds to the signals, read by `models.signals.load_lexicon`."""
