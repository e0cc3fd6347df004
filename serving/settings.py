"""The settings of the service, read from the environment when the application is created."""

import os
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.errors import InvalidConfig
from models.ledger.encryption import HASH_KEY, KEY_BYTES, NOTE_KEY
from models.programs.files import DEFAULT_PROGRAM, ProgramFiles

PREFIX = "HEARTLINE_"
MAX_BODY = 256 * 1024
"""The largest request body, in bytes: a note of 64 Ki characters, escaped as JSON."""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_READ_ELSEWHERE = frozenset({HASH_KEY, NOTE_KEY})
"""Variables with our prefix that hold keys, which only the ledger reads."""


class Settings(BaseSettings):
    """Every setting of the service; each is read from the variable HEARTLINE_ with its name in capitals.

    `program` is an id or a file; `rulebook`, `call_types` and `signals` are files that add to it, as `ProgramFiles` says.
    `ledger` is a database URL, or `none`; `anchor` a file, or `-` for standard output. `keys` is the file of API keys,
    `jwks` a file or URL of the identity provider's keys; with either, a request without a key or token is refused. `rate` is
    requests per second for each principal, 0 for no limit. `registry` is an MLflow URI whose champion is polled every `poll`
    seconds; without it the folder `bundle` is watched. `digest`, if it is not empty, is the only bundle that may answer.
    `hide_share` of the calls, drawn by incident number and `hide_seed`, are answered without a suggestion, for a trial.
    `allowed_hosts` are the names that a request's Host header may have. `labels` is the database URL of the labelling
    project. `shifts` are the local hours at which shifts begin. Changes of the suggestion on a linked incident are sent to
    `push_url`, signed with `push_key`, at most `push_attempts` times; `push_wait` is the seconds before the second attempt
    and doubles with each further one.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    bundle: Path = Path("mlruns/champion")
    challenger: Path = Path("mlruns/challenger")
    cache: Path = Path("mlruns/last-good")
    digest: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    program: str = DEFAULT_PROGRAM
    rulebook: Path | None = None
    call_types: Path | None = None
    signals: Path | None = None
    max_body: int = Field(default=MAX_BODY, ge=1024)
    ledger: str = "sqlite:///mlruns/ledger.db"
    anchor: str = "mlruns/ledger.anchor"
    keep_notes: bool = False
    note_days: int = Field(default=90, ge=1)
    keys: str = ""
    jwks: str = ""
    issuer: str = ""
    audience: str = ""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = LOOPBACK_HOSTS
    labels: str = ""
    rate: int = Field(default=0, ge=0)
    poll: float = Field(default=5.0, gt=0)
    registry: str = ""
    otel: bool = False
    hide_share: float = Field(default=0.0, ge=0, le=1)
    hide_seed: str = "heartline"
    shifts: Annotated[tuple[Annotated[int, Field(ge=0, le=23)], ...], NoDecode] = Field(default=(6, 18), min_length=1)
    push_url: str = ""
    push_key: SecretStr = SecretStr("")
    push_attempts: int = Field(default=8, ge=1, le=50)
    push_wait: float = Field(default=1.0, gt=0)

    @field_validator("allowed_hosts", "shifts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Return the items of a text that is separated by commas."""
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_push(self) -> Self:
        """Refuse an address without encryption, because pushes hold words of notes, and a key that is too short."""
        if not self.push_url:
            return self
        address = urlsplit(self.push_url)
        is_local = address.scheme == "http" and (address.hostname or "") in {name.strip("[]") for name in LOOPBACK_HOSTS}
        if not address.hostname or not (address.scheme == "https" or is_local):
            raise ValueError("HEARTLINE_PUSH_URL needs https, or http on this machine")
        if len(self.push_key.get_secret_value().encode()) < KEY_BYTES:
            raise ValueError(f"HEARTLINE_PUSH_KEY needs {KEY_BYTES} bytes or more")
        return self

    @property
    def program_files(self) -> ProgramFiles:
        """Return the files that the program is read from."""
        return ProgramFiles(self.program, self.rulebook, self.call_types, self.signals)

    @property
    def authenticated(self) -> bool:
        """Return whether every request needs a key or a token."""
        return bool(self.keys or self.jwks)

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings of the environment.

        Raises
        ------
        InvalidConfig
            A variable cannot be read, or one with our prefix is unknown; the message names it and never its value.

        """
        known = {f"{PREFIX}{name.upper()}" for name in cls.model_fields} | _READ_ELSEWHERE
        unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
        if unknown:
            raise InvalidConfig("there is no such setting", value=unknown[0], remedy="serving/README.md lists them")
        try:
            return cls()
        except ValidationError as error:
            fault = error.errors()[0]
            name = f"{PREFIX}{str(fault['loc'][0]).upper()}" if fault["loc"] else "the settings"
            raise InvalidConfig(f"{name} cannot be read", remedy=str(fault["msg"]).removeprefix("Value error, ")) from None
