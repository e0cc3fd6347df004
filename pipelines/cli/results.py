"""The command that writes the figures of a README from reports."""

import json
from pathlib import Path
from typing import Annotated

import typer

from models.errors import InvalidData
from pipelines.cli import terminal
from pipelines.evaluation import results as tables

RESULTS_EXAMPLE = "Example: heartline results 'a year=data/examples/report.json' --out /tmp/results.json"


def results(
    reports: Annotated[list[str], typer.Argument(help="TITLE=REPORT.json, a column of the table for each.")],
    to: Annotated[Path, typer.Option("--out", help="JSON file to write, with every figure.")] = Path("data/results.json"),
    readme: Annotated[Path | None, typer.Option("--readme", help="Markdown file whose tables are replaced.")] = None,
) -> None:
    """Collect the figures of reports in one JSON file, and write a README's tables from it."""
    named = [each.rpartition("=") for each in reports]
    if unnamed := [path for title, _, path in named if not title]:
        raise InvalidData("a report has no title", value=unnamed[0], remedy="give TITLE=REPORT.json")
    gathered = tables.gather({title: Path(path) for title, _, path in named})
    to.write_text(json.dumps(gathered, indent=1) + "\n", encoding="utf-8")
    if readme is not None:
        tables.write_into(readme, gathered)
    terminal.say(f"figures of {len(reports)} reports written to {to}{f' and {readme}' if readme else ''}")
