"""Declare the options that several commands share, and open the ledger that one of them names."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.ledger.store import Ledger

DataOption = Annotated[Path, typer.Option("--data", help="CSV, JSONL or Parquet of calls; - is standard input.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML laid over pipelines/default.toml.")]
RunsOption = Annotated[Path, typer.Option("--runs", help="Folder of MLflow's store and of the champion's bundle.")]
ProgramOption = Annotated[str, typer.Option("--program", help="Program whose criteria apply.")]
BundleOption = Annotated[Path | None, typer.Option("--bundle", help="Bundle folder; the champion's where not given.")]
LedgerOption = Annotated[str, typer.Option("--ledger", help="Ledger's database URL.")]
AnchorOption = Annotated[Path | None, typer.Option("--anchor", help="File that holds how many entries there were.")]
LEDGER = "sqlite:///mlruns/ledger.db"
RUNS, SAMPLE, PROGRAM = Path("mlruns"), Path("data/sample.csv"), "durham-heart"


def open_ledger(url: str, anchor: Path | None) -> "Ledger":
    """Open a ledger with the keys of the environment."""
    from models.ledger.encryption import NoteSafe, key_file_of  # noqa: PLC0415
    from models.ledger.store import Ledger  # noqa: PLC0415

    return Ledger(url, safe=NoteSafe.from_environment(key_file_of(url)), anchor=anchor)
