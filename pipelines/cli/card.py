"""The command that writes the model card and system record."""

from pathlib import Path
from typing import Annotated

import typer

from models.programs.files import ProgramFiles
from models.programs.program import load_program
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, BundleOption, RunsOption, takes_program
from pipelines.release import card as cards

CARD_EXAMPLE = "Example: heartline card --accountable 'Community Safety Department' --out /tmp/card.html"


@takes_program
def card(
    accountable: Annotated[str, typer.Option("--accountable", help="Who answers for its use, by name and office.")],
    to: Annotated[Path, typer.Option("--out", help="HTML file to write.")] = Path("card.html"),
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Write the model card and system record from the runs, each duty with its evidence file."""
    values = cards.card(runs, bundle or runs / "champion", load_program(program), accountable=accountable)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(cards.to_html(values), encoding="utf-8")
    shown = sum(item.shown for item in values["items"])
    terminal.say(f"{shown} of {len(values['items'])} items have their evidence; card written to {to}")
