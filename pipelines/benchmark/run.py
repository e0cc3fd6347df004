"""One run of the benchmark: all cases put to a system, the formats read, and the table of what came of it."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import HeartlineError
from models.statistics import share
from pipelines.benchmark.cases import Case, FormatFile, digest_of, labelled_cases, load_cases, load_formats
from pipelines.benchmark.measures import Row, measure
from pipelines.benchmark.systems import System
from pipelines.data.column_map import load_map
from pipelines.data.ingest import ingest_file
from pipelines.data.table import read_table


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """The result of a run: the system, the release of the files, the table, and the ids of wrongly answered cases."""

    system: str
    files: str
    rows: list[Row]
    wrong: list[str]
    not_measured: list[str]

    def to_record(self) -> dict[str, Any]:
        """Return the result as plain JSON values, without the notes."""
        return {
            "system": self.system,
            "files": self.files,
            "rows": [row.to_record() for row in self.rows],
            "wrong": self.wrong,
            "not_measured": self.not_measured,
        }

    def to_json(self) -> str:
        """Return the result as JSON text."""
        return json.dumps(self.to_record(), indent=2, allow_nan=False) + "\n"

    def lines(self) -> Iterator[str]:
        """Yield the table as lines, a part at a time."""
        yield f"{self.system}, benchmark {self.files}"
        part = ""
        for row in self.rows:
            if row.part != part:
                part = row.part
                yield f"{part}:"
            counted = "" if row.hits is None else f"{row.hits} of {row.estimate.n}, "
            interval = f"{row.estimate.value:.3f} ({row.estimate.low:.3f} to {row.estimate.high:.3f})"
            better = f", {row.better} is better" if row.better else ""
            yield f"  {row.group or 'all':16} {row.measure:52} {counted}{interval}{better}"
        for each in self.not_measured:
            yield f"not measured: {each}"


def run(system: System, folder: Path, *, data: Sequence[Path] = (), confidence: float = 0.95) -> BenchmarkResult:
    """Return the result of a system on the benchmark's files, and on other labelled files (`data`).

    Raises `InvalidConfig` or `InvalidData` where a file is at fault, and `InvalidData` where the system does not answer.
    """
    cases = [*load_cases(folder), *(case for path in data for case in labelled_cases(path))]
    pairs = list(zip(cases, system.answers(case.call for case in cases), strict=True))
    rows = measure(pairs, confidence=confidence)
    not_measured = [] if system.reads_files else ["formats: the service takes calls, not files"]
    wrong = [f"{case.part}: {case.id}" for case, answer in pairs if _is_wrong(case, answer.recommendation)]
    if not any(row.part == "call types" for row in rows):
        not_measured.append("call types: the answers do not hold the type that was read")
    if system.reads_files:
        failed = [each for each in load_formats(folder) if not format_kept(each, folder)]
        files = len(load_formats(folder))
        kept = share(files - len(failed), files, confidence=confidence, method="exact")
        rows.append(Row("formats", "", "files read as expected", "high", files - len(failed), kept))
        wrong += [f"formats: {each.form}" for each in failed]
    return BenchmarkResult(system.name, digest_of(folder), rows, wrong, not_measured)


def _is_wrong(case: Case, recommendation: object) -> bool:
    """Return whether an answer is not acceptable; a missing answer is not wrong."""
    return recommendation is not None and recommendation not in case.acceptable


def format_kept(contract: FormatFile, folder: Path) -> bool:
    """Return whether a file is read as the expected number of calls, the first with the expected fields."""
    mapping = load_map(contract.map) if contract.map else None
    with tempfile.TemporaryDirectory() as scratch:
        to = Path(scratch) / "calls.csv"
        try:
            ingest_file(folder / contract.file, to, columns=mapping)
            calls = read_table(to).calls
        except HeartlineError:
            return False
    first = calls[0].to_record()
    return len(calls) == contract.calls and all(first.get(name) == value for name, value in contract.first.items())
