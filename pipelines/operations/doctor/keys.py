"""Checks of keys: that they are there, long enough, and readable by nobody else."""

from collections.abc import Iterator
from pathlib import Path

from models import api_keys
from models.errors import HeartlineError
from models.ledger.encryption import HASH_KEY, NOTE_KEY, NoteEncryption, read_hash_key
from pipelines.operations.doctor.finding import NO_LEDGER, Deployment, Finding, Level, failed

_OTHERS = 0o037
"""The rights that nobody but a key's owner may have; its group may read it, as secrets that are mounted into pods need."""

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})


def findings(deployment: Deployment) -> Iterator[Finding]:
    """Yield what the hash key, the note key and the API keys say."""
    if deployment.ledger != NO_LEDGER:
        yield _hash_key(deployment)
        yield _note_key(deployment)
    yield _api_keys(deployment)


def _hash_key(deployment: Deployment) -> Finding:
    """Return whether the key of the ledger's hashes can be read, is long enough, and is private."""
    try:
        key = read_hash_key(deployment.key_file, deployment.environment)
    except HeartlineError as error:
        return failed("hash key", error)
    if HASH_KEY in deployment.environment:
        return Finding(Level.OK, "hash key", f"{len(key)} bytes, from {HASH_KEY}")
    return _private("hash key", deployment.key_file) or Finding(Level.OK, "hash key", f"{len(key)} bytes, a private file")


def _note_key(deployment: Deployment) -> Finding:
    """Return whether the key of the notes fits what is to be kept."""
    kept = deployment.environment.get("HEARTLINE_KEEP_NOTES", "").lower() in _TRUE
    note_key = deployment.environment.get(NOTE_KEY, "")
    if not kept:
        return Finding(Level.OK, "note key", "notes are not kept")
    if not note_key:
        return Finding(Level.FAIL, "note key", "notes are to be kept without a key", f"set {NOTE_KEY}")
    try:
        NoteEncryption(b"-" * 32, note_key.encode())  # only the note key is looked at
    except HeartlineError as error:
        return failed("note key", error)
    return Finding(Level.OK, "note key", "notes are kept, encrypted")


def _api_keys(deployment: Deployment) -> Finding:
    """Return whether callers are asked for a key or a token, and whether the file of keys is whole and private."""
    path = deployment.api_keys
    if path is None:
        if deployment.environment.get("HEARTLINE_JWKS"):
            return Finding(Level.OK, "API keys", "callers show signed tokens")
        remedy = "set HEARTLINE_KEYS or HEARTLINE_JWKS before others are let in"
        return Finding(Level.WARN, "API keys", "nobody is asked for a key: the service answers this machine alone", remedy)
    if not path.is_file():
        return Finding(Level.FAIL, "API keys", f"there is no file of keys: {path}", "heartline keys create makes one")
    try:
        valid = [key for key in api_keys.read(path) if key.revoked_at is None]
    except HeartlineError as error:
        return failed("API keys", error)
    if not valid and not deployment.environment.get("HEARTLINE_JWKS"):
        return Finding(Level.FAIL, "API keys", "every key is revoked: nobody is let in", "heartline keys create")
    return _private("API keys", path) or Finding(Level.OK, "API keys", f"{len(valid)} valid, a private file")


def _private(check: str, path: Path) -> Finding | None:
    """Return a finding where others than its owner may use a file; `None` where they may not."""
    mode = path.stat().st_mode & 0o777
    if not mode & _OTHERS:
        return None
    return Finding(Level.FAIL, check, f"others may read or change {path} (mode {mode:o})", f"chmod 600 {path}")
