"""A program's own files, kept inside the bundle that was trained with it: whoever has the bundle has its program too."""

import shutil
from pathlib import Path

from models.errors import InvalidConfig
from models.programs.program import Program, load_program

FOLDER, FILE = "program", "program.toml"


def keep_program(bundle: Path, program: Program) -> None:
    """Copy a program's file into a bundle's folder, with the rulebook and the roster that it names beside itself.

    A file that the program names elsewhere is not copied: its path in the program's file would lead astray.
    """
    if program.path is None:
        return
    folder, origin = bundle / FOLDER, program.path.parent
    folder.mkdir(exist_ok=True)
    shutil.copyfile(program.path, folder / FILE)
    for path in (program.rulebook, program.roster):
        if path is None or not path.resolve().is_relative_to(origin.resolve()):
            continue
        target = folder / path.resolve().relative_to(origin.resolve())
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def program_file(bundle: Path) -> Path | None:
    """Return where a bundle keeps its program's file; `None` where it keeps none."""
    path = bundle / FOLDER / FILE
    return path if path.is_file() else None


def program_of(bundle: Path, otherwise: str | Path, *, version: str) -> Program:
    """Return the program that a bundle was trained with: the one kept in it, or else the one named.

    `version` is what the bundle's manifest says. Raises `InvalidConfig` where the kept file is another, or none can be read.
    """
    path = program_file(bundle)
    if path is None:
        return load_program(otherwise)
    program = load_program(path)
    if program.version != version:
        raise InvalidConfig("the program in the bundle was changed", value=program.version, remedy=f"restore {version}")
    return program
