"""What a check says of a deployment, and where the deployment keeps its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from models.errors import HeartlineError
from models.programs.files import ProgramSource

NO_LEDGER = "none"
"""The URL by which a service keeps no ledger."""


class Level(StrEnum):
    """How serious a finding is: FAIL keeps the service from its work or its promise, WARN will in time."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says, and what is to be done where it is not OK."""

    level: Level
    check: str
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the finding as a line."""
        return f"{self.level.value:5}{self.check}: {self.detail}{'. ' + self.remedy if self.remedy else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where a deployment keeps its parts.

    `ledger` is a database URL or `none`, `anchor` is missing where it is printed, `key_file` counts where `environment`
    gives no hash key, `digest` is the only model that may answer, where one is named. `folders` are where the
    service writes.
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
    """Return an error as a finding, with its own remedy."""
    return Finding(Level.FAIL, check, str(error))
