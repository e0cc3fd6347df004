"""The command that writes a synthetic corpus."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.progress import track

from models.call import FIELDS
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, SAMPLE, ConfigOption, takes_program
from pipelines.corpus import synthesise as corpus
from pipelines.data.writers import write_frame
from pipelines.settings import load_config

SYNTHESISE_EXAMPLE = "Example: heartline synthesise --calls 2000 --out /tmp/calls.csv"


@takes_program
def synthesise(
    to: Annotated[Path, typer.Option("--out", help="CSV, JSONL or Parquet to write.")] = SAMPLE,
    calls: Annotated[int | None, typer.Option("--calls", min=1, help="How many calls.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The same seed gives the same calls.")] = None,
    program: ProgramFiles = PROGRAM,
    config: ConfigOption = None,
) -> None:
    """Write a synthetic corpus of labelled calls."""
    settings = load_config(config).synthesise
    settings = replace(settings, calls=calls or settings.calls, seed=settings.seed if seed is None else seed)
    scenes = corpus.synthesise(settings, program=load_program(program))
    rows = list(track(scenes, "writing", settings.calls, console=terminal.err, transient=True))
    write_frame(pd.DataFrame.from_records(rows, columns=[*FIELDS, *corpus.LABELS]), to)
    terminal.say(f"{len(rows)} calls written to {to}")
