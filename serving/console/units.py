"""The units of the program that are on duty, for the decision strip and the supervisor's board."""

from datetime import datetime
from typing import Any

from models.decision import Response
from models.programs.program import Program

STAND_IN = Response.CRISIS_CALL_DIVERSION
"""The unit that answers by phone until another is on duty; it sends nobody, so it may stand in for every unit."""


def units_now(program: Program, *, at: datetime, zone: str | None) -> list[dict[str, Any]]:
    """Return each unit with whether it is available in a zone, and its next shift.

    `available` is true, false, or `None` where the zone is not known; `next` is the local start of the next shift as
    `{"day": 0, "weekday": 4, "time": "09:00"}`, with `day` counted from today and Monday as weekday 0; `stand_in` is the
    unit that answers by phone until then.
    """
    rows = []
    for response in program.units_on(at.astimezone(program.time_zone).date()):
        availability = program.availability(response, at, zone)
        if availability is None:
            continue
        away = availability.available is False and response is not STAND_IN and _on_phone(program, at, zone)
        rows.append(
            {
                "unit": response.value,
                "available": availability.available,
                "in_zone": availability.in_zone,
                "next": _local(availability.next_on_duty_at, at, program),
                "stand_in": STAND_IN.value if away else None,
            }
        )
    return rows


def _on_phone(program: Program, at: datetime, zone: str | None) -> bool:
    """Return whether the clinicians on the phone are on duty for a zone."""
    phone = program.availability(STAND_IN, at, zone)
    return phone is not None and phone.available is True


def _local(start: datetime | None, at: datetime, program: Program) -> dict[str, Any] | None:
    """Return the start of a shift in the program's own days and hours."""
    if start is None:
        return None
    local, today = start.astimezone(program.time_zone), at.astimezone(program.time_zone).date()
    return {"day": (local.date() - today).days, "weekday": local.weekday(), "time": local.strftime("%H:%M")}
