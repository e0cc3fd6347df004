"""Rows of a file as they stand, before they are calls: records, rows that cannot be read, and how a file is laid out."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from models.errors import InvalidCall

Record = dict[str, Any]
Notice = Callable[[str], None]
"""A function that is told how a file was read, in a sentence without any of its contents."""

CHUNK = 20_000
"""Rows that are held in memory at once."""


class UnreadableRecord(dict[str, Any]):
    """A row that could not be taken apart; it holds the row as it stood, and the fault that refuses it."""

    def __init__(self, fault: str, *, row: object, remedy: str) -> None:
        """Store the row and the reason why it cannot be read."""
        super().__init__({"row as it stood": row})
        self.error = InvalidCall(fault, field="row", remedy=remedy)


class FileLayout(BaseModel):
    """How a file is laid out, where its reader cannot see it by itself; the table `[file]` of a column map.

    `encoding` and `delimiter` replace what is sniffed; `header` names the columns of a file that has none; `table` is
    the table of an SQLite file, `sheet` that of a workbook; `line` is a regular expression with named groups for each
    entry of a text log, and lines that do not match it continue the group `continues`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: str | None = None
    delimiter: str | None = None
    header: tuple[str, ...] = ()
    table: str | None = None
    sheet: str | int = 0
    line: str | None = None
    continues: str = "narrative"


def flatten(record: Mapping[str, Any], prefix: str = "") -> Record:
    """Return a record without nesting: `{"a": {"b": 1}}` becomes `{"a.b": 1}`, and the items of a list stand on lines."""
    flat: Record = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        elif isinstance(value, (list, tuple)):
            flat[name] = "\n".join(filter(None, map(_line, value)))
        else:
            flat[name] = value
    return flat


def unique_names(names: list[str]) -> list[str]:
    """Return the names of columns with blanks trimmed; a name that stands twice gets a number, an empty one its place.

    >>> unique_names(["id", " Notes ", "Notes", ""])
    ['id', 'Notes', 'Notes.1', 'column 4']
    """
    seen: dict[str, int] = {}
    unique = []
    for place, name in enumerate(names, start=1):
        plain = name.strip().removeprefix("\ufeff") or f"column {place}"
        unique.append(f"{plain}.{seen[plain]}" if plain in seen else plain)
        seen[plain] = seen.get(plain, 0) + 1
    return unique


def _line(item: object) -> str:
    """Return an item of a list as one line of text."""
    if isinstance(item, Mapping):
        return " ".join(str(value) for value in flatten(item).values() if value is not None)
    return "" if item is None else str(item)
