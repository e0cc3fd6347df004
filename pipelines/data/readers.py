"""Read rows from a file as they stand, a chunk at a time: CSV, JSONL, Parquet, Excel, and NENA EIDO JSON."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow.parquet as pq

from models.errors import InvalidData
from pipelines.data.formats import eido

CHUNK = 20_000
KINDS = ".csv, .tsv, .jsonl, .parquet, .xlsx or EIDO .json"
Record = dict[str, Any]


def records(path: Path | str) -> Iterator[Record]:
    """Yield the rows of a file, or of standard input where the path is `-`, in their order and bounded memory.

    A folder is read as EIDO documents. Raises `InvalidData` where the file is not there or not of a kind that is read.
    """
    name = str(path)
    source = Path(name)
    if name == "-":
        yield from _standard_input()
        return
    if source.is_dir():
        yield from eido.records(sorted(source.glob("*.json")))
        return
    if not source.is_file():
        raise InvalidData("no such file", value=name, remedy=f"give the path of a {KINDS} file")
    suffix = source.suffix.lower()
    if suffix in {".csv", ".tsv", ".txt"}:
        with source.open("rb") as file:
            yield from _csv(file, separator="\t" if suffix == ".tsv" else ",")
    elif suffix in {".jsonl", ".ndjson"}:
        with source.open("rb") as file:
            yield from _json_lines(file)
    elif suffix == ".parquet":
        for batch in pq.ParquetFile(source).iter_batches(batch_size=CHUNK):
            yield from batch.to_pylist()
    elif suffix in {".xlsx", ".xlsm"}:
        yield from _excel(source)
    elif suffix == ".json":
        yield from eido.records([source])
    else:
        raise InvalidData("unknown kind of file", value=name, remedy=f"give {KINDS}")


def _standard_input() -> Iterator[Record]:
    """Read CSV or JSONL from standard input, told apart by the first character."""
    stream = sys.stdin.buffer
    if isinstance(stream, io.BufferedReader) and stream.peek(1)[:1] == b"{":
        yield from _json_lines(stream)
    else:
        yield from _csv(stream, separator=",")


def _json_lines(stream: IO[bytes]) -> Iterator[Record]:
    """Yield JSON objects, one a line; raise `InvalidData` naming the line."""
    for number, raw in enumerate(stream, start=1):
        line = raw.decode("utf-8", errors="replace").removeprefix("\ufeff").strip()
        if not line:
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise InvalidData("line is not a JSON object", value=number, remedy="write one call a line")
        yield record


def _csv(stream: IO[bytes], *, separator: str) -> Iterator[Record]:
    """Yield the rows of a CSV; every value is text, because the fields of `Call` know how to read themselves."""
    try:
        chunks = pd.read_csv(
            stream,
            dtype=str,
            keep_default_na=False,
            sep=separator,
            chunksize=CHUNK,
            encoding="utf-8-sig",
            encoding_errors="replace",
        )
        for chunk in chunks:
            yield from chunk.to_dict("records")  # type: ignore[misc]  # keys of a table are its columns
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InvalidData("CSV cannot be read", value=type(error).__name__, remedy="check its header and quotes") from None


def _excel(path: Path) -> Iterator[Record]:
    """Yield the rows of the first sheet of a workbook."""
    try:
        table = pd.read_excel(path, dtype=object)
    except (ValueError, KeyError, OSError) as error:
        raise InvalidData("workbook cannot be read", value=type(error).__name__, remedy="save it as .xlsx") from None
    yield from table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[misc]  # as above
