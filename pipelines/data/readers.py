"""Rows of a file of any supported kind, unchanged; a function is called with notices about how the file was read."""

import gzip
import io
import sys
import tempfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, cast

from models.errors import InvalidData
from models.programs.call_types import CallTypes
from pipelines.data.formats import eido
from pipelines.data.formats.delimited import delimited_records
from pipelines.data.formats.json_rows import json_array, json_document, json_lines
from pipelines.data.formats.log_lines import log_records
from pipelines.data.formats.tables import excel_records, parquet_records, sqlite_records
from pipelines.data.rows import FileLayout, Notice, Record

KINDS = (
    ".csv, .tsv, .txt, .jsonl, .json, .parquet, .xlsx, .xls, .sqlite, any text file as .gz, or a folder of EIDO documents"
)
_TEXT = {".csv", ".tsv", ".txt", ".log", ".psv"}
_EXCEL = {".xlsx", ".xlsm", ".xls"}
_SQLITE = {".sqlite", ".sqlite3", ".db"}
_SPOOLED = 64 << 20


def records(
    path: Path | str,
    layout: FileLayout | None = None,
    notice: Notice = lambda _: None,
    *,
    call_types: CallTypes | None = None,
) -> Generator[Record]:
    """Yield the rows of a file, or of standard input where the path is `-`, in their order.

    A folder is read as EIDO documents. Memory is bounded by a chunk, except for JSON arrays and workbooks, which are read
    whole. `layout` describes what the file does not show; `notice` is called with sentences about how it was read.
    `call_types` are the program's, which choose among the types of an EIDO document; by default the shipped ones. A row
    that cannot be parsed is an `UnreadableRecord`. Raises `InvalidData` where the file does not exist, is of an unknown
    kind, or is damaged as a whole.
    """
    layout = layout or FileLayout()
    source = Path(path)
    if str(path) == "-":
        yield from _standard_input(layout, notice)
    elif source.is_dir():
        yield from eido.records(sorted(source.glob("*.json")), call_types)
    elif not source.is_file():
        raise InvalidData("no such file", value=str(path), remedy=f"give the path of {KINDS}")
    else:
        yield from _file_records(source, layout, notice, call_types)


def _file_records(source: Path, layout: FileLayout, notice: Notice, call_types: CallTypes | None) -> Iterator[Record]:
    """Yield the rows of a file by the suffix of its name."""
    suffix = source.suffix.lower()
    if suffix == ".parquet":
        yield from parquet_records(source)
    elif suffix in _EXCEL:
        yield from excel_records(source, layout, notice)
    elif suffix in _SQLITE:
        yield from sqlite_records(source, layout, notice)
    elif suffix == ".gz":
        yield from _gzip_records(source, layout, notice, call_types)
    else:
        with source.open("rb") as file:
            yield from _stream_records(file, source, layout, notice, call_types)


def _gzip_records(source: Path, layout: FileLayout, notice: Notice, call_types: CallTypes | None) -> Iterator[Record]:
    """Yield the rows of a compressed file; raise `InvalidData` where it is not one, is incomplete or is damaged."""
    with gzip.open(source) as file:
        try:
            file.peek(1)
        except (OSError, EOFError):
            raise InvalidData("file is not gzip", value=source.name, remedy="compress it again") from None
        try:
            yield from _stream_records(cast("IO[bytes]", file), Path(source.stem), layout, notice, call_types)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise InvalidData(
                "compressed file was cut off or is damaged", value=source.name, remedy="copy it again from where it came"
            ) from None


def _stream_records(
    stream: IO[bytes], name: Path, layout: FileLayout, notice: Notice, call_types: CallTypes | None
) -> Iterator[Record]:
    """Yield the rows of a text file."""
    suffix = name.suffix.lower()
    if suffix in _TEXT:
        yield from log_records(stream, layout, notice) if layout.line else delimited_records(stream, layout, notice)
    elif suffix in {".jsonl", ".ndjson"}:
        yield from json_lines(stream)
    elif suffix in {".json", ".geojson"}:
        document = json_document(stream, name.name)
        if eido.is_eido(document):
            yield from eido.document_records(document, name.name, call_types)
        else:
            yield from json_array(document, name.name, notice)
    else:
        raise InvalidData("unknown kind of file", value=name.name, remedy=f"give {KINDS}")


def _standard_input(layout: FileLayout, notice: Notice) -> Iterator[Record]:
    """Yield rows of CSV or JSONL from standard input, distinguished by the first character; JSONL is read as it arrives."""
    stream = sys.stdin.buffer
    if isinstance(stream, io.BufferedReader) and stream.peek(1)[:1] == b"{":
        yield from json_lines(stream)
        return
    with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as spooled:
        while block := stream.read(1 << 20):
            spooled.write(block)
        spooled.seek(0)
        yield from delimited_records(cast("IO[bytes]", spooled), layout, notice)
