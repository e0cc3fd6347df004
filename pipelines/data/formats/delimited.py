"""Delimited text: CSV and its kin, with encoding and separator found from the file and every odd row refused by name."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import IO

from charset_normalizer import from_bytes

from models.errors import InvalidData
from pipelines.data.rows import FileLayout, Notice, Record, UnreadableRecord, unique_names

_SAMPLE = 65_536
_BLOCK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LONGEST_NAME = 80
_VALUE = re.compile(r"^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{5,}|-?\d+\.\d+)\s*$")
_LARGEST_FIELD = 1 << 20


def delimited_records(stream: IO[bytes], layout: FileLayout, notice: Notice) -> Iterator[Record]:
    """Yield the rows of a delimited file; every value is text, because the fields of `Call` know how to read themselves.

    A row whose fields do not fit the header is an `UnreadableRecord`; empty fields after the last column are passed over and
    counted. Raises `InvalidData` where the file is empty, has no header, or ends within quotes.
    """
    encoding = layout.encoding or encoding_of(stream)
    try:
        text = io.TextIOWrapper(stream, encoding=encoding, newline="", errors="strict")
    except LookupError:
        raise InvalidData("no such encoding", value=encoding, remedy="write one such as utf-8 or cp1252") from None
    try:
        yield from _rows(text, layout, notice, encoding=encoding)
    finally:
        text.detach()  # the stream is its owner's to close, also where the rows were not read to the end


def encoding_of(stream: IO[bytes]) -> str:
    """Return the encoding of a file that can be read again from its start: by its mark, as UTF-8, or by its letters.

    A file of one byte a letter is read as Windows-1252, which is what a US centre's Windows writes.
    """
    sample = stream.read(_SAMPLE)
    stream.seek(0)
    marked = next((name for mark, name in _BOMS if sample.startswith(mark)), None)
    if marked is not None:
        return marked
    if sample and sample.count(0) > len(sample) // 4:
        return "utf-16-le" if sample[1::2].count(0) >= sample[0::2].count(0) else "utf-16-be"
    if _decodes(stream, "utf-8"):
        return "utf-8"
    best = from_bytes(sample).best()
    guessed = "cp1252" if best is None else best.encoding
    wide = {"gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "utf_16", "utf_32", "cp949"}
    if guessed in wide and _decodes(stream, guessed):
        return guessed
    return "cp1252" if _decodes(stream, "cp1252") else "latin-1"


def _decodes(stream: IO[bytes], encoding: str) -> bool:
    """Return whether the whole of a file is text of an encoding, read a block at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := stream.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        stream.seek(0)
    return True


def _rows(text: IO[str], layout: FileLayout, notice: Notice, *, encoding: str) -> Iterator[Record]:
    """Yield the rows of decoded text."""
    first = next((line for line in text if line.strip()), "")
    if not first:
        raise InvalidData("file is empty", remedy="give a file with a header and rows")
    delimiter = layout.delimiter or delimiter_of(first)
    csv.field_size_limit(max(csv.field_size_limit(), _LARGEST_FIELD))
    lines = csv.reader(_chained(first, text), delimiter=delimiter, strict=True)
    names = list(layout.header) or _header(lines)
    notice(f"read as {encoding}, fields separated by {_DELIMITERS.get(delimiter, repr(delimiter))}, {len(names)} columns")
    trailing = 0
    while True:
        try:
            fields = next(lines)
        except StopIteration:
            break
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise InvalidData(
                    "file ends within quotes", value=f"line {lines.line_num}", remedy="close the quote that was opened"
                ) from None
            yield UnreadableRecord(
                "quotes cannot be read", row=f"line {lines.line_num}", remedy='double each quote within a note: ""'
            )
            continue
        except UnicodeDecodeError:
            raise InvalidData(f"file is not {encoding}", remedy="write its encoding in the map's [file] table") from None
        if not any(field.strip() for field in fields):
            continue
        beyond = fields[len(names) :]
        trailing += bool(beyond)
        if len(fields) < len(names) or any(field.strip() for field in beyond):
            yield UnreadableRecord(
                f"row has {len(fields)} fields and the header {len(names)}",
                row=fields,
                remedy="put quotes around notes that hold the separator or a line's end",
            )
        else:
            yield dict(zip(names, fields, strict=False))
    if trailing:
        notice(f"{trailing} rows have separators after their last field; fields were matched from the left")


def delimiter_of(header: str) -> str:
    """Return the separator of a header line; a comma where it has none.

    >>> delimiter_of("id;narrative"), delimiter_of("narrative")
    (';', ',')
    """
    try:
        return csv.Sniffer().sniff(header, delimiters="".join(_DELIMITERS)).delimiter
    except csv.Error:
        return max(_DELIMITERS, key=header.count) if any(map(header.count, _DELIMITERS)) else ","


def looks_like_values(names: list[str]) -> bool:
    """Return whether the first row of a file holds values: a date, a long number, or a whole note."""
    return any(_VALUE.match(name) or len(name) > _LONGEST_NAME for name in names)


def _header(lines: Iterator[list[str]]) -> list[str]:
    """Return the names of the columns; raise `InvalidData` where the first row holds values."""
    try:
        names = next(lines)
    except (StopIteration, csv.Error):
        raise InvalidData("header cannot be read", remedy="check the quotes of the first line") from None
    while len(names) > 1 and not names[-1].strip():
        names = names[:-1]
    if looks_like_values(names):
        raise InvalidData("file has no header", remedy="name its columns in the map's [file] table: header = [...]")
    return unique_names(names)


def _chained(first: str, rest: IO[str]) -> Iterator[str]:
    """Yield the first line and then the others."""
    yield first
    yield from islice(rest, None)
