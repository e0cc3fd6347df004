"""Read the service's settings from the environment, when the service is made and not before."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.program import DEFAULT_PROGRAM

MAX_BODY = 64 * 1024
"""The largest request body that is read, in bytes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Hold where the champion's bundle lies and which program answers."""

    bundle: Path = Path("mlruns/champion")
    program: str = DEFAULT_PROGRAM
    max_body: int = MAX_BODY

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read HEARTLINE_BUNDLE and HEARTLINE_PROGRAM."""
        given = os.environ if environment is None else environment
        return cls(
            bundle=Path(given.get("HEARTLINE_BUNDLE", "mlruns/champion")),
            program=given.get("HEARTLINE_PROGRAM", DEFAULT_PROGRAM),
        )
