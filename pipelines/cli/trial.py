"""The commands that plan and report a trial."""

from typing import Annotated

import typer

from models.errors import InvalidData
from models.ledger.decision_table import decision_table
from models.programs.call_types import shipped
from pipelines.cli import terminal
from pipelines.cli.options import LEDGER, ConfigOption, LedgerOption, opened_ledger
from pipelines.operations import trial
from pipelines.settings import load_config

trial_app = typer.Typer(no_args_is_help=True, help="Plan and report a trial of the effect of the suggestion.")


@trial_app.command("size", epilog="Example: heartline trial size --base 0.6 --effect 0.05")
def size(
    base: Annotated[float, typer.Option("--base", min=0.0, max=1.0, help="Share expected without the suggestion.")],
    effect: Annotated[float, typer.Option("--effect", help="Smallest change worth finding, such as 0.05.")],
    power: Annotated[float, typer.Option("--power", min=0.5, max=0.999)] = 0.8,
    silent: Annotated[float, typer.Option("--silent", min=0.01, max=0.99, help="Share of calls without suggestion.")] = 0.5,
) -> None:
    """Show how many calls a trial needs to find a change."""
    if effect == 0 or not 0 < base + effect < 1:
        raise InvalidData("impossible change", value=effect, remedy="base plus effect must be between 0 and 1")
    needed = trial.size(base=base, effect=effect, power=power, silent=silent)
    terminal.show(
        f"{needed} calls ({round(needed * silent)} silent) find {base:g} to {base + effect:g} with power {power:g}"
    )


@trial_app.command("report", epilog="Example: heartline trial report")
def report(
    ledger: LedgerOption = LEDGER,
    config: ConfigOption = None,
    planned: Annotated[
        int | None,
        typer.Option("--planned", min=2, help="Calls of the whole trial: compare an interim look with its bound."),
    ] = None,
    earlier: Annotated[list[int] | None, typer.Option("--earlier", help="Calls at each earlier look; may repeat.")] = None,
    figure: Annotated[str, typer.Option("--figure", help="The figure that the trial was planned for.")] = "sent",
) -> None:
    """Show the outcomes of all calls with and without the suggestion, and the effect of the suggestion."""
    confidence = load_config(config).evaluate.confidence
    with opened_ledger(ledger) as opened:
        table = decision_table(opened.read(), call_types=shipped())  # no figure of a trial uses the call type
    arms, changes = trial.arms(table, confidence=confidence), trial.differences(table, confidence=confidence)
    for line in trial.lines(arms, changes):
        terminal.show(line)
    if planned is not None:
        change, calls = trial.primary(changes, figure), sum(arm.calls for arm in arms)
        for line in trial.look_lines(change, figure=figure, calls=calls, planned=planned, earlier=earlier or ()):
            terminal.show(line)
