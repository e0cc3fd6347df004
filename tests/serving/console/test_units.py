"""Which units are on duty now, as the strip says it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from models.programs.program import load_program
from serving.console.units import units_now

ZONE = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("at", "available", "following", "stand_in"),
    [
        (datetime(2026, 3, 3, 14, 0, tzinfo=ZONE), True, None, None),
        (
            datetime(2026, 3, 3, 22, 0, tzinfo=ZONE),
            False,
            {"day": 1, "weekday": 2, "time": "09:00"},
            "crisis_call_diversion",
        ),
        (datetime(2026, 3, 4, 3, 0, tzinfo=ZONE), False, {"day": 0, "weekday": 2, "time": "09:00"}, "crisis_call_diversion"),
    ],
)
def test_a_unit_off_duty_says_until_when_and_who_answers_meanwhile(at, available, following, stand_in):
    """By day on duty; at night off duty until the next start, with the clinicians on the phone until then."""
    units = {unit["unit"]: unit for unit in units_now(load_program(), at=at, zone="D1")}
    team = units["community_response"]
    assert (team["available"], team["next"], team["stand_in"]) == (available, following, stand_in)
    assert units["crisis_call_diversion"]["stand_in"] is None
