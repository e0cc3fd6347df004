"""The command that trains again with the labels of the ledger, on request only where monitoring raises an alarm."""

from typing import Annotated

import typer

from models.classifier.bundle import load
from models.errors import InvalidData
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from pipelines.cli import terminal
from pipelines.cli.monitor import monitored
from pipelines.cli.options import (
    LEDGER,
    PROGRAM,
    RUNS,
    SAMPLE,
    ConfigOption,
    DataOption,
    LedgerOption,
    RunsOption,
    takes_program,
)
from pipelines.cli.train import train
from pipelines.operations import monitor as monitoring

RETRAIN_EXAMPLE = "Example: heartline retrain --if-needed --data mlruns/corpus.csv"


@takes_program
def retrain(
    data: DataOption = SAMPLE,
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Train only where monitoring finds that a limit is crossed.")
    ] = False,
    ledger: LedgerOption = LEDGER,
    config: ConfigOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Train a candidate on a file and on the ledger's labels; a person decides whether to release it."""
    champion = load(runs / "champion")
    if "adapted" in champion.manifest["training"]:
        raise InvalidData(
            "the champion was adapted, not trained", value=champion.digest[:16],
            remedy="run heartline adapt --from-ledger, with the old local labels as --data",
        )  # fmt: skip
    if if_needed:
        result = monitored(champion, ledger, program=load_program(program), config=config)
        for line in monitoring.lines(result) if result else ():
            terminal.show(line)
        if result is None or not result.alarms:
            terminal.show("no limit is crossed: nothing is trained")
            return
    train(data=data, config=config, runs=runs, program=program, from_ledger=ledger)
    terminal.show("check it with heartline evaluate, then run heartline release; until then the champion answers")
