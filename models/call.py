"""One 911 call: the note and what the CAD system knows; the only input of the program.

Every field but the narrative may be missing (`None`). A missing field is a fact of its own and is never read as a
safe answer: `weapons_answer=None` and `weapons_answer=Answer.NONE` are different calls.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum

from models.common.instants import instant_text, parse_instant
from models.errors import InvalidCall, InvalidInstant

MAX_NARRATIVE = 65_536
"""The longest note that is read, in characters."""

_MAX_WORD = 200
_SURROGATE = re.compile("[\ud800-\udfff]")


class Source(StrEnum):
    """The way in which the call arrived."""

    EMERGENCY = "911"
    ADMIN_LINE = "admin_line"
    TEXT = "text"
    ALARM = "alarm"


class CallerParty(StrEnum):
    """Whom the caller speaks about: themselves, someone with them, someone seen from afar."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    UNKNOWN = "unknown"


class Answer(StrEnum):
    """The call-taker's structured answer to a safety question."""

    NONE = "none"
    YES = "yes"
    UNKNOWN = "unknown"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call; raises `InvalidCall` where a field has an impossible value.

    `received_at` needs an offset and is kept in UTC; `calls_24h` and `calls_30d` count earlier calls from this caller or
    address.

    >>> Call(narrative="male asleep in doorway, refuses to leave", zone="D1").zone
    'D1'
    """

    narrative: str
    call_id: str | None = None
    received_at: datetime | None = None
    call_type: str | None = None
    priority: str | None = None
    source: Source | None = None
    zone: str | None = None
    caller_party: CallerParty | None = None
    language: str | None = None
    calls_24h: int | None = None
    calls_30d: int | None = None
    premise_hazard: bool | None = None
    weapons_answer: Answer | None = None
    violence_answer: Answer | None = None
    medical_answer: Answer | None = None

    def __post_init__(self) -> None:
        """Refuse what no call can be."""
        if not isinstance(self.narrative, str):
            raise InvalidCall("narrative is not text", field="narrative", remedy="send a string, empty if need be")
        if len(self.narrative) > MAX_NARRATIVE:
            raise InvalidCall(
                "narrative is too long",
                field="narrative",
                value=len(self.narrative),
                remedy=f"send at most {MAX_NARRATIVE} characters",
            )
        if not self.narrative.isascii() and _SURROGATE.search(self.narrative):
            raise InvalidCall("narrative is not Unicode text", field="narrative", remedy="send UTF-8")
        if self.received_at is not None:
            object.__setattr__(self, "received_at", _read_time("received_at", self.received_at))
        for name in ("calls_24h", "calls_30d"):
            count = getattr(self, name)
            if count is not None and count < 0:
                raise InvalidCall(f"{name} is negative", field=name, value=count, remedy="count earlier calls")

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the names of the metadata fields that were not given, in the order of the class."""
        return tuple(name for name in METADATA if getattr(self, name) is None)

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> "Call":
        """Return the call of a row of text, JSON or a data frame; unknown keys are ignored.

        Empty text and NaN count as missing. Raises `InvalidCall` naming the field; the narrative is never shown.
        """
        given = {name: _blank_to_none(record.get(name)) for name in FIELDS}
        narrative = given.pop("narrative")
        read = {name: READERS[name](name, value) for name, value in given.items() if value is not None}
        if narrative is not None and not isinstance(narrative, str):
            raise InvalidCall("narrative is not text", field="narrative", remedy="send a string, empty if need be")
        return cls(narrative=narrative or "", **read)  # type: ignore[arg-type]  # READERS are typed by name

    def to_record(self) -> dict[str, object]:
        """Return the call as plain JSON values; `from_record` reads it back unchanged."""
        record = {name: getattr(self, name) for name in FIELDS}
        if self.received_at is not None:
            record["received_at"] = instant_text(self.received_at)
        return {key: str(value) if isinstance(value, StrEnum) else value for key, value in record.items()}


def _blank_to_none(value: object) -> object:
    """Turn the many spellings of nothing into `None`."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    return None if isinstance(value, str) and not value.strip() else value


def _read_word(name: str, value: object) -> str:
    text = str(value).strip()
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    if len(text) > _MAX_WORD:
        raise InvalidCall(f"{name} is too long", field=name, value=text, remedy=f"use at most {_MAX_WORD} characters")
    return text


def _read_time(name: str, value: object) -> datetime:
    """Return an instant in UTC; raise `InvalidCall` for what is none, and for a time without an offset."""
    try:
        return parse_instant(value if isinstance(value, datetime) else str(value), whole_days=False)
    except InvalidInstant as error:
        fault = error.fault
    raise InvalidCall(f"{name}: {fault}", field=name, value=value, remedy="use ISO 8601 with an offset")


def _read_count(name: str, value: object) -> int:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not number.is_integer():  # NaN and infinity are not whole either
        raise InvalidCall(f"{name} is not a whole number", field=name, value=value, remedy="count earlier calls")
    return int(number)


def _read_flag(name: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word in {"true", "yes", "y", "1", "1.0"}:
        return True
    if word in {"false", "no", "n", "0", "0.0"}:
        return False
    raise InvalidCall(f"{name} is neither yes nor no", field=name, value=value, remedy="use true or false")


def _read_enum(kind: type[StrEnum]) -> Callable[[str, object], StrEnum]:
    def read(name: str, value: object) -> StrEnum:
        word = _read_word(name, value).lower()
        try:
            return kind(word)
        except ValueError:
            pass
        allowed = ", ".join(kind)
        raise InvalidCall(f"{name} is not known", field=name, value=word, remedy=f"use one of: {allowed}")

    return read


FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Call))
METADATA: tuple[str, ...] = tuple(name for name in FIELDS if name not in {"narrative", "call_id"})
READERS: dict[str, Callable[[str, object], object]] = {
    "call_id": _read_word,
    "received_at": _read_time,
    "call_type": _read_word,
    "priority": _read_word,
    "source": _read_enum(Source),
    "zone": _read_word,
    "caller_party": _read_enum(CallerParty),
    "language": _read_word,
    "calls_24h": _read_count,
    "calls_30d": _read_count,
    "premise_hazard": _read_flag,
    "weapons_answer": _read_enum(Answer),
    "violence_answer": _read_enum(Answer),
    "medical_answer": _read_enum(Answer),
}


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
