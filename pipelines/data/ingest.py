"""Bring a city's export in: map, check, count and write it in bounded memory, refusing rows by name and losing none."""

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from models.errors import InvalidCall, InvalidData
from models.programs.call_types import UNMAPPED, canonical
from pipelines.data import call_history as history
from pipelines.data import contract
from pipelines.data.column_map import KEYS, LABELS, ColumnMap
from pipelines.data.readers import CHUNK, Record, records
from pipelines.data.table import read_row
from pipelines.data.writers import TableWriter

_FOR_HISTORY = ["received_at", "caller_key", "address_key", "calls_24h", "calls_30d"]

Masker = Callable[[Record], Record]


@dataclass(slots=True)
class Intake:
    """Count what came in: rows written and refused, values read as missing, call types guessed and not known."""

    written: int = 0
    refused: int = 0
    blanked: Counter[str] = field(default_factory=Counter)
    guessed: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)


def intake(
    source: Path,
    to: Path,
    *,
    columns: ColumnMap | None = None,
    mask: Masker | None = None,
    seen: Callable[[int], None] = lambda _: None,
) -> Intake:
    """Read a file, write the rows that are calls to another, and the others with their reason to `<to>.rejects.csv`.

    `seen` is told the number of rows read so far. Memory is bounded by a chunk, and by some thirty bytes a row for history.
    """
    found = Intake()
    to.parent.mkdir(parents=True, exist_ok=True)
    rejects = to.with_suffix(".rejects.csv")
    with tempfile.TemporaryDirectory(dir=to.parent) as folder, rejects.open("w", encoding="utf-8", newline="") as refused:
        writer = csv.writer(refused)
        writer.writerow(["row", "column", "reason", "record"])
        staged = Path(folder) / "accepted.jsonl"
        keys = _stage(records(source), staged, found, writer, columns=columns, mask=mask, seen=seen)
        if not found.written:
            raise InvalidData(
                "no row could be read as a call", value=str(source), remedy=f"see {rejects.name}, or give --map"
            )
        counts = history.fill(keys)
        with TableWriter(to) as table:
            for start, chunk in _chunks(staged):
                rows = counts.iloc[start : start + len(chunk)]
                chunk["calls_24h"], chunk["calls_30d"] = rows["calls_24h"].array, rows["calls_30d"].array
                table.write(contract.check(chunk))
    if not found.refused:
        rejects.unlink()
    return found


def _stage(
    rows: Iterable[Record],
    staged: Path,
    found: Intake,
    refused: Any,
    *,
    columns: ColumnMap | None,
    mask: Masker | None,
    seen: Callable[[int], None],
) -> pd.DataFrame:
    """Write the accepted rows as JSONL, the refused ones with their reason, and return what history needs of them."""
    parts: list[pd.DataFrame] = []
    waiting: list[Record] = []
    with staged.open("w", encoding="utf-8") as accepted:
        for number, record in enumerate(rows, start=1):
            try:
                row = _row(record, columns, found)
            except InvalidCall as error:
                found.refused += 1
                found.refusals[error.field] += 1
                refused.writerow([number, error.field, str(error), json.dumps(record, default=str, ensure_ascii=False)])
            else:
                row = mask(row) if mask else row
                accepted.write(json.dumps(row, ensure_ascii=False) + "\n")
                waiting.append({name: row[name] for name in _FOR_HISTORY})
                found.written += 1
            if len(waiting) >= CHUNK:
                parts.append(history.compact(pd.DataFrame(waiting, columns=_FOR_HISTORY)))
                waiting = []
            if number % 1000 == 0:
                seen(number)
    parts.append(history.compact(pd.DataFrame(waiting, columns=_FOR_HISTORY)))
    return pd.concat(parts, ignore_index=True)


def _row(record: Record, columns: ColumnMap | None, found: Intake) -> Record:
    """Read one row as a call with its keys and labels, in the names and spellings of the contract."""
    named = columns.apply(record) if columns else dict(record)
    call = read_row(named, found.blanked)
    kind = canonical(call.call_type)
    if call.call_type is not None and kind.name == UNMAPPED:
        found.unmapped[call.call_type] += 1
    elif kind.guessed:
        found.guessed[f"{call.call_type} -> {kind.name}"] += 1
    row = call.to_record()
    row |= {name: _given(named.get(name)) for name in KEYS}
    return row | {name: _label(name, _given(named.get(name))) for name in LABELS}


def _given(value: object) -> str | None:
    """Return a value as text, or nothing."""
    text = "" if value is None else str(value).strip()
    return None if text.lower() in {"", "nan", "none", "<na>", "nat"} and text != "none" else text


def _label(name: str, value: str | None) -> str | None:
    """Return a label in the contract's spelling; raise `InvalidCall` for a word that is none of its."""
    if value is None or name in {"labelled_at", "annotator"}:
        return value
    word = value.lower().replace(" ", "_")
    if name in {"eligible", "danger", "adverse_event"}:
        word = {"true": "yes", "1": "yes", "1.0": "yes", "y": "yes", "false": "no", "0": "no", "0.0": "no", "n": "no"}.get(
            word, word
        )
    allowed = contract.SCHEMA.columns[name].checks[0].statistics["allowed_values"]
    if word not in allowed:
        raise InvalidCall(f"{name} is not known", field=name, value=value, remedy=f"use one of: {', '.join(allowed)}")
    return word


def _chunks(staged: Path) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the staged rows as tables, each with the number of its first row."""
    start = 0
    with staged.open(encoding="utf-8") as file:
        while lines := list(islice(file, CHUNK)):
            frame = pd.DataFrame.from_records([json.loads(line) for line in lines]).astype(object)
            yield start, frame.where(frame.notna(), None)
            start += len(lines)
