"""Instants are read once into UTC and written in one width, so that text sorts as time does."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.instants import WIDTH, instant_text, parse_instant
from models.errors import InvalidInstant

NEW_YORK = ZoneInfo("America/New_York")
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T03:12:00-05:00", "2026-03-01T08:12:00.000000Z"),
        ("2026-03-01 08:12:00Z", "2026-03-01T08:12:00.000000Z"),
        ("2026-03-01T08:12:00.5+00:00", "2026-03-01T08:12:00.500000Z"),
        ("20260301T081200Z", "2026-03-01T08:12:00.000000Z"),
        (" 2026-03-01T08:12Z ", "2026-03-01T08:12:00.000000Z"),
        ("2026-03-01T23:30:00+14:00", "2026-03-01T09:30:00.000000Z"),
        ("2026-03-01", "2026-03-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_every_spelling_of_an_instant_is_one_text(text, expected):
    """Offsets, fractions, a blank for the T, basic format, the first and the last year."""
    assert instant_text(parse_instant(text)) == expected
    assert len(expected) == WIDTH


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2026-13-01", "2026-02-30T00:00Z", "2026-03-01T25:00Z", "2026-03-01T08:12:00",
        "0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00", "2026-03-01T08:12:00+99:00", "Infinity", "0",
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text):
    """Words, dates that do not exist, times without an offset, and years that UTC does not have."""
    with pytest.raises(InvalidInstant):
        parse_instant(text)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-03-01T03:12:00", "2026-03-01T08:12:00"),
        ("2026-07-01T03:12:00", "2026-07-01T07:12:00"),
        ("2026-03-08T02:30:00", "2026-03-08T07:30:00"),  # skipped by the clock: read with the offset before
        ("2026-11-01T01:30:00", "2026-11-01T05:30:00"),  # shown twice by the clock: the first
        ("2026-11-01", "2026-11-01T04:00:00"),
        ("2026-11-02", "2026-11-02T05:00:00"),
        ("2026-07-01T03:12:00+00:00", "2026-07-01T03:12:00"),
    ],
)
def test_a_local_clock_is_read_by_its_zone(local, expected):
    """Winter, summer, the hour that a clock skips, the hour that it repeats, and days; an offset goes before the zone."""
    assert parse_instant(local, zone=NEW_YORK).isoformat() == f"{expected}+00:00"


def test_days_and_moments_are_read_too():
    """A date is the start of its day; a moment without an offset is refused without a zone."""
    assert parse_instant(date(2026, 3, 1)) == datetime(2026, 3, 1, tzinfo=UTC)
    assert parse_instant(datetime(2026, 3, 1, 3, tzinfo=NEW_YORK)) == datetime(2026, 3, 1, 8, tzinfo=UTC)
    with pytest.raises(InvalidInstant, match="offset"):
        parse_instant(datetime(2026, 3, 1, 3))  # noqa: DTZ001


@given(one=st.datetimes(timezones=OFFSETS), other=st.datetimes(timezones=OFFSETS))
def test_text_sorts_as_time_does(one, other):
    """Of two instants with any offsets the earlier has the smaller text, and reading it gives the instant back."""
    try:
        texts = instant_text(one), instant_text(other)
    except InvalidInstant:
        return  # outside the years that UTC has
    assert (texts[0] < texts[1]) == (one < other)
    assert parse_instant(texts[0]) == one
