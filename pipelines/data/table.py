"""Read a table of calls from a file; count and name every row that cannot be read, and keep all the others."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from models.call import FIELDS, Call
from models.errors import InvalidCall, InvalidData
from models.ledger.records import ADVERSE_EVENTS
from pipelines.data.column_map import KEYS, LABELS
from pipelines.data.readers import records

LABEL_COLUMNS = (*KEYS, *LABELS, "eligible_b", "weapon", "violence", "heart_type", "scenario")
_ALIASES = {"n": "call_id", "id": "call_id", "note": "narrative", "text": "narrative", "nature": "call_type"}
# An agency's own word in these columns says little: one that is not known counts as missing, and is counted. A safety
# answer, a time or a count that cannot be read refuses the row instead.
LENIENT = ("source", "caller_party")
_TRUE, _FALSE = {"yes", "true", "1", "1.0", "y", "eligible"}, {"no", "false", "0", "0.0", "n", "not_eligible"}


@dataclass(frozen=True, slots=True)
class Reject:
    """Name a row that could not be read: its number in the file (the first is 1), the column and the reason."""

    row: int
    column: str
    reason: str


@dataclass(slots=True)
class Table:
    """Hold the calls that could be read, their labels row by row, and what was refused or passed over."""

    calls: list[Call] = field(default_factory=list)
    labels: pd.DataFrame = field(default_factory=pd.DataFrame)
    rejects: list[Reject] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()
    blanked: Counter[str] = field(default_factory=Counter)


def read_row(record: dict[str, Any], blanked: Counter[str] | None = None) -> Call:
    """Read one row as a call, columns by their names or usual aliases; raise `InvalidCall`.

    Columns in `LENIENT` that hold an unknown word are read as missing and counted in `blanked`.
    """
    named = {_ALIASES.get(key, key) if _ALIASES.get(key, key) not in record else key: value for key, value in record.items()}
    while True:
        try:
            return Call.from_record(named)
        except InvalidCall as error:
            if error.field not in LENIENT or named.get(error.field) is None:
                raise
            named[error.field] = None
            if blanked is not None:
                blanked[error.field] += 1


def unknown_columns(record: dict[str, Any]) -> tuple[str, ...]:
    """Name the columns that are neither a field of a call nor a label."""
    known = {*FIELDS, *LABEL_COLUMNS, *_ALIASES}
    return tuple(str(key) for key in record if key not in known)


def read_table(path: Path | str) -> Table:
    """Read a file of labelled calls; rows that cannot be read are in `rejects`, never dropped in silence."""
    table = Table()
    labels: list[dict[str, Any]] = []
    for number, record in enumerate(records(path), start=1):
        if number == 1:
            table.unknown_columns = unknown_columns(record)
        try:
            call = read_row(record, table.blanked)
        except InvalidCall as error:
            table.rejects.append(Reject(number, error.field, str(error)))
            continue
        table.calls.append(call)
        labels.append(_labels(record, number))
    if not table.calls:
        raise InvalidData("no row could be read as a call", value=str(path), remedy="it needs a column named narrative")
    table.labels = pd.DataFrame.from_records(labels)
    return table


LABEL_ROW: dict[str, Any] = dict.fromkeys(
    ("row", "eligible", "response", "adverse_event", "danger", "label", "label_source", *KEYS, "heart_type")
)
"""A row of labels that says nothing."""


def _labels(record: dict[str, Any], number: int) -> dict[str, Any]:
    """Read the labels of one row; `eligible` is True, False, "unsure" or None."""
    response = record.get("response")
    return {
        "row": number,
        "eligible": _eligible(record.get("eligible")),
        "response": str(response) if _given(response) else None,
        "adverse_event": _adverse(record.get("adverse_event")),
        "danger": _danger(record),
        "label": _label(record),
        "label_source": str(record["label_source"]) if _given(record.get("label_source")) else None,
        **{key: str(record[key]) if _given(record.get(key)) else None for key in KEYS},
        "heart_type": str(record.get("heart_type") or record.get("scenario") or "") or None,
    }


def _given(value: object) -> bool:
    """Tell whether a value is there."""
    return value is not None and str(value).strip() not in {"", "nan", "None", "<NA>"}


def _flag(value: object) -> bool | None:
    """Read a yes or no, or nothing."""
    word = str(value).strip().lower()
    return True if word in _TRUE else (False if word in _FALSE else None)


def _adverse(value: object) -> bool | None:
    """Read an adverse event: one of the contract's kinds is a yes, `none` a no, nothing means no team went."""
    word = str(value).strip().lower().replace(" ", "_") if _given(value) or value == "none" else ""
    if word in ADVERSE_EVENTS:
        return word != "none"
    return _flag(value)


def _eligible(value: object) -> bool | str | None:
    """Read the eligible label, which annotators may leave unsure."""
    return "unsure" if str(value).strip().lower() in {"unsure", "review", "disputed"} else _flag(value)


def _label(record: dict[str, Any]) -> str | None:
    """Return the annotators' own words for weapon and violence, for a report by label."""
    given = [f"{name} {record[name]}" for name in ("weapon", "violence") if _given(record.get(name))]
    return ", ".join(given) or None


def _danger(record: dict[str, Any]) -> bool | None:
    """Read whether a weapon or violence was truly present, from a flag or from two labels."""
    if "danger" in record:
        return _flag(record["danger"])
    if "weapon" in record or "violence" in record:
        weapon, violence = str(record.get("weapon", "none")), str(record.get("violence", "none"))
        return weapon == "mention" or violence in {"threat", "actual"}
    return None
