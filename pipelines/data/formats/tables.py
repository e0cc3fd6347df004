"""Tables of other programs: Parquet, Excel workbooks old and new, and SQLite."""

import itertools
import sqlite3
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal
from urllib.parse import quote
from zipfile import BadZipFile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError

from models.errors import InvalidData
from pipelines.data.formats.delimited import looks_like_values
from pipelines.data.rows import CHUNK, FileLayout, Notice, Record, flatten, unique_names

_TITLE_ROWS = 10
_ENGINE: Literal["openpyxl"] = "openpyxl"
_OLD_ENGINE: Literal["calamine"] = "calamine"  # reads workbooks of before 2007

_BROKEN_WORKBOOK = (
    *(ValueError, KeyError, OSError, ImportError, IndexError, EOFError),
    *(BadZipFile, zlib.error, SyntaxError, CalamineError),  # a SyntaxError is what the standard XML parser raises
)


def parquet_records(path: Path, *, first: int = 0, rows: int | None = None) -> Iterator[Record]:
    """Yield rows of a Parquet file, nested columns flattened; raise `InvalidData` where it is none.

    `first` rows are passed over, whole groups of them unread, and at most `rows` are yielded.
    """
    with _parquet_file(path) as file:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
        ends = list(itertools.accumulate(sizes))
        group = bisect_right(ends, first)
        skipped = ends[group - 1] if group else 0
        batches = file.iter_batches(batch_size=CHUNK, row_groups=range(group, len(sizes)))
        wanted = itertools.chain.from_iterable(batch.to_pylist() for batch in batches)
        asked = itertools.islice(wanted, first - skipped, None if rows is None else first - skipped + rows)
        try:
            yield from map(flatten, asked)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(error) from None


def parquet_rows(path: Path) -> int:
    """Return the number of rows of a Parquet file; raise `InvalidData` where it is none."""
    with _parquet_file(path) as file:
        return int(file.metadata.num_rows)


def _parquet_file(path: Path) -> pq.ParquetFile:
    """Return an open Parquet file; raise `InvalidData` where it is none."""
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> InvalidData:
    """Return the error of a Parquet file that cannot be read."""
    return InvalidData("Parquet cannot be read", value=type(error).__name__, remedy="write it again")


def excel_records(path: Path, layout: FileLayout, notice: Notice) -> Iterator[Record]:
    """Yield the rows of a sheet; titles above the header and cells merged over several columns are understood.

    Raises `InvalidData` where the workbook cannot be read or has no header.
    """
    engine = _OLD_ENGINE if path.suffix.lower() == ".xls" else _ENGINE
    try:
        sheet = pd.read_excel(path, sheet_name=layout.sheet, header=None, dtype=object, engine=engine)
    except _BROKEN_WORKBOOK as error:
        raise InvalidData("workbook cannot be read", value=type(error).__name__, remedy="save it as .xlsx or .csv") from None
    rows = sheet.astype(object).where(sheet.notna(), None).to_numpy().tolist()
    if not rows:
        raise InvalidData("sheet is empty", value=str(layout.sheet), remedy="name another in the map's [file] table")
    head, names = (-1, list(layout.header)) if layout.header else _header(rows)
    notice(f"read as a workbook, header on row {head + 1}, {len(names)} columns")
    for row in rows[head + 1 :]:
        if any(value is not None for value in row):
            yield dict(zip(names, row, strict=False))


def _header(rows: list[list[object]]) -> tuple[int, list[str]]:
    """Return the place and the names of the header: the first row that fills as many columns as the fullest one.

    A name merged over several columns in the row above is put before theirs.
    """
    filled = [sum(value is not None for value in row) for row in rows[:_TITLE_ROWS]]
    place = next(number for number, count in enumerate(filled) if count >= max(filled) * 0.8)
    names = ["" if value is None else str(value) for value in rows[place]]
    if looks_like_values(names):
        raise InvalidData("sheet has no header", remedy="name its columns in the map's [file] table: header = [...]")
    if place and filled[place - 1] > 1:
        names = [" ".join(filter(None, (group, name))) for group, name in zip(_spread(rows[place - 1]), names, strict=True)]
    return place, unique_names(names)


def _spread(row: list[object]) -> list[str]:
    """Return a row of merged cells with each value over all the columns that it covers."""
    spread, last = [], ""
    for value in row:
        last = last if value is None else str(value)
        spread.append(last)
    return spread


def sqlite_records(path: Path, layout: FileLayout, notice: Notice) -> Iterator[Record]:
    """Yield the rows of a table of an SQLite file, opened for reading only; raise `InvalidData` naming the tables."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        try:
            listed = database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name")
            names = [str(row[0]) for row in listed if not str(row[0]).startswith("sqlite_")]
        except sqlite3.DatabaseError:
            raise InvalidData("file is not SQLite", value=path.name, remedy="give another kind of file") from None
        table = layout.table or (names[0] if len(names) == 1 else None)
        if table not in names:
            raise InvalidData(
                "table is not named" if table is None else "no such table",
                value=table,
                remedy=f"name one in the map's [file] table: {', '.join(names)}",
            )
        notice(f"read as SQLite, table {table}")
        quoted = table.replace('"', '""')
        try:
            for row in database.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608  the name is one of the file's own tables
                yield dict(row)
        except sqlite3.DatabaseError:
            raise InvalidData("SQLite file is damaged", value=path.name, remedy="copy it again from where it came") from None
