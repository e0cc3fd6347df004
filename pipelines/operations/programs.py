"""Checks of a program beyond the validity of its file: unknown call types, danger that is not excluded, missing sources."""

from models.programs.call_types import type_names
from models.programs.program import Program


def faults(program: Program) -> list[str]:
    """Return the faults of a program, one sentence each."""
    types = program.eligible_call_types | program.excluded_call_types
    faults = [f"no such call type: {name}" for name in sorted(types - set(type_names()))]
    both = sorted(program.eligible_call_types & program.excluded_call_types)
    faults += [f"both eligible and excluded: {name}" for name in both]
    faults += [
        f"danger is not excluded: {name}" for name in ("weapon", "shots_fired") if name not in program.excluded_call_types
    ]
    if not program.sources:
        faults.append("no source is named")
    if program.high_risk_unit not in program.units:
        faults.append(f"the unit for high risk is not one of its units: {program.high_risk_unit.value}")
    return faults
