"""`heartline programs`: which programs there are, what each takes, and whether a program's file is right."""

from typing import Annotated

import typer

from models.programs.call_types import type_names
from models.programs.program import DEFAULT_PROGRAM, Program, load_program, program_ids
from pipelines.cli import terminal

programs_app = typer.Typer(no_args_is_help=True, help="List, show and check programs.")

ProgramArgument = Annotated[str, typer.Argument(help="Program id, or the path of a program's TOML file.")]


@programs_app.command("list", epilog="Example: heartline programs list")
def list_programs() -> None:
    """List the programs that ship with the package."""
    for program_id in program_ids():
        program = load_program(program_id)
        units = ", ".join(unit.value for unit in program.units)
        terminal.show(f"{program_id:20}{program.name:32}{len(program.eligible_call_types)} call types; {units}")


@programs_app.command("show", epilog="Example: heartline programs show denver-star")
def show(program: ProgramArgument = DEFAULT_PROGRAM) -> None:
    """Show what a program takes and excludes, its units, its sources, and what is not known of it."""
    found = load_program(program)
    terminal.show(f"{found.name} ({found.version})")
    terminal.show(f"takes: {', '.join(sorted(found.eligible_call_types))}")
    terminal.show(f"excludes: {', '.join(sorted(found.excluded_call_types))}, and any weapon or threat of violence")
    for unit in found.units.values():
        zones = "all zones" if unit.zones is None else f"zones {', '.join(sorted(unit.zones))}"
        terminal.show(f"unit {unit.response.value}: {unit.staffing}; {zones}; {'; '.join(unit.hours)}")
    for period in found.periods:
        terminal.show(f"from {period.begins} until {period.ends}: {', '.join(unit.value for unit in period.units)}")
    terminal.show(f"note: {found.note}")
    terminal.show(f"not known: {'; '.join(found.unknown)}")
    terminal.show(f"sources: {'; '.join(found.sources)}")


@programs_app.command("check", epilog="Example: heartline programs check durham-heart")
def check(program: ProgramArgument = DEFAULT_PROGRAM) -> None:
    """Check a program: that it reads, that its call types exist, and that it names its sources."""
    found = faults(load_program(program))
    for fault in found:
        terminal.show(fault)
    terminal.show(f"{program}: {len(found)} faults")
    if found:
        raise typer.Exit(1)


def faults(program: Program) -> list[str]:
    """Return what is wrong with a program that reads, one sentence each."""
    types = program.eligible_call_types | program.excluded_call_types
    found = [f"no such call type: {name}" for name in sorted(types - set(type_names()))]
    both = sorted(program.eligible_call_types & program.excluded_call_types)
    found += [f"both taken and excluded: {name}" for name in both]
    found += [
        f"danger is not excluded: {name}" for name in ("weapon", "shots_fired") if name not in program.excluded_call_types
    ]
    if not program.sources:
        found.append("no source is named")
    if program.high_risk_unit not in program.units:
        found.append(f"the unit for high risk is not one of its units: {program.high_risk_unit.value}")
    return found
