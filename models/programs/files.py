"""The files that a city's program is read from, and the one text that they make together."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from models.common.config import read_toml, validate

DEFAULT_PROGRAM = "durham-heart"
RULEBOOK = "rulebook.toml"
"""What a joined program's text calls its rulebook: the name under which it is kept beside the text."""


@dataclass(frozen=True, slots=True)
class ProgramFiles:
    """A program by its id or the path of its TOML file, and files that add to it.

    `rulebook` takes the place of the rulebook that the program names, if any. The types of `call_types` are laid over the
    program's own, and `signals` are added to its own.
    """

    program: str | Path = DEFAULT_PROGRAM
    rulebook: Path | None = None
    call_types: Path | None = None
    signals: Path | None = None

    def __str__(self) -> str:
        """Return the program's name or path, for messages."""
        return str(self.program)

    @property
    def only_program(self) -> bool:
        """Return whether nothing is added to the program."""
        return self.rulebook is None and self.call_types is None and self.signals is None


ProgramSource = str | Path | ProgramFiles
"""What names a program: its id, its path, or its files."""


class _CallTypesFile(BaseModel):
    """A file of a city's call types, as `heartline call-types report --write` writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    call_types: dict[str, str]
    code_regions: tuple[str, ...] = ()


def joined(program: Mapping[str, Any], files: ProgramFiles) -> bytes:
    """Return the text of one program file that says what a program and the files beside it say together.

    Raises `InvalidConfig` for a file that cannot be read or has an unknown key. The signals are checked where they are used.
    """
    import tomli_w  # noqa: PLC0415  few cities need it: a program that is one file is kept as it is

    table = dict(program)
    if files.rulebook is not None:
        table["rulebook"] = RULEBOOK
    if files.call_types is not None:
        own = validate(
            _CallTypesFile, read_toml(files.call_types), what="file of call types",
            remedy="write a table [call_types], as heartline call-types report --write does",
        )  # fmt: skip
        table["call_types"] = {**program.get("call_types", {}), **own.call_types}
        table["code_regions"] = list(dict.fromkeys([*program.get("code_regions", ()), *own.code_regions]))
    if files.signals is not None:
        table["signals"] = _added(program.get("signals", {}), read_toml(files.signals))
    return tomli_w.dumps(table).encode()


def _added(own: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return two tables of signals as one: lists end to end, tables key by key, any other value from `more`."""
    table = dict(own)
    for key, value in more.items():
        if isinstance(value, list) and isinstance(own.get(key), list):
            table[key] = [*own[key], *value]
        elif isinstance(value, dict) and isinstance(own.get(key), dict):
            table[key] = _added(own[key], value)
        else:
            table[key] = value
    return table
