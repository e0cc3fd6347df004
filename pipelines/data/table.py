"""Labelled calls read from a file; each row that cannot be read is refused by name, and the others stay."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.call import FIELDS, Call
from models.errors import InvalidCall, InvalidData
from pipelines.data.labels import KEYS, LABELS, as_flag, danger_of, read_labels
from pipelines.data.readers import records
from pipelines.data.rows import UnreadableRecord

_ALIASES = {"n": "call_id", "id": "call_id", "note": "narrative", "text": "narrative", "nature": "call_type"}
# An unknown word in these columns is read as missing and counted. An answer, a time, a count or a label refuses the row.
LENIENT = ("source", "caller_party")
_KNOWN = frozenset({*FIELDS, *KEYS, *LABELS})
_FIRST_YEAR = 1970
MAX_EMPTY = 0.5
"""The largest share of rows without a note; above it a column was read wrongly, or the file has no notes."""
_FEWEST_ROWS = 20
_MOST_REJECTS = 20


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be read: its number in the file (the first is 1), the column and the reason."""

    row: int
    column: str
    reason: str


@dataclass(slots=True)
class Table:
    """The calls of a file that could be read, their labels row by row, and what was refused or passed over.

    `labels` has one row a call with the columns of `LABEL_ROW`; `blanked` counts values that were read as missing.
    """

    calls: list[Call] = field(default_factory=list)
    labels: pd.DataFrame = field(default_factory=pd.DataFrame)
    rejects: list[Reject] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()
    blanked: Counter[str] = field(default_factory=Counter)


def read_row(record: Mapping[str, Any], blanked: Counter[str] | None = None) -> Call:
    """Return one row as a call, its columns found by name or usual alias, in capitals or not; raise `InvalidCall`.

    Columns in `LENIENT` that hold an unknown word are read as missing and counted in `blanked`. A row without a column
    for the note is refused, and so is a time that no call can have.
    """
    if isinstance(record, UnreadableRecord):
        raise record.error
    named = rename(record)
    if "narrative" not in named:
        raise InvalidCall(
            "row has no narrative", field="narrative", remedy=f"name the note's column: {', '.join(map(str, record))}"
        )
    while True:
        try:
            call = Call.from_record(named)
        except InvalidCall as error:
            if error.field not in LENIENT or named.get(error.field) is None:
                raise
            named[error.field] = None
            if blanked is not None:
                blanked[error.field] += 1
        else:
            break
    if call.received_at is not None and call.received_at.year < _FIRST_YEAR:
        value = call.received_at.isoformat()
        raise InvalidCall(
            "received_at is too long ago", field="received_at", value=value, remedy="write the year in four digits"
        )
    return call


def rename(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with the names of a call's fields where its own differ in capitals, blanks or a usual alias."""
    return {_field_of(str(key), record): value for key, value in record.items()}


def _field_of(key: str, record: Mapping[str, Any]) -> str:
    """Return the field that a column stands for, or the column's own name where another column has the field's."""
    plain = key.strip().lower().replace(" ", "_")
    name = _ALIASES.get(plain, plain)
    return name if name in _KNOWN and (name == key or name not in record) else key


def unknown_columns(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that are neither a field of a call nor a label."""
    return tuple(name for name in rename(record) if name not in _KNOWN)


def read_table(path: Path | str) -> Table:
    """Return the labelled calls of a file; rows that cannot be read are in `rejects`, never dropped in silence.

    Raises `InvalidData` where the file cannot be read or no row of it is a call.
    """
    table = Table()
    labels: list[dict[str, Any]] = []
    for number, record in enumerate(records(path), start=1):
        if number == 1:
            table.unknown_columns = unknown_columns(record)
        try:
            call, labelled = read_row(record, table.blanked), _label_row(rename(record), number)
        except InvalidCall as error:
            table.rejects.append(Reject(number, error.field, str(error)))
            continue
        table.calls.append(call)
        labels.append(labelled)
    if not table.calls:
        reason = table.rejects[0].reason if table.rejects else "it has no rows"
        raise InvalidData("no row could be read as a call", value=str(path), remedy=reason)
    check_empty(sum(not call.narrative.strip() for call in table.calls), len(table.calls))
    table.labels = pd.DataFrame.from_records(labels)
    return table


def unread(table: Table) -> Iterator[str]:
    """Yield what does not count of the file of a table, in words: columns, values, and rows with their reason."""
    if table.unknown_columns:
        yield f"ignored columns: {', '.join(table.unknown_columns)}"
    for column, count in table.blanked.items():
        yield f"{column}: {count} values are not known and count as missing"
    for reject in table.rejects[:_MOST_REJECTS]:
        yield f"row {reject.row} is refused: {reject.reason}"
    if len(table.rejects) > _MOST_REJECTS:
        yield f"{len(table.rejects) - _MOST_REJECTS} more rows are refused; heartline ingest lists them all"


def check_empty(empty: int, rows: int, most: float = MAX_EMPTY) -> None:
    """Raise `InvalidData` where more than a share of the rows of a file have no note: its columns were read wrongly."""
    if rows >= _FEWEST_ROWS and empty > most * rows:
        raise InvalidData(
            "too many notes are empty",
            value=f"{empty} of {rows}",
            remedy="check which column holds the note; without_notes = true in a map says that there is none",
        )


LABEL_ROW: dict[str, Any] = dict.fromkeys(
    (
        *("row", "eligible", "response", "adverse_event", "danger", "medical", "self_harm", "style"),
        *("label", "label_source", "drawn_by", *KEYS, "heart_type"),
        *("ledger_at", "learn_only", "selection_weight"),
    )
)
"""A row of labels that says nothing.

`ledger_at` is when use gave the label, `learn_only` says that the call was chosen by its label and may not be judged on,
and `selection_weight` is what such a label counts.
"""


def _label_row(record: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the labels of one row: words as text, yes and no as `True` and `False`, `None` where there is none.

    `eligible` may also be "unsure". Raises `InvalidCall` naming the column of a label that cannot be read.
    """
    labels = read_labels(record)
    eligible, adverse = labels["eligible"], labels["adverse_event"]
    return LABEL_ROW | {
        "row": number,
        "eligible": eligible if eligible == "unsure" else as_flag(eligible),
        "response": labels["response"],
        "adverse_event": None if adverse is None else adverse not in {"none", "no"},
        "danger": danger_of(labels),
        "medical": as_flag(labels["medical"]),
        "self_harm": as_flag(labels["self_harm"]),
        "style": labels["style"],
        "label": ", ".join(f"{name} {labels[name]}" for name in ("weapon", "violence") if labels[name]) or None,
        "label_source": labels["label_source"],
        "drawn_by": labels["drawn_by"],
        **{key: labels[key] for key in KEYS},
        "heart_type": labels["heart_type"] or labels["scenario"],
    }


def take(table: Table, rows: np.ndarray[Any, Any]) -> Table:
    """Return some rows of a table."""
    return Table([table.calls[i] for i in rows], table.labels.iloc[rows].reset_index(drop=True))


def labelled(table: Table) -> Table:
    """Return the calls whose eligible label is yes or no; unsure ones teach nothing about the line between."""
    return take(table, np.flatnonzero(table.labels["eligible"].map(lambda value: isinstance(value, bool)).to_numpy()))


def distinct(table: Table) -> Table:
    """Return one row for each call, because copies of a call prove no more than the call.

    Rows are of one call where they share a `call_id`, or, without one, everything that a call holds, its time included.
    Of several rows a labelled one stays, and of those with different labels the more cautious.
    """
    eligible, danger = (table.labels[name].to_numpy(dtype=object) for name in ("eligible", "danger"))

    def caution(row: int) -> tuple[bool, bool, bool]:
        return eligible[row] is None, eligible[row] is True, danger[row] is not True

    chosen: dict[Call | str, int] = {}
    for place, call in enumerate(table.calls):
        key: Call | str = call.call_id or (call if call.received_at is not None else f"row {place}")
        chosen[key] = min(chosen.get(key, place), place, key=caution)
    if len(chosen) == len(table.calls):
        return table
    part = take(table, np.array(sorted(chosen.values())))
    return replace(table, calls=part.calls, labels=part.labels)
