"""Declare the options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[Path, typer.Option("--data", help="CSV, JSONL or Parquet of calls; - is standard input.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML laid over pipelines/default.toml.")]
RunsOption = Annotated[Path, typer.Option("--runs", help="Folder of MLflow's store and of the champion's bundle.")]
ProgramOption = Annotated[str, typer.Option("--program", help="Program whose criteria apply.")]
BundleOption = Annotated[Path | None, typer.Option("--bundle", help="Bundle folder; the champion's where not given.")]
RUNS, SAMPLE, PROGRAM = Path("mlruns"), Path("data/sample.csv"), "durham-heart"
