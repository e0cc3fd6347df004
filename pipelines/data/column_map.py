"""Map an export's columns to those of a call, by a TOML file; propose one where there is none."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.call import FIELDS
from models.errors import InvalidCall, InvalidConfig

MAPS = Path(__file__).parent / "maps"
KEYS = ("caller_key", "address_key")
LABELS = ("eligible", "response", "adverse_event", "danger", "label_source", "labelled_at", "annotator")
TARGETS = (*FIELDS, *KEYS, *LABELS)

# Words in a column's name that give it away, most telling first.
_NAMES: dict[str, str] = {
    "narrative": r"narrative|remarks?|synopsis|comments?|notes?|description|summary|details",
    "call_id": r"(incident|event|cad|call).?(number|no|id|#)|cad.?event|case.?(#|number|no)?|^id$",
    "received_at": r"received|date.?time|call.?(date|time)|reported|queued|created|entered|^date$|^time$|timestamp",
    "call_type": r"call.?type|nature|incident.?type|event.?type|initial.?call|call.?reason|problem|type",
    "priority": r"priority|prio",
    "source": r"call.?source|source|how.?received|received.?via",
    "zone": r"zone|beat|district|sector|precinct|area|grid",
    "language": r"language|lang",
    "weapons_answer": r"^weapons$|weapons?.?(answer|asked|question|flag)",
    "caller_key": r"caller.?(phone|number|id)|call.?back|phone|ani$",
    "address_key": r"address|location|premise",
}


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Hold which columns make which field; several columns are joined, a narrative's by line ends."""

    name: str
    columns: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    time_zone: ZoneInfo | None = None
    time_formats: tuple[str, ...] = ()

    def apply(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with the names of a call; raise `InvalidCall` where a time cannot be read."""
        row: dict[str, Any] = {}
        for target, columns in self.columns.items():
            given = [str(record[c]).strip() for c in columns if record.get(c) is not None and str(record[c]).strip()]
            value = ("\n" if target == "narrative" else " ").join(given)
            row[target] = self.values.get(target, {}).get(value, value) or None
        if row.get("received_at") is not None:
            row["received_at"] = self._time(str(row["received_at"]))
        return row

    def _time(self, text: str) -> str:
        """Read a time by the map's formats, or ISO 8601; a time without an offset is of the map's zone."""
        moment = _parse_time(text, self.time_formats)
        if moment is None:
            raise InvalidCall("received_at is not a time", field="received_at", value=text, remedy="add its time_formats")
        if moment.utcoffset() is None and self.time_zone is not None:
            moment = moment.replace(tzinfo=self.time_zone)
        return moment.isoformat()


def load_map(name: str | Path) -> ColumnMap:
    """Read a map by the path of its file or the name of a shipped one; raise `InvalidConfig` naming the key."""
    path = Path(name)
    path = path if path.is_file() else MAPS / f"{path.stem}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in MAPS.glob("*.toml")))
        raise InvalidConfig("no such column map", value=str(name), remedy=f"give a file, or one of: {known}")
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path.name} is not TOML", value=str(error), remedy="mend the line it names") from None
    unknown = set(table) - {"name", "source", "time_zone", "time_formats", "columns", "values"}
    unknown |= set(table.get("columns", {})) - set(TARGETS)
    if unknown:
        raise InvalidConfig("unknown key in column map", value=min(unknown), remedy=f"map to: {', '.join(TARGETS)}")
    if "narrative" not in table.get("columns", {}):
        raise InvalidConfig("column map has no narrative", value=path.name, remedy="name the column that holds the note")
    zone = table.get("time_zone")
    try:
        time_zone = None if zone is None else ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidConfig("no such time zone", value=zone, remedy="write one such as America/New_York") from None
    columns = {key: tuple(one) if isinstance(one, list) else (str(one),) for key, one in table["columns"].items()}
    return ColumnMap(
        str(table.get("name", path.stem)), columns, table.get("values", {}), time_zone, tuple(table.get("time_formats", ()))
    )


def guess_map(rows: list[dict[str, Any]]) -> str:
    """Propose a map as TOML from some rows: by the columns' names, and the longest text for the narrative."""
    columns = list(rows[0]) if rows else []
    found: dict[str, list[str]] = {}
    left = list(columns)
    lengths = {column: sum(len(str(row.get(column) or "")) for row in rows) for column in columns}
    for target, pattern in _NAMES.items():
        named = [column for column in left if re.search(pattern, column.strip().lower())]
        if target == "narrative":
            best = max(named or left, key=lambda column: lengths[column], default=None)
            named = [] if best is None else [best]
        chosen = named[:2] if target == "received_at" and len(named) > 1 and not _whole_time(rows, named[0]) else named[:1]
        if chosen:
            found[target] = chosen
            left = [column for column in left if column not in chosen]
    lines = [
        "# Proposed from the names and contents of the columns: check each line.",
        'time_zone = "America/New_York"',
        "",
        "[columns]",
    ]
    lines += [f"{target} = {_toml(chosen)}" for target, chosen in found.items()]
    lines += [f"# not used: {column}" for column in left]
    return "\n".join(lines) + "\n"


def _whole_time(rows: list[dict[str, Any]], column: str) -> bool:
    """Tell whether a column holds a time of day beside its date."""
    return all(":" in str(row.get(column) or "") for row in rows[:20])


def _parse_time(text: str, formats: tuple[str, ...]) -> datetime | None:
    """Read a time by the first format that fits, or ISO 8601."""
    for one in formats:
        try:
            return datetime.strptime(text, one)  # noqa: DTZ007  the map's zone is added by the caller
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _toml(values: list[str]) -> str:
    """Write names as TOML."""
    quoted = ['"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"
