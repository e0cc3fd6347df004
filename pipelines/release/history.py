"""The release history, an append-only file: each champion with its dates, who released it, and the evidence.

MLflow's aliases name the present champion; this file names all of them. Each line holds the hash of the line before it,
computed as in the ledger, and the SHA-256 of its evidence, a JSON file, so that a later change of either is detected.
"""

import getpass
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.common.atomic import sync_entry
from models.errors import InvalidData
from models.ledger import hash_chain as chain

FILE, EVIDENCE = "releases.jsonl", "releases"
RELEASE, SHADOW, ROLLBACK = "release", "shadow", "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of models. `action` is release, shadow or rollback; `replaces` is the earlier champion's digest."""

    at: str
    by: str
    action: str
    version: str
    digest: str
    replaces: str | None
    evidence: str
    evidence_sha256: str
    previous_sha256: str

    def line(self) -> str:
        """Return the entry as canonical JSON."""
        return chain.canonical(asdict(self))


def current_user() -> str:
    """Return the login name of the current user, or "unknown"."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def read(root: Path) -> list[Entry]:
    """Return every entry in order; raise `InvalidData` where a line or its evidence was changed.

    A last line without a line end was not written completely, and is not an entry.
    """
    path = root / FILE
    entries: list[Entry] = []
    links = {chain.START}
    for number, line in enumerate(_lines(path), start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            raise InvalidData("a line of the release history cannot be read", value=number, remedy=str(path)) from None
        proof = root / EVIDENCE / entry.evidence
        if entry.previous_sha256 not in links or not proof.is_file() or _sha256(proof.read_bytes()) != entry.evidence_sha256:
            raise InvalidData("the release history was changed", value=f"line {number}", remedy="restore it from a copy")
        entries.append(entry)
        links = {_link(number, entry), _sha256(line.encode("utf-8"))}  # the first version hashed the line alone
    return entries


def add(root: Path, *, action: str, version: str, digest: str, by: str, evidence: dict[str, Any]) -> Entry:
    """Write the evidence, then append and return the entry, durably; raise `InvalidData` where the history was changed."""
    earlier = read(root)
    name = f"{len(earlier) + 1:06d}.json"
    proof = json.dumps(evidence, indent=2, sort_keys=True).encode("utf-8")
    (root / EVIDENCE).mkdir(parents=True, exist_ok=True)
    _write(root / EVIDENCE / name, proof)
    present = champion(earlier)
    entry = Entry(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by=by,
        action=action,
        version=version,
        digest=digest,
        replaces=present.digest if present else None,
        evidence=name,
        evidence_sha256=_sha256(proof),
        previous_sha256=_link(len(earlier), earlier[-1]) if earlier else chain.START,
    )
    lines = _lines(root / FILE)
    _write(root / FILE, f"{entry.line()}\n".encode(), after=sum(len(line.encode()) + 1 for line in lines))
    return entry


def champion(entries: list[Entry]) -> Entry | None:
    """Return the entry that promoted the present champion."""
    return next((entry for entry in reversed(entries) if entry.action != SHADOW), None)


def challenger(entries: list[Entry]) -> Entry | None:
    """Return the entry that named the present challenger."""
    return next((entry for entry in reversed(entries) if entry.action == SHADOW), None)


def previous_champion(entries: list[Entry]) -> Entry | None:
    """Return the entry of the champion before the present one, or `None`."""
    present = champion(entries)
    others = [entry for entry in entries if entry.action != SHADOW and present and entry.digest != present.digest]
    return others[-1] if others else None


def _lines(path: Path) -> list[str]:
    """Return the complete lines of a file; an empty list where there is no file."""
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []


def _write(path: Path, content: bytes, *, after: int = 0) -> None:
    """Replace a file's content from byte `after` on, durably."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644), "wb") as file:
        file.truncate(after)
        file.seek(after)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_entry(path.parent)


def _link(number: int, entry: Entry) -> str:
    """Return the hash of an entry with its number and the hash before it; the next entry holds it."""
    return chain.row_hash(number, entry.previous_sha256, entry.line(), key=b"", version=chain.PLAIN)


def _sha256(raw: bytes) -> str:
    """Return a SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()
