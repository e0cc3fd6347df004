"""Instants: read once into UTC where they enter, and written as UTC text of one width, so that text sorts as time does."""

from datetime import UTC, date, datetime, time, tzinfo

from models.errors import InvalidInstant

WIDTH = len("2026-03-01T08:12:00.000000Z")
"""The length of every instant as text, in characters."""


def parse_instant(value: str | date | datetime, *, zone: tzinfo | None = None, whole_days: bool = True) -> datetime:
    """Return an instant in UTC, read from ISO 8601 text, a date or a date and time.

    A date is the start of that day, and is refused without `whole_days`. Where there is no offset, `zone` says which clock
    was read; without `zone`, dates are days of UTC and times are refused. A local time that a clock change repeats is the
    first of the two; one that it skips is read with the offset before the change. Raises `InvalidInstant`.

    >>> parse_instant("2026-03-01T03:12:00-05:00").isoformat()
    '2026-03-01T08:12:00+00:00'
    """
    moment, whole_day = _read(value)
    if whole_day and not whole_days:
        raise InvalidInstant("the time of day is missing", value=str(value), remedy="write 2026-03-01T03:12:00-05:00")
    if moment.tzinfo is None:
        if zone is None and not whole_day:
            raise InvalidInstant("the time has no offset", value=str(value), remedy="write 2026-03-01T03:12:00-05:00")
        moment = moment.replace(tzinfo=zone or UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        pass
    raise InvalidInstant("the time lies outside the years 1 to 9999 in UTC", value=str(value))


def instant_text(moment: datetime) -> str:
    """Return an instant as UTC text of 27 characters; raise `InvalidInstant` where it has no offset.

    >>> instant_text(parse_instant("2026-03-01T03:12:00-05:00"))
    '2026-03-01T08:12:00.000000Z'
    """
    utc = parse_instant(moment)
    return f"{utc.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def local_time(moment: datetime, zone: tzinfo) -> datetime | None:
    """Return an instant on the clock of a zone; `None` at the ends of the calendar, where that clock has no such year.

    >>> from zoneinfo import ZoneInfo
    >>> local_time(parse_instant("2026-03-01T08:12:00Z"), ZoneInfo("America/New_York")).isoformat()
    '2026-03-01T03:12:00-05:00'
    """
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return None


def _read(value: str | date | datetime) -> tuple[datetime, bool]:
    """Return a value as date and time, and whether it was a date alone."""
    if isinstance(value, datetime):
        return datetime.fromisoformat(value.isoformat()) if type(value) is not datetime else value, False
    if isinstance(value, date):
        return datetime.combine(value, time.min), True
    text = str(value).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return moment, not any(mark in text for mark in ":Tt ") and len(text) <= len("2026-W09-7")
    raise InvalidInstant("this is no time", value=text, remedy="use ISO 8601, such as 2026-03-01T03:12:00-05:00")
