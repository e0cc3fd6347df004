"""API keys: random words of 256 bits, of which only the SHA-256 is stored; each has a name and roles."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from models.common.atomic import write_private
from models.errors import InvalidConfig

ROLES = ("call_taker", "clinician", "evaluator", "labeller", "administrator")
PREFIX = "hl_"


@dataclass(frozen=True, slots=True, kw_only=True, config={"extra": "forbid"})
class Key:
    """What is kept of an API key; the key itself is shown once and never stored. Times are UTC, ISO 8601."""

    key_id: str
    name: str
    roles: tuple[str, ...]
    sha256: str
    made_at: str
    revoked_at: str | None = None


_KEYS = TypeAdapter(list[Key])


def read(path: Path) -> list[Key]:
    """Return the keys of a file, none where it is missing; raise `InvalidConfig` where it cannot be read."""
    if not path.is_file():
        return []
    try:
        return _KEYS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise InvalidConfig("the file of keys cannot be read", value=str(path), remedy="restore it from a copy") from None


def create(path: Path, *, name: str, roles: Sequence[str]) -> tuple[Key, str]:
    """Add a key and return it with its secret, which is shown this once; raise `InvalidConfig` for an unknown role."""
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        raise InvalidConfig("no such role", value=", ".join(unknown), remedy=f"one of: {', '.join(ROLES)}")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = Key(key_id=secrets.token_hex(4), name=name, roles=tuple(roles), sha256=_digest(secret), made_at=_now())
    _write(path, [*read(path), key])
    return key, secret


def revoke(path: Path, key_id: str) -> Key:
    """Mark a key as revoked and return it; raise `InvalidConfig` where there is none of that id."""
    keys = read(path)
    key = next((key for key in keys if key.key_id == key_id), None)
    if key is None:
        raise InvalidConfig("no such key", value=key_id, remedy="heartline keys list shows them")
    revoked = replace(key, revoked_at=_now())
    _write(path, [revoked if key.key_id == key_id else key for key in keys])
    return revoked


def match(keys: Sequence[Key], secret: str) -> Key | None:
    """Return the key whose secret this is; every key is compared, in constant time each, whichever matches."""
    digest, matched = _digest(secret), None
    for key in keys:
        if hmac.compare_digest(key.sha256, digest) and key.revoked_at is None:
            matched = key
    return matched


def _digest(secret: str) -> str:
    """Return the SHA-256 of a secret in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    """Return the present second in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(path: Path, keys: Sequence[Key]) -> None:
    """Replace the file in one step; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    write_private(staged, _KEYS.dump_json(list(keys), indent=2))
    staged.replace(path)
