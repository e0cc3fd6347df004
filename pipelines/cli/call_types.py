"""`heartline call-types`: how an agency's call types are read, and a table to fill in for those that are not known."""

from pathlib import Path
from typing import Annotated

import typer

from models.programs.files import ProgramFiles
from models.programs.program import load_program
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, takes_program
from pipelines.data.call_type_report import call_types_toml, report_call_types, report_lines
from pipelines.data.column_map import load_map
from pipelines.data.labels import text_of
from pipelines.data.readers import records
from pipelines.data.table import rename

call_types_app = typer.Typer(no_args_is_help=True, help="Report how call types are read.")


@call_types_app.callback()
def _group() -> None:
    """Make typer treat a group with a single command as a group."""


@call_types_app.command("report", epilog="Example: heartline call-types report --data data/sample.csv")
@takes_program
def report(
    data: Annotated[Path, typer.Option("--data", help="A file of calls in any form that ingest reads.")],
    columns: Annotated[str | None, typer.Option("--map", help="Column map: a TOML file, or a shipped one's name.")] = None,
    to: Annotated[Path | None, typer.Option("--write", help="TOML to write, for the program's file to fill in.")] = None,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Show the call types of a file that are unknown or guessed, with their shares of calls and the nearest known types."""
    mapping, call_types = load_map(columns) if columns else None, load_program(program).call_types
    rows = records(data, mapping.layout if mapping else None, terminal.say, call_types=call_types)
    written = (mapping.value("call_type", row) if mapping else text_of(rename(row).get("call_type")) for row in rows)
    type_report = report_call_types(written, call_types)
    for line in report_lines(type_report):
        terminal.show(line)
    if to is not None:
        to.write_text(call_types_toml(type_report), encoding="utf-8")
        terminal.say(f"unknown call types written to {to}: fill in their meaning")
