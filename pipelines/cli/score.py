"""The command that scores calls: a file in its order, or a folder of parts in one process or many."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from models.errors import InvalidCall, InvalidData
from models.router import Router
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, BundleOption, ProgramOption, RunsOption
from pipelines.data.readers import records
from pipelines.data.table import read_row, unknown_columns
from pipelines.data.writers import decision_writer
from pipelines.operations import backfill

SCORE_EXAMPLE = "Example: heartline score data/sample.csv --out /tmp/decisions.jsonl"


def score(
    data: Annotated[str, typer.Argument(help="CSV, JSONL, Parquet or a folder of Parquet; - is standard input.")],
    to: Annotated[str, typer.Option("--out", help="JSONL or Parquet to write, or a folder; - is standard output.")] = "-",
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramOption = PROGRAM,
    engine: Annotated[str, typer.Option("--engine", help="For a folder: local or dask.")] = "local",
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Address of a Dask scheduler.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes of a local Dask.")] = 2,
) -> None:
    """Decide every call of a file, in its order, or of a folder of parts; a stopped run over a folder resumes."""
    folder = bundle or runs / "champion"
    if Path(data).is_dir():
        _parts(Path(data), to, bundle=folder, program=program, engine=engine, scheduler=scheduler, workers=workers)
        return
    unread = _file(Router.load(folder, program=program), data, to)
    if unread:
        terminal.say(f"{unread} rows could not be read as calls and are REVIEW")
        raise typer.Exit(2)


def _file(router: Router, data: str, to: str) -> int:
    """Decide the calls of a file; return how many rows could not be read."""
    unread, rows = 0, list(records(data))
    if rows and unknown_columns(rows[0]):
        terminal.say(f"ignored columns: {', '.join(unknown_columns(rows[0]))}")
    with decision_writer(to) as write:
        for record in track(rows, "deciding", console=terminal.err, transient=True):
            try:
                decision = router.decide(read_row(record))
            except InvalidCall as error:
                unread += 1
                decision = router.refuse(error, call_id=str(record.get("call_id") or "") or None)
            write(decision)
    return unread


def _parts(data: Path, to: str, **options: Any) -> None:
    """Decide a folder of parts; raise `InvalidData` where the output is no folder."""
    if to == "-" or Path(to).suffix:
        raise InvalidData("a folder of parts is decided into a folder", value=to, remedy="give --out FOLDER")
    decided, calls = backfill.run(data, Path(to), track=terminal.tracked_parts, **options)
    terminal.say(f"{decided} parts, {calls} calls decided; {len(backfill.parts(data)) - decided} were there already")
