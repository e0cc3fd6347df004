"""`heartline programs`: list the programs, show one, and check a program's file."""

import typer

from models.programs.files import ProgramFiles
from models.programs.program import load_program, program_ids
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, takes_program_argument
from pipelines.operations.programs import faults

programs_app = typer.Typer(no_args_is_help=True, help="List, show and check programs.")


@programs_app.command("list", epilog="Example: heartline programs list")
def list_programs() -> None:
    """List the programs that ship with the package."""
    for program_id in program_ids():
        program = load_program(program_id)
        units = ", ".join(unit.value for unit in program.units)
        terminal.show(f"{program_id:20}{program.name:32}{len(program.eligible_call_types)} call types; {units}")


@programs_app.command("show", epilog="Example: heartline programs show denver-star")
@takes_program_argument
def show(program: ProgramFiles = PROGRAM) -> None:
    """Show a program's eligible and excluded call types, its units, its sources, and what is not known of it."""
    loaded = load_program(program)
    terminal.show(f"{loaded.name} ({loaded.version})")
    terminal.show(f"takes: {', '.join(sorted(loaded.eligible_call_types))}")
    terminal.show(f"excludes: {', '.join(sorted(loaded.excluded_call_types))}, and any weapon or threat of violence")
    for unit in loaded.units.values():
        zones = "all zones" if unit.zones is None else f"zones {', '.join(sorted(unit.zones))}"
        terminal.show(f"unit {unit.response.value}: {unit.staffing}; {zones}; {'; '.join(unit.hours)}")
    for period in loaded.periods:
        terminal.show(f"from {period.begins} until {period.ends}: {', '.join(unit.value for unit in period.units)}")
    terminal.show(f"note: {loaded.note}")
    terminal.show(f"not known: {'; '.join(loaded.unknown)}")
    terminal.show(f"sources: {'; '.join(loaded.sources)}")


@programs_app.command("check", epilog="Example: heartline programs check durham-heart")
@takes_program_argument
def check(program: ProgramFiles = PROGRAM) -> None:
    """Check a program: that its file is valid, that its call types exist, and that it names its sources."""
    listed = faults(load_program(program))
    for fault in listed:
        terminal.show(fault)
    terminal.show(f"{program}: {len(listed)} faults")
    if listed:
        raise typer.Exit(1)
