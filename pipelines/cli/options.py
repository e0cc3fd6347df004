"""Options that several commands share, and the opening of the ledger that one of them names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from models.ledger.anchor import anchor_file_of
from models.ledger.encryption import NoteEncryption, key_file_of
from models.ledger.store import Ledger

DataOption = Annotated[Path, typer.Option("--data", help="CSV, JSONL or Parquet of calls; - is standard input.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML laid over pipelines/default.toml.")]
RunsOption = Annotated[Path, typer.Option("--runs", help="Folder of MLflow's store and of the champion's bundle.")]
ProgramOption = Annotated[str, typer.Option("--program", help="Program whose criteria apply.")]
BundleOption = Annotated[Path | None, typer.Option("--bundle", help="Bundle folder; the champion's where not given.")]
LedgerOption = Annotated[str, typer.Option("--ledger", envvar="HEARTLINE_LEDGER", help="Ledger's database URL.")]
AnchorOption = Annotated[
    Path | None,
    typer.Option("--anchor", envvar="HEARTLINE_ANCHOR", help="The ledger's anchor; beside an SQLite file where not given."),
]
DeployedLedgerOption = Annotated[
    str | None,
    typer.Option("--ledger", envvar="HEARTLINE_LEDGER", help="Ledger's database URL; in the runs folder where not given."),
]
ApiKeysOption = Annotated[
    Path | None, typer.Option("--keys", envvar="HEARTLINE_KEYS", help="File of the API keys, where there is one.")
]
LEDGER = "sqlite:///mlruns/ledger.db"
RUNS, SAMPLE, PROGRAM = Path("mlruns"), Path("data/sample.csv"), "durham-heart"


def anchor_of(url: str, anchor: Path | None) -> Path:
    """Return the anchor that was given, or the one beside an SQLite file, or that of the runs folder."""
    return anchor or anchor_file_of(url) or RUNS / "ledger.anchor"


def deployed_ledger(url: str | None, anchor: Path | None, runs: Path) -> tuple[str, Path | None]:
    """Return the ledger and the anchor's file of a deployment, in its runs folder as `heartline serve` has them.

    The anchor is `None` where it is printed.
    """
    ledger = url or f"sqlite:///{runs / 'ledger.db'}"
    place = anchor or anchor_file_of(ledger) or runs / "ledger.anchor"
    return ledger, None if str(place) == "-" else place


@contextmanager
def opened_ledger(url: str, anchor: Path | None = None) -> Iterator[Ledger]:
    """Give a ledger that is open for reading, with the keys of the environment, and close it afterwards."""
    ledger = Ledger(url, encryption=NoteEncryption.from_environment(key_file_of(url)), anchor=anchor, read_only=True)
    try:
        yield ledger
    finally:
        ledger.close()
