"""Write tables, decisions and evaluations to files and to the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from models.decision import Decision
from models.errors import InvalidData

if TYPE_CHECKING:
    from pipelines.evaluation.evaluate import Error, Evaluation

_SHOWN = 100


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, JSONL or Parquet by the ending of its name; raise `InvalidData` for another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        raise InvalidData("unknown kind of file", value=str(path), remedy="name it .csv, .jsonl or .parquet")


class TableWriter:
    """Write tables one after another to one file: CSV, JSONL or Parquet by the ending of its name."""

    def __init__(self, path: Path) -> None:
        """Check the name; raise `InvalidData` for another ending."""
        if path.suffix not in {".csv", ".jsonl", ".parquet"}:
            raise InvalidData("unknown kind of file", value=str(path), remedy="name it .csv, .jsonl or .parquet")
        self.path = path
        self._parquet: pq.ParquetWriter | None = None
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Open the file."""
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
            table = pa.Table.from_pandas(frame, schema=_arrow_schema(frame), preserve_index=False)
            self._parquet = self._parquet or pq.ParquetWriter(self.path, table.schema)
            self._parquet.write_table(table)


def _arrow_schema(frame: pd.DataFrame) -> pa.Schema:
    """Return the types of a table of calls, the same for every chunk of it: counts, flags and text."""
    kinds = {"calls_24h": pa.int64(), "calls_30d": pa.int64(), "premise_hazard": pa.bool_()}
    return pa.schema([(str(column), kinds.get(str(column), pa.string())) for column in frame.columns])


@contextmanager
def decision_writer(to: str) -> Iterator[Callable[[Decision], object]]:
    """Give a function that writes decisions one after another: lines of JSON, or a Parquet file at the end."""
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


def evaluation_lines(result: "Evaluation") -> Iterator[str]:
    """Yield the lines of an evaluation, the errors that matter first."""
    yield f"False clears (ineligible, suggested ELIGIBLE): {len(result.false_clears)}"
    yield from _error_lines(result.false_clears)
    yield f"Weapon or violence labelled, not vetoed: {len(result.missed_vetoes)}"
    yield from _error_lines(result.missed_vetoes)
    yield f"Eligible, suggested NOT_ELIGIBLE: {len(result.missed_eligible)}"
    yield f"Over {result.n} calls labelled yes or no; 95 % intervals:"
    for name, estimate in result.figures.items():
        yield f"  {name.replace('_', ' '):24}{estimate} {estimate.method}"
    yield "Recall (suggested ELIGIBLE) by type:"
    for name, estimate in result.recall_by_type.items():
        yield f"  {name:24}{estimate} {estimate.method}"
    if result.n_unsure:
        yield f"Labelled unsure, apart: {result.n_unsure} ({', '.join(f'{k} {v}' for k, v in result.unsure.items())})"
    yield f"One decision: {result.latency_ms['p50']:.2f} ms median, {result.latency_ms['p99']:.2f} ms at the 99th percentile"


def _error_lines(errors: "list[Error]") -> Iterator[str]:
    """Name wrong answers by their rows, never by their notes; a terminal is shown no more than it can hold."""
    for error in errors[:_SHOWN]:
        chance = "no score" if error.probability is None else f"p={error.probability:.2f}"
        reasons = ", ".join(dict.fromkeys(error.reasons))
        yield f"  row {error.row}: {error.call_type}, {error.recommendation}, {chance}, {reasons}"
    if len(errors) > _SHOWN:
        yield f"  and {len(errors) - _SHOWN} more: --html and --json of heartline evaluate name all"
