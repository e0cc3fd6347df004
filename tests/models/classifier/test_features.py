"""The features of a call are the same wherever it is scored."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from models.call import Call
from models.classifier.features import row
from models.reading import Reader

READER = Reader(time_zone=ZoneInfo("America/New_York"))


@pytest.mark.parametrize("hours", [-8, -5, 0, 5.5, 9])
def test_the_same_instant_falls_into_one_hour_whatever_its_offset(hours):
    """A client's own offset moves neither the hour nor the day: both are the program's local time."""
    instant = datetime.fromisoformat("2026-01-04T03:30:00+00:00")  # Saturday evening in Durham
    moved = instant.astimezone(timezone(timedelta(hours=hours)))
    features = row(READER.read(Call(narrative="male asleep in the lobby", received_at=moved)))
    assert (features["hour"], features["weekend"]) == ("20", "true")


def test_the_clock_change_is_followed():
    """In summer the same UTC hour is another local hour."""
    winter, summer = (
        row(READER.read(Call(narrative="x", received_at=datetime.fromisoformat(f"2026-{month}-15T12:30:00+00:00"))))["hour"]
        for month in ("01", "07")
    )
    assert (winter, summer) == ("04", "08")


@pytest.mark.parametrize("year", [1, 9999])
def test_the_ends_of_the_calendar_are_no_local_time(year):
    """An instant that has no local time counts as missing, and nothing fails."""
    at = datetime.fromisoformat(f"{year:04d}-01-01T00:00:00+00:00" if year == 1 else "9999-12-31T23:59:59+00:00")
    assert row(READER.read(Call(narrative="x", received_at=at)))["hour"] in {"missing", "16", "20"}
