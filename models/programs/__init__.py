"""Programs of alternative response as data, and the call types by which agencies name what they send them to."""

from models.programs.call_types import CallType, CallTypes, Confidence
from models.programs.files import DEFAULT_PROGRAM, ProgramFiles, ProgramSource
from models.programs.program import Program, Unit, load_program, program_ids

__all__ = [
    "DEFAULT_PROGRAM",
    "CallType",
    "CallTypes",
    "Confidence",
    "Program",
    "ProgramFiles",
    "ProgramSource",
    "Unit",
    "load_program",
    "program_ids",
]
