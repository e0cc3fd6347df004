"""Offer `heartline ingest`: bring a city's export in, or propose how its columns map to a call's."""

import os
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pipelines.cli import terminal

if TYPE_CHECKING:
    from pipelines.data.deidentify import Masker

INGEST_EXAMPLE = (
    "Example: heartline ingest --data data/examples/campus-crime-log.csv --map campus-crime-log --out /tmp/c.csv"
)
_MOST = 200  # more kinds of unknown call type than this is a wrong column, not a list to read


def ingest(
    data: Annotated[
        Path | None, typer.Option("--data", help="CSV, JSONL, Parquet, Excel, EIDO .json, or a folder of EIDO.")
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
        bool, typer.Option("--deidentify", help="Mask names, phones and the like; hash the keys.")
    ] = False,
) -> None:
    """Check an export of calls; write the rows that can be read, and name those that cannot."""
    from pipelines.data.column_map import guess_map, load_map  # noqa: PLC0415  a command loads what it needs
    from pipelines.data.ingest import intake  # noqa: PLC0415
    from pipelines.data.readers import records  # noqa: PLC0415

    if guess is not None:
        terminal.show(guess_map(list(islice(records(guess), 200))))
        return
    source = data or Path("data/sample.csv")
    bars = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} rows, {task.fields[rate]:.0f}/s")
    started = time.monotonic()
    with Progress(*bars, TimeElapsedColumn(), console=terminal.err, transient=True) as progress:
        bar = progress.add_task("reading", total=None, rate=0.0)

        def seen(rows: int) -> None:
            progress.update(bar, completed=rows, rate=rows / max(time.monotonic() - started, 1e-6))

        masker = _masker() if deidentify else None
        found = intake(source, to, columns=load_map(columns) if columns else None, mask=masker, seen=seen)
    if masker is not None:
        terminal.say(f"masked: {', '.join(f'{kind} {count}' for kind, count in sorted(masker.masked.items())) or 'nothing'}")
        terminal.say("masking misses what it does not know: read a sample, and treat the table as personal still")
    for column, count in found.blanked.items():
        terminal.say(f"{column}: {count} values are not known and count as missing")
    for name, count in found.guessed.most_common(_MOST):
        terminal.say(f"call type guessed: {name} ({count})")
    for name, count in found.unmapped.most_common(_MOST):
        terminal.say(f"call type not known: {name} ({count})")
    terminal.say(f"{found.written} calls written to {to}, {found.refused} rows refused")
    if found.refused:
        for column, count in found.refusals.most_common():
            terminal.say(f"refused for {column}: {count}")
        terminal.say(f"refused rows and their reasons are in {to.with_suffix('.rejects.csv')}")
        raise typer.Exit(2)


def _masker() -> "Masker":
    """Make a masker with the key from the environment."""
    from pipelines.data.deidentify import KEY_VARIABLE, Masker  # noqa: PLC0415  Presidio takes a second to load

    return Masker(os.environ.get(KEY_VARIABLE))
