"""A city's export brought in: mapped, checked, counted and written in bounded memory; refused rows are named and kept."""

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pandas as pd

from models.call import Call, utc_now
from models.errors import InvalidCall, InvalidData
from models.programs.call_types import UNMAPPED, CallTypes, shipped
from pipelines.data import call_history as history
from pipelines.data import contract
from pipelines.data.column_map import ColumnMap
from pipelines.data.duplicates import Duplicates
from pipelines.data.labels import read_labels
from pipelines.data.readers import records
from pipelines.data.rows import CHUNK, Notice, Record, UnreadableRecord
from pipelines.data.table import MAX_EMPTY, check_empty, read_row, rename
from pipelines.data.writers import TableWriter, call_schema

_FOR_HISTORY = ["received_at", "caller_key", "address_key", "calls_24h", "calls_30d"]
_PEEKED = 200
_AHEAD = timedelta(days=1)

Masker = Callable[[Record], Record]


@dataclass(slots=True)
class IngestReport:
    """What was read: rows written, refused and collapsed, empty notes, values read as missing, call types not known.

    `notices` says how the file was read, and `duplicates` names rows whose call was read before.
    """

    written: int = 0
    refused: int = 0
    collapsed: int = 0
    empty: int = 0
    blanked: Counter[str] = field(default_factory=Counter)
    guessed: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    duplicates: list[tuple[int, int]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class _Ingest:
    """How rows are read, and what has been read so far."""

    columns: ColumnMap | None
    mask: Masker | None
    call_types: CallTypes
    seen: Callable[[int], None]
    latest: datetime
    duplicates: Duplicates
    refused: Any
    report: IngestReport


def ingest_file(
    source: Path,
    to: Path,
    *,
    columns: ColumnMap | None = None,
    mask: Masker | None = None,
    call_types: CallTypes | None = None,
    collapse_units: bool = False,
    max_empty: float = MAX_EMPTY,
    seen: Callable[[int], None] = lambda _: None,
    now: Callable[[], datetime] = utc_now,
) -> IngestReport:
    """Write the rows of a file that are calls to another, and the others with their reason to `<to>.rejects.csv`.

    Memory is bounded by a chunk, some two hundred bytes a row for history and call numbers, and the rows that are collapsed.

    Parameters
    ----------
    columns : which columns make which field; the file's own names where not given.
    mask : a function that masks a row before it is written.
    call_types : the city's call types; those that ship where not given.
    collapse_units : whether rows of one call, such as one a unit, become one call.
    max_empty : the largest share of rows without a note.
    seen : is told the number of rows read so far.

    Raises `InvalidData` where the file cannot be read, has no column for the note, has too many empty notes, or no call.
    """
    report = IngestReport()
    to.parent.mkdir(parents=True, exist_ok=True)
    rejects = to.with_suffix(".rejects.csv")
    with tempfile.TemporaryDirectory(dir=to.parent) as folder, rejects.open("w", encoding="utf-8", newline="") as refused:
        writer = csv.writer(refused)
        writer.writerow(["row", "column", "reason", "record"])
        reading = _Ingest(
            columns=columns, mask=mask, call_types=call_types or shipped(), seen=seen, latest=now() + _AHEAD,
            duplicates=Duplicates(collapse=collapse_units), refused=writer, report=report,
        )  # fmt: skip
        layout = columns.layout if columns else None
        rows = _checked_columns(
            records(source, layout, report.notices.append, call_types=reading.call_types), columns, report.notices.append
        )
        staged = Path(folder) / "accepted.jsonl"
        keys = _stage(rows, staged, reading)
        _check(report, source, rejects, columns, max_empty)
        counts = history.fill(keys)
        with TableWriter(to, schema=call_schema) as table:
            for start, chunk in _chunks(staged, reading.duplicates):
                counted = counts.iloc[start : start + len(chunk)]
                chunk["calls_24h"], chunk["calls_30d"] = counted["calls_24h"].array, counted["calls_30d"].array
                table.write(contract.check(chunk))
    if not report.refused:
        rejects.unlink()
    return report


def _check(report: IngestReport, source: Path, rejects: Path, columns: ColumnMap | None, max_empty: float) -> None:
    """Raise `InvalidData` where no row is a call or too many notes are empty."""
    if not report.written:
        raise InvalidData("no row could be read as a call", value=str(source), remedy=f"see {rejects.name}, or give --map")
    if columns is not None and columns.without_notes:
        report.notices.append("the file has no notes: it can be looked back on by call types alone, and not trained on")
    elif report.empty == report.written and max_empty < 1:
        raise InvalidData("every note is empty", value=str(source), remedy="check which column holds the note")
    else:
        check_empty(report.empty, report.written, max_empty)


def _checked_columns(rows: Iterable[Record], columns: ColumnMap | None, notice: Notice) -> Iterator[Record]:
    """Yield rows as they come, once the first of them have shown the columns that the call needs; raise `InvalidData`."""
    iterator = iter(rows)
    first = list(islice(iterator, _PEEKED))
    names = list(dict.fromkeys(name for row in first for name in row))
    if columns is not None:
        lacking = columns.missing(names) if first else ()
        if lacking:
            notice(f"columns of the map that the file lacks: {', '.join(lacking)}")
    elif first and "narrative" not in rename(dict.fromkeys(names)):
        raise InvalidData(
            "the file has no narrative column", value=", ".join(names), remedy="give --map FILE; --guess-map proposes one"
        )
    yield from chain(first, iterator)


def _stage(rows: Iterable[Record], staged: Path, reading: _Ingest) -> pd.DataFrame:
    """Write the accepted rows as JSONL, the refused ones with their reason, and return what history needs of them."""
    report, parts, waiting = reading.report, list[pd.DataFrame](), list[Record]()
    with staged.open("w", encoding="utf-8") as accepted:
        for number, record in enumerate(rows, start=1):
            try:
                row = _row(record, number, reading)
            except InvalidCall as error:
                report.refused += 1
                report.refusals[error.field] += 1
                reading.refused.writerow(
                    [number, error.field, str(error), json.dumps(record, default=str, ensure_ascii=False)]
                )
                continue
            if row is not None:
                accepted.write(json.dumps(row, ensure_ascii=False) + "\n")
                waiting.append({name: row[name] for name in _FOR_HISTORY})
                report.written += 1
            if len(waiting) >= CHUNK:
                parts.append(history.compact(pd.DataFrame(waiting, columns=_FOR_HISTORY)))
                waiting = []
            if number % 1000 == 0:
                reading.seen(number)
    report.duplicates = reading.duplicates.named
    parts.append(history.compact(pd.DataFrame(waiting, columns=_FOR_HISTORY)))
    return pd.concat(parts, ignore_index=True)


def _row(record: Record, number: int, reading: _Ingest) -> Record | None:
    """Return one row as a call with its keys and labels; `None` where it was collapsed into an earlier one."""
    report, columns = reading.report, reading.columns
    if isinstance(record, UnreadableRecord):
        raise record.error
    named = rename(columns.apply(record) if columns else record)
    call = read_row(named, report.blanked)
    if call.received_at is not None and call.received_at > reading.latest:
        value = call.received_at.isoformat()
        raise InvalidCall(
            "received_at lies in the future", field="received_at", value=value, remedy="check its time_formats"
        )
    row = call.to_record() | read_labels(named)
    row = reading.mask(row) if reading.mask else row
    if reading.duplicates.absorbed(row, number, report.written):
        report.collapsed += 1
        return None
    _count(call, reading)
    return row


def _count(call: Call, reading: _Ingest) -> None:
    """Count an accepted call's empty note and how its call type was read."""
    report, kind = reading.report, reading.call_types.canonical(call.call_type)
    report.empty += not call.narrative.strip()
    if call.call_type is not None and kind.name == UNMAPPED:
        report.unmapped[call.call_type] += 1
    elif kind.guessed:
        report.guessed[f"{call.call_type} -> {kind.name}"] += 1


def _chunks(staged: Path, duplicates: Duplicates) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the staged rows as tables, each with the number of its first row; collapsed rows are merged into theirs."""
    start = 0
    with staged.open(encoding="utf-8") as file:
        while lines := list(islice(file, CHUNK)):
            rows = [duplicates.merged(json.loads(line), start + place) for place, line in enumerate(lines)]
            frame = pd.DataFrame.from_records(rows).astype(object)
            yield start, frame.where(frame.notna(), None)
            start += len(lines)
