"""Tables and decisions written to files, or to standard output."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from models.decision import Decision
from models.errors import InvalidData


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


@contextmanager
def decision_writer(to: str) -> Iterator[Callable[[Decision], object]]:
    """Return a context whose value writes decisions one after another: lines of JSON, or a Parquet file at the end."""
    if to == "-":
        yield lambda decision: sys.stdout.write(decision.to_json() + "\n")
        sys.stdout.flush()
    elif to.endswith(".parquet"):
        rows: list[dict[str, Any]] = []
        yield lambda decision: rows.append(flat(decision))
        pd.DataFrame(rows).to_parquet(to, index=False)
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
