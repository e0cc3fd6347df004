"""Options that several commands share, and the opening of the ledger that one of them names.

A command with `@takes_program` has a parameter `program: ProgramFiles`, which is given as four options.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from models.ledger.anchor import anchor_file_of
from models.ledger.encryption import NoteEncryption, key_file_of
from models.ledger.store import Ledger
from models.programs.files import DEFAULT_PROGRAM, ProgramFiles

P = ParamSpec("P")

DataOption = Annotated[Path, typer.Option("--data", help="CSV, JSONL or Parquet of calls; - is standard input.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="TOML laid over pipelines/default.toml.")]
RunsOption = Annotated[Path, typer.Option("--runs", help="Folder of MLflow's store and of the champion's bundle.")]
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
RUNS, SAMPLE, PROGRAM = Path("mlruns"), Path("data/sample.csv"), ProgramFiles()

PROGRAM_FILES = {
    "rulebook": "TOML file: the rulebook of the veto, in place of the program's own.",
    "call_types": "TOML file: call types laid over the program's own.",
    "signals": "TOML file: signals added to the program's own.",
}
"""The files that may be given beside a program, by their parameter, with their help."""


def takes_program(command: Callable[P, None]) -> Callable[P, None]:
    """Return a command whose parameter `program` is given as `--program`, `--rulebook`, `--call-types` and `--signals`."""
    return _expanded(command, _option("program", "Program whose criteria apply: its id or its TOML file."))


def takes_deployed_program(command: Callable[P, None]) -> Callable[P, None]:
    """Return a command that takes these options, and the service's variables where one is not given."""
    return _expanded(command, _option("program", "Program whose criteria apply.", deployed=True), deployed=True)


def takes_program_argument(command: Callable[P, None]) -> Callable[P, None]:
    """Return a command that takes these options, and the program itself as its argument."""
    return _expanded(command, typer.Argument(help="Program id, or the path of a program's TOML file."))


def _option(name: str, text: str, *, deployed: bool = False) -> Any:
    """Return an option of the program's panel; typer's own type for it is not public."""
    variable = f"HEARTLINE_{name.upper()}" if deployed else None
    return typer.Option(f"--{name.replace('_', '-')}", envvar=variable, help=text, rich_help_panel="Program")


def _expanded(command: Callable[P, None], program: Any, *, deployed: bool = False) -> Callable[P, None]:
    """Return a command whose signature, which typer reads, has the program and its files in place of `ProgramFiles`."""

    @wraps(command)
    def with_files(*args: P.args, **kwargs: P.kwargs) -> None:
        given: dict[str, Any] = {name: kwargs.pop(name, None) for name in PROGRAM_FILES}
        named = kwargs.get("program")
        if not isinstance(named, ProgramFiles):  # another command may call this one
            kwargs["program"] = ProgramFiles(str(named), **given)
        command(*args, **kwargs)

    signature = inspect.signature(command, eval_str=True)
    files = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None,
            annotation=Annotated[Path | None, _option(name, text, deployed=deployed)],
        )
        for name, text in PROGRAM_FILES.items()
    ]  # fmt: skip
    named = signature.parameters["program"].replace(annotation=Annotated[str, program], default=DEFAULT_PROGRAM)
    kept = [named if each.name == "program" else each for each in signature.parameters.values()]
    with_files.__signature__ = signature.replace(parameters=[*kept, *files])  # type: ignore[attr-defined]  # typer reads it
    return with_files


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
