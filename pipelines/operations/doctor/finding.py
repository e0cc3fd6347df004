"""The finding of a check, and the places of a deployment's parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from models.errors import HeartlineError
from models.programs.files import ProgramSource

NO_LEDGER = "none"
"""The value of HEARTLINE_LEDGER with which a service keeps no ledger."""


class Level(StrEnum):
    """The severity of a finding: FAIL stops the service or breaks its promise, WARN may do so later."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check, with a remedy where it is not OK."""

    level: Level
    check: str
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the finding as a line."""
        return f"{self.level.value:5}{self.check}: {self.detail}{'. ' + self.remedy if self.remedy else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The places of a deployment's parts.

    `ledger` is a database URL or `none`. `anchor` is `None` where it is printed. `key_file` is used where `environment` has
    no hash key. `digest` names the only model that may answer, if it is not empty. `folders` are those that the service
    writes to.
    """

    ledger: str
    anchor: Path | None
    key_file: Path
    api_keys: Path | None
    bundle: Path
    program: ProgramSource
    digest: str
    folders: tuple[Path, ...]
    environment: Mapping[str, str]


def failed(check: str, error: HeartlineError) -> Finding:
    """Return an error as a finding that failed; the error's text holds its remedy."""
    return Finding(Level.FAIL, check, str(error))
