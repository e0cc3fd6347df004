"""The command that writes the public page."""

from pathlib import Path
from typing import Annotated

import typer

from models.ledger.decision_table import decision_table
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from pipelines.cli import terminal
from pipelines.cli.options import LEDGER, PROGRAM, LedgerOption, opened_ledger, takes_program
from pipelines.operations.publish import public_page, whole_months, write

PUBLISH_EXAMPLE = "Example: heartline publish --out /tmp/public.html"


@takes_program
def publish(
    to: Annotated[Path, typer.Option("--out", help="HTML file to write.")] = Path("public.html"),
    since: Annotated[str, typer.Option("--since", help="First day, ISO 8601.")] = "2000-01-01",
    until: Annotated[str, typer.Option("--until", help="Day after the last, ISO 8601.")] = "2100-01-01",
    ledger: LedgerOption = LEDGER,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Write a public page of the answered calls, without notes, callers or counts under ten."""
    published = load_program(program)
    with opened_ledger(ledger) as opened:
        decisions = decision_table(opened.read(), call_types=published.call_types)
    if not decisions.empty:
        days = decisions["decided_at"].astype(str).str[:10]
        since, until = whole_months(max(since, days.min()), min(until, str(days.max())))
    page = public_page(decisions, program=published.name, time_zone=str(published.time_zone), since=since, until=until)
    write(page, to)
    terminal.say(f"{'fewer than 10' if page.answered is None else page.answered} answered calls published in {to}")
