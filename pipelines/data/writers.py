"""Tables and decisions written to files, or to standard output."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from models.decision import Decision
from models.errors import InvalidData

ROW_GROUP = 5000
"""Rows that are written together, and the most that are held in memory."""

DECISION_COLUMNS: dict[str, pa.DataType] = {
    "call_id": pa.string(),
    "recommendation": pa.string(),
    "response": pa.string(),
    "eligible_probability": pa.float64(),
    "risk_probability": pa.float64(),
    "risk_band": pa.string(),
    "decision": pa.string(),
}
"""The columns of a table of decisions, the whole of each as JSON in the last."""


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, JSONL or Parquet by the ending of its name; raise `InvalidData` for another."""
    with TableWriter(path) as table:
        table.write(frame)


class TableWriter:
    """A file that tables are written to one after another: CSV, JSONL or Parquet by the ending of its name.

    `schema` gives the Parquet types of every table, where they cannot be read off the first one.
    """

    def __init__(self, path: Path, *, schema: Callable[[pd.DataFrame], pa.Schema] | None = None) -> None:
        """Store the path; raise `InvalidData` for another ending."""
        if path.suffix not in {".csv", ".jsonl", ".parquet"}:
            raise InvalidData("unknown kind of file", value=str(path), remedy="name it .csv, .jsonl or .parquet")
        self.path = path
        self._schema = schema
        self._parquet: pq.ParquetWriter | None = None
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Make the folder and open the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.suffix != ".parquet":
            self._file = self.path.open("w", encoding="utf-8", newline="")
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        for file in (self._file, self._parquet):
            if file is not None:
                file.close()

    def write(self, frame: pd.DataFrame) -> None:
        """Add the rows of a table."""
        if self.path.suffix == ".csv" and self._file is not None:
            frame.to_csv(self._file, index=False, header=self._file.tell() == 0)
        elif self._file is not None:
            frame.to_json(self._file, orient="records", lines=True, force_ascii=False)
        else:
            table = pa.Table.from_pandas(frame, schema=self._schema(frame) if self._schema else None, preserve_index=False)
            self._parquet = self._parquet or pq.ParquetWriter(self.path, table.schema)
            self._parquet.write_table(table)


def call_schema(frame: pd.DataFrame) -> pa.Schema:
    """Return the Parquet types of a table of calls, the same for every chunk of it: counts, flags and text."""
    types = {"calls_24h": pa.int64(), "calls_30d": pa.int64(), "premise_hazard": pa.bool_()}
    return pa.schema([(str(column), types.get(str(column), pa.string())) for column in frame.columns])


class ParquetRows:
    """A Parquet file that rows are added to, written in groups of `ROW_GROUP`."""

    def __init__(self, path: Path, columns: dict[str, pa.DataType]) -> None:
        """Store the path and the names and types of the columns."""
        self._schema, self._rows = pa.schema(list(columns.items())), list[dict[str, Any]]()
        self._path = path
        self.written = 0

    def __enter__(self) -> Self:
        """Open the file."""
        self._file = pq.ParquetWriter(self._path, self._schema)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Write what waits and close the file; remove it where the work failed."""
        if kind is None:
            self._flush()
        self._file.close()
        if kind is not None:
            self._path.unlink(missing_ok=True)

    def add(self, row: dict[str, Any]) -> None:
        """Add a row."""
        self._rows.append(row)
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def add_all(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows as they come."""
        for row in rows:
            self.add(row)

    def _flush(self) -> None:
        """Write the rows that wait as one group."""
        if self._rows:
            self._file.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self.written += len(self._rows)
            self._rows.clear()


@contextmanager
def decision_writer(to: str) -> Iterator[Callable[[Decision], object]]:
    """Return a context whose value writes decisions one after another: lines of JSON, or a Parquet file."""
    if to == "-":
        yield lambda decision: sys.stdout.write(decision.to_json() + "\n")
        sys.stdout.flush()
    elif to.endswith(".parquet"):
        with ParquetRows(Path(to), DECISION_COLUMNS) as table:
            yield lambda decision: table.add(flat(decision))
    elif to.endswith((".jsonl", ".ndjson")):
        with Path(to).open("w", encoding="utf-8") as file:
            yield lambda decision: file.write(decision.to_json() + "\n")
    else:
        raise InvalidData("unknown kind of file", value=to, remedy="name it .jsonl or .parquet, or - for standard output")


def flat(decision: Decision) -> dict[str, Any]:
    """Return the columns of a decision for a table, the whole of it as JSON in the last."""
    return {
        "call_id": decision.call_id,
        "recommendation": decision.recommendation.value,
        "response": decision.response.value if decision.response else None,
        "eligible_probability": decision.eligible_probability,
        "risk_probability": decision.risk_probability,
        "risk_band": decision.risk_band.value,
        "decision": decision.to_json(),
    }
