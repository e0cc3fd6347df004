"""The command that compares the ledger's decisions with training."""

from pathlib import Path
from typing import Annotated

import typer

from models.classifier.bundle import Bundle, load
from models.errors import GateFailed
from models.ledger.decision_table import decision_table
from models.programs.files import ProgramFiles
from models.programs.program import Program, load_program
from pipelines.cli import terminal
from pipelines.cli.options import (
    LEDGER,
    PROGRAM,
    RUNS,
    BundleOption,
    ConfigOption,
    LedgerOption,
    RunsOption,
    opened_ledger,
    takes_program,
)
from pipelines.operations import monitor as monitoring
from pipelines.operations.monitor import Monitored
from pipelines.settings import load_config

MONITOR_EXAMPLE = "Example: heartline monitor"


@takes_program
def monitor(
    ledger: LedgerOption = LEDGER,
    since: Annotated[str | None, typer.Option("--since", help="First day, ISO 8601; all where not given.")] = None,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    config: ConfigOption = None,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Compare the ledger's decisions with training; exit 1 and name each limit that is crossed."""
    loaded = load(bundle or runs / "champion")
    result = monitored(loaded, ledger, program=load_program(program), since=since, config=config)
    if result is None:
        terminal.show("the ledger holds no final decision of this period: nothing to monitor")
        return
    for line in monitoring.lines(result):
        terminal.show(line)
    if result.alarms:
        raise GateFailed("; ".join(result.alarms), remedy="find the cause, then retrain or roll back")


def monitored(
    loaded: Bundle, ledger: str, *, program: Program, since: str | None = None, config: Path | None = None
) -> Monitored | None:
    """Return the comparison of a ledger with a model's training, or `None` where the ledger has no final decision.

    Call types are read as `program` reads them.
    """
    with opened_ledger(ledger) as opened:
        decisions = decision_table(opened.read(since=since), call_types=program.call_types)
        if decisions.empty:
            return None
        ids = [str(key) for key in decisions["decision_id"]] if opened.encryption.can_encrypt else []
        notes = {key: note for key in ids if (note := opened.note(key)) is not None}
    training = loaded.manifest["training"]
    profile = training["profile"] | {"calls": training["blocks"]["certify"]}  # the block that the profile was measured on
    result = monitoring.monitor(decisions, profile, load_config(config).monitor)
    if notes:
        result.words = monitoring.new_words(decisions, notes, loaded.vocabulary)
    else:
        terminal.say("no note can be read (none kept, or HEARTLINE_NOTE_KEY is not set): new words are not reported")
    return result
