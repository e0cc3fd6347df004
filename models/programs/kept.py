"""A program's own files, kept inside the bundle that was trained with it: whoever has the bundle has its program too."""

import shutil
from pathlib import Path

from models.errors import InvalidConfig
from models.programs.files import ProgramSource
from models.programs.program import Program, load_program

FOLDER, FILE = "program", "program.toml"


def keep_program(bundle: Path, program: Program) -> None:
    """Write a program's text into a bundle's folder, with the rulebook and the roster that it names beside itself.

    A file that the program names elsewhere is not copied: its path in the program's text would lead astray.
    """
    if not program.text:
        return
    folder = bundle / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_bytes(program.text)
    for name, path in program.beside.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def program_file(bundle: Path) -> Path | None:
    """Return where a bundle keeps its program's file; `None` where it keeps none."""
    path = bundle / FOLDER / FILE
    return path if path.is_file() else None


def program_of(bundle: Path, otherwise: ProgramSource, *, version: str) -> Program:
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
