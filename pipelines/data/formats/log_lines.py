"""Dispatch logs as plain text, read by a regular expression that the column map declares for the first line of an entry."""

import io
import re
from collections.abc import Iterator
from typing import IO

from models.errors import InvalidConfig
from pipelines.data.formats.delimited import encoding_of
from pipelines.data.rows import FileLayout, Notice, Record, UnreadableRecord


def log_records(stream: IO[bytes], layout: FileLayout, notice: Notice) -> Iterator[Record]:
    """Yield the entries of a log: named groups become columns, and lines that begin no entry continue the one before.

    Text before the first entry is an `UnreadableRecord`. Raises `InvalidConfig` where the expression is wrong.
    """
    pattern = _compiled(layout)
    encoding = layout.encoding or encoding_of(stream)
    text = io.TextIOWrapper(stream, encoding=encoding, errors="replace")
    notice(f"read as a text log, {encoding}")
    entry: Record | None = None
    for number, line in enumerate(text, start=1):
        match = pattern.match(line.rstrip("\r\n"))
        if match is not None:
            if entry is not None:
                yield entry
            entry = match.groupdict()
        elif entry is not None:
            entry[layout.continues] = f"{entry[layout.continues] or ''}\n{line.strip()}".strip()
        elif line.strip():
            yield UnreadableRecord("text before the first entry", row=f"line {number}", remedy="check the map's line")
    if entry is not None:
        yield entry
    text.detach()


def _compiled(layout: FileLayout) -> re.Pattern[str]:
    """Return the expression for the first line of an entry."""
    try:
        pattern = re.compile(layout.line or "")
    except re.error as error:
        raise InvalidConfig("line is not a regular expression", value=str(error), remedy="mend the map's line") from None
    if layout.continues not in pattern.groupindex:
        raise InvalidConfig(
            "line has no such group", value=layout.continues, remedy=f"write (?P<{layout.continues}>...) in the map's line"
        )
    return pattern
