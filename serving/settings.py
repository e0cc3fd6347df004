"""Read the service's settings from the environment, when the service is made and not before."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from models.errors import InvalidConfig
from models.programs.program import DEFAULT_PROGRAM

MAX_BODY = 256 * 1024
"""The largest request body that is read, in bytes: a note of 64 Ki characters and what JSON makes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Hold every setting of the service; each is read from HEARTLINE_ and its name in capitals.

    `ledger` is a database URL, or `none`; `anchor` a file, or `-` for standard output. `keys` is the file of API keys,
    `jwks` a file or URL of the identity provider's keys; with either, nobody is let in without. `rate` is requests a
    second for each who asks, 0 for no limit. `registry` is an MLflow URI whose champion is polled every `poll` seconds;
    without it the folder `bundle` is watched. `hide_share` of the calls, drawn by incident number and `hide_seed`, are
    answered without a suggestion, for a trial.
    """

    bundle: Path = Path("mlruns/champion")
    challenger: Path = Path("mlruns/challenger")
    cache: Path = Path("mlruns/last-good")
    program: str = DEFAULT_PROGRAM
    max_body: int = MAX_BODY
    ledger: str = "sqlite:///mlruns/ledger.db"
    anchor: str = "mlruns/ledger.anchor"
    keep_notes: bool = False
    note_days: int = 90
    keys: str = ""
    jwks: str = ""
    issuer: str = ""
    audience: str = ""
    rate: int = 0
    poll: float = 5.0
    registry: str = ""
    otel: bool = False
    hide_share: float = 0.0
    hide_seed: str = "heartline"

    @property
    def authenticated(self) -> bool:
        """Tell whether those who ask must say who they are."""
        return bool(self.keys or self.jwks)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings; raise `InvalidConfig` naming a variable that cannot be read."""
        given = os.environ if environment is None else environment
        kinds = get_type_hints(cls)
        found: dict[str, Any] = {}
        for field in fields(cls):
            name = f"HEARTLINE_{field.name.upper()}"
            if name in given:
                found[field.name] = _read(name, given[name], kinds[field.name])
        return cls(**found)


def _read(name: str, text: str, kind: type) -> object:
    """Read one variable."""
    if kind is bool:
        if text.lower() not in {"0", "1", "true", "false", "yes", "no"}:
            raise InvalidConfig(f"{name} is neither yes nor no", value=text, remedy="give 1 or 0")
        return text.lower() in {"1", "true", "yes"}
    try:
        return kind(text)
    except ValueError:
        raise InvalidConfig(f"{name} cannot be read", value=text, remedy=f"give {kind.__name__}") from None
