"""Keep API keys: random words of 256 bits, of which only the SHA-256 is stored; each has a name and roles."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from models.errors import InvalidConfig

ROLES = ("call_taker", "clinician", "evaluator", "administrator")
PREFIX = "hl_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Hold what is known of a key; the key itself is shown once and never kept."""

    key_id: str
    name: str
    roles: tuple[str, ...]
    sha256: str
    made_at: str
    revoked_at: str | None = None


def read(path: Path) -> list[Key]:
    """Return the keys of a file; raise `InvalidConfig` where it cannot be read."""
    if not path.is_file():
        return []
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return [Key(**(each | {"roles": tuple(each["roles"])})) for each in told]
    except (OSError, ValueError, TypeError, KeyError):
        raise InvalidConfig("the file of keys cannot be read", value=str(path), remedy="restore it from a copy") from None


def create(path: Path, *, name: str, roles: Sequence[str]) -> tuple[Key, str]:
    """Add a key and return it with its secret, which is shown this once; raise `InvalidConfig` for an unknown role."""
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        raise InvalidConfig("no such role", value=", ".join(unknown), remedy=f"one of: {', '.join(ROLES)}")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = Key(
        key_id=secrets.token_hex(4),
        name=name,
        roles=tuple(roles),
        sha256=hashlib.sha256(secret.encode()).hexdigest(),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    _write(path, [*read(path), key])
    return key, secret


def revoke(path: Path, key_id: str) -> Key:
    """Mark a key as revoked; raise `InvalidConfig` where there is none of that name."""
    keys = read(path)
    found = next((key for key in keys if key.key_id == key_id), None)
    if found is None:
        raise InvalidConfig("no such key", value=key_id, remedy="heartline keys list shows them")
    ended = Key(**(asdict(found) | {"revoked_at": datetime.now(UTC).isoformat(timespec="seconds")}))
    _write(path, [ended if key.key_id == key_id else key for key in keys])
    return ended


def match(keys: Sequence[Key], secret: str) -> Key | None:
    """Return the key whose secret this is; every key is compared, in constant time each, whatever matches."""
    given = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    found = None
    for key in keys:
        if hmac.compare_digest(key.sha256, given) and key.revoked_at is None:
            found = key
    return found


def _write(path: Path, keys: Sequence[Key]) -> None:
    """Replace the file in one step; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump([asdict(key) for key in keys], file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
