"""`heartline ingest`: convert a city's export into calls, or propose how its columns map to a call's fields."""

import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from models.ledger.encryption import key_file_of, read_hash_key
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from pipelines.cli import terminal
from pipelines.cli.options import LEDGER, PROGRAM, takes_program
from pipelines.data.column_map import load_map
from pipelines.data.guess_map import guess_map
from pipelines.data.ingest import IngestReport, ingest_file
from pipelines.data.readers import records

if TYPE_CHECKING:
    from pipelines.data.deidentify import Masker

INGEST_EXAMPLE = (
    "Example: heartline ingest --data data/examples/campus-crime-log.csv --map campus-crime-log --out /tmp/c.csv"
)
_MOST = 200  # a file with more unknown call types than this has a wrong column
_MOST_DUPLICATES = 10


@takes_program
def ingest(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="CSV, JSON, JSONL, Parquet, Excel, SQLite, text (.gz too), EIDO .json or a folder of EIDO."
        ),
    ] = None,
    to: Annotated[Path, typer.Option("--out", help="CSV, JSONL or Parquet of the rows that could be read.")] = Path(
        "calls.csv"
    ),
    columns: Annotated[
        str | None, typer.Option("--map", help="Column map: a TOML file, or the name of a shipped one.")
    ] = None,
    guess: Annotated[
        Path | None, typer.Option("--guess-map", help="Print a proposed column map for this file, and stop.")
    ] = None,
    deidentify: Annotated[
        bool, typer.Option("--deidentify", help="Mask names, phone numbers and the like; hash the keys.")
    ] = False,
    collapse_units: Annotated[
        bool, typer.Option("--collapse-units", help="Make rows of one call_id, such as one a unit, one call.")
    ] = False,
    max_empty: Annotated[
        float, typer.Option("--max-empty", min=0, max=1, help="The largest share of rows whose note may be empty.")
    ] = 0.5,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Check an export of calls; write the rows that can be read, and list those that cannot."""
    if guess is not None:
        terminal.show(guess_map(list(islice(records(guess, notice=terminal.say), 200))))
        return
    source = data or Path("data/sample.csv")
    bars = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} rows, {task.fields[rate]:.0f}/s")
    started = time.monotonic()
    masker = _masker() if deidentify else None
    with Progress(*bars, TimeElapsedColumn(), console=terminal.err, transient=True) as progress:
        bar = progress.add_task("reading", total=None, rate=0.0)

        def seen(rows: int) -> None:
            progress.update(bar, completed=rows, rate=rows / max(time.monotonic() - started, 1e-6))

        report = ingest_file(
            source,
            to,
            columns=load_map(columns) if columns else None,
            mask=masker,
            call_types=load_program(program).call_types,
            collapse_units=collapse_units,
            max_empty=max_empty,
            seen=seen,
        )
    if masker is not None:
        terminal.say(f"masked: {', '.join(f'{kind} {count}' for kind, count in sorted(masker.masked.items())) or 'nothing'}")
        terminal.say("masking is not complete: check a sample, and still treat the table as personal data")
    _say(report, to)
    if report.refused:
        raise typer.Exit(2)


def _say(report: IngestReport, to: Path) -> None:
    """Print how a file was read: notices, and counts of missing, guessed, unknown, repeated, empty and refused values."""
    for notice in report.notices:
        terminal.say(notice)
    for column, count in report.blanked.items():
        terminal.say(f"{column}: {count} values are not known and count as missing")
    for name, count in report.guessed.most_common(_MOST):
        terminal.say(f"call type guessed: {name} ({count})")
    for name, count in report.unmapped.most_common(_MOST):
        terminal.say(f"call type not known: {name} ({count})")
    if report.duplicates:
        named = ", ".join(f"row {row} repeats row {first}" for row, first in report.duplicates[:_MOST_DUPLICATES])
        remedy = "" if report.collapsed else "; --collapse-units makes them one call"
        terminal.say(f"repeated calls: {named}{remedy}")
    if report.collapsed:
        terminal.say(f"{report.collapsed} rows were merged with an earlier row of the same call")
    if report.empty:
        terminal.say(f"{report.empty} notes are empty")
    terminal.say(f"{report.written} calls written to {to}, {report.refused} rows refused")
    if report.refused:
        for column, count in report.refusals.most_common():
            terminal.say(f"refused for {column}: {count}")
        terminal.say(f"refused rows and their reasons are in {to.with_suffix('.rejects.csv')}")


def _masker() -> "Masker":
    """Return a masker that hashes with the ledger's key; raise `InvalidConfig` where there is no key."""
    from pipelines.data.deidentify import Masker  # noqa: PLC0415  Presidio takes a second to load

    return Masker(read_hash_key(key_file_of(LEDGER)))
