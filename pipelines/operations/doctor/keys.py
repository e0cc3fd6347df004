"""Checks of keys: that they exist, are long enough, and cannot be read by others."""

from collections.abc import Iterator
from pathlib import Path

from models.common import api_keys
from models.errors import HeartlineError
from models.ledger.encryption import HASH_KEY, NOTE_KEY, NoteEncryption, read_hash_key
from pipelines.operations.doctor.finding import NO_LEDGER, Deployment, Finding, Level, failed

_OTHERS = 0o037
"""The permissions that a key's file must not grant; its group may read it, because secrets mounted into pods need that."""

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})


def findings(deployment: Deployment) -> Iterator[Finding]:
    """Yield the findings of the hash key, the note key and the API keys."""
    if deployment.ledger != NO_LEDGER:
        yield _hash_key(deployment)
        yield _note_key(deployment)
    yield _api_keys(deployment)


def _hash_key(deployment: Deployment) -> Finding:
    """Return the finding on whether the key of the ledger's hashes can be read, is long enough, and is private."""
    try:
        key = read_hash_key(deployment.key_file, deployment.environment)
    except HeartlineError as error:
        return failed("hash key", error)
    if HASH_KEY in deployment.environment:
        return Finding(Level.OK, "hash key", f"{len(key)} bytes, from {HASH_KEY}")
    return _private("hash key", deployment.key_file) or Finding(Level.OK, "hash key", f"{len(key)} bytes, a private file")


def _note_key(deployment: Deployment) -> Finding:
    """Return the finding on whether there is a key for the notes where they are kept."""
    keep_notes = deployment.environment.get("HEARTLINE_KEEP_NOTES", "").lower() in _TRUE
    note_key = deployment.environment.get(NOTE_KEY, "")
    if not keep_notes:
        return Finding(Level.OK, "note key", "notes are not kept")
    if not note_key:
        return Finding(Level.FAIL, "note key", "HEARTLINE_KEEP_NOTES is set without a key", f"set {NOTE_KEY}")
    try:
        NoteEncryption(b"-" * 32, note_key.encode())  # only the note key is checked
    except HeartlineError as error:
        return failed("note key", error)
    return Finding(Level.OK, "note key", "notes are kept, encrypted")


def _api_keys(deployment: Deployment) -> Finding:
    """Return the finding on whether clients need a key or a token, and whether the file of keys is valid and private."""
    path = deployment.api_keys
    if path is None:
        if deployment.environment.get("HEARTLINE_JWKS"):
            return Finding(Level.OK, "API keys", "clients need signed tokens")
        remedy = "set HEARTLINE_KEYS or HEARTLINE_JWKS before other machines may connect"
        return Finding(Level.WARN, "API keys", "no key is needed: the service answers this machine only", remedy)
    if not path.is_file():
        return Finding(Level.FAIL, "API keys", f"there is no file of keys: {path}", "run heartline keys create")
    try:
        valid = [key for key in api_keys.read(path) if key.revoked_at is None]
    except HeartlineError as error:
        return failed("API keys", error)
    if not valid and not deployment.environment.get("HEARTLINE_JWKS"):
        return Finding(Level.FAIL, "API keys", "every key is revoked: nobody has access", "run heartline keys create")
    return _private("API keys", path) or Finding(Level.OK, "API keys", f"{len(valid)} valid, a private file")


def _private(check: str, path: Path) -> Finding | None:
    """Return a finding where users other than the owner may read or change a file; `None` where they may not."""
    mode = path.stat().st_mode & 0o777
    if not mode & _OTHERS:
        return None
    return Finding(Level.FAIL, check, f"other users may read or change {path} (mode {mode:o})", f"run chmod 600 {path}")
