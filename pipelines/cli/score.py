"""The command that decides calls: those of a file in their order, or a folder of parts in one or many processes."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from models.errors import InvalidData
from models.programs.files import ProgramFiles
from models.reasons import Detail
from models.router import Router
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, BundleOption, RunsOption, takes_program
from pipelines.data.readers import records
from pipelines.data.rows import Record
from pipelines.data.table import unknown_columns
from pipelines.data.writers import decision_writer
from pipelines.operations import backfill
from pipelines.operations.batch import decide_records

SCORE_EXAMPLE = "Example: heartline score data/sample.csv --out /tmp/decisions.jsonl"


_DETAILS: dict[str, Detail] = {"none": "none", "short": "short", "all": "all"}


class Reasons(StrEnum):
    """The detail of the reasons in each answer."""

    NONE = "none"
    SHORT = "short"
    ALL = "all"


@takes_program
def score(
    data: Annotated[str, typer.Argument(help="CSV, JSONL, Parquet or a folder of Parquet; - is standard input.")],
    to: Annotated[str, typer.Option("--out", help="JSONL or Parquet to write, or a folder; - is standard output.")] = "-",
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
    reasons: Annotated[
        Reasons, typer.Option("--reasons", help="all; short: without hits and contributions; none: vetoes only.")
    ] = Reasons.ALL,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Number of processes for the parts of a folder.")] = 1,
    engine: Annotated[str, typer.Option("--engine", help="For a folder: local or dask.")] = "local",
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Address of a Dask scheduler.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes of a local Dask.")] = 2,
) -> None:
    """Decide every call of a file, in its order, or of a folder of parts; an interrupted run over a folder resumes.

    A Parquet file with a folder as --out is decided in parts too.
    """
    folder, detail = bundle or runs / "champion", _DETAILS[reasons]
    if Path(data).is_dir() or _is_folder(to):
        _parts(
            Path(data), to, bundle=folder, program=program, detail=detail, jobs=jobs, engine=engine, scheduler=scheduler,
            workers=workers,
        )  # fmt: skip
        return
    unread = _file(Router.load(folder, program=program), data, to, detail)
    if unread:
        terminal.say(f"{unread} rows could not be read as calls: their answer is REVIEW")
        raise typer.Exit(2)


def _is_folder(to: str) -> bool:
    """Return whether answers are written into a folder: an existing one, or a name without a suffix."""
    return to != "-" and (Path(to).is_dir() or not Path(to).suffix)


def _file(router: Router, data: str, to: str, detail: Detail) -> int:
    """Decide the calls of a file as they are read; return how many rows could not be read."""
    unread = 0
    with decision_writer(to) as write:
        decided = decide_records(router, _announced(records(data, call_types=router.program.call_types)), detail=detail)
        for _, decision, is_read in track(decided, "deciding", total=None, console=terminal.err, transient=True):
            unread += not is_read
            write(decision)
    return unread


def _announced(rows: Iterable[Record]) -> Iterator[Record]:
    """Yield the rows unchanged, and print the columns that are ignored."""
    for number, record in enumerate(rows):
        if not number and unknown_columns(record):
            terminal.say(f"ignored columns: {', '.join(unknown_columns(record))}")
        yield record


def _parts(data: Path, to: str, **options: Any) -> None:
    """Decide the parts of a folder into another; raise `InvalidData` where the output is not a folder."""
    if not _is_folder(to):
        raise InvalidData("the answers of a folder go into a folder", value=to, remedy="give --out FOLDER")
    decided, calls = backfill.run(data, Path(to), track=terminal.tracked_parts, **options)
    existing = len(backfill.planned(data, Path(to))) - decided
    terminal.say(f"{decided} parts, {calls} calls decided; {existing} parts existed already")
