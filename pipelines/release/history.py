"""The release history: who was champion from when to when, by whom and on which evidence, in lines that are only added.

MLflow's aliases name the champion of now; this file names all of them. Each line holds the SHA-256 of the line before it
and of its evidence, a JSON file beside it, so that a later change of either is found.
"""

import getpass
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.errors import InvalidData

FILE, EVIDENCE = "releases.jsonl", "releases"
START = "0" * 64


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
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


def current_user() -> str:
    """Return the login of the person at work."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def read(root: Path) -> list[Entry]:
    """Return every entry in order; raise `InvalidData` where a line or its evidence was changed."""
    path = root / FILE
    if not path.is_file():
        return []
    entries, previous = [], START
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            raise InvalidData("a line of the release history cannot be read", value=number, remedy=str(path)) from None
        proof = root / EVIDENCE / entry.evidence
        if entry.previous_sha256 != previous or not proof.is_file() or _sha256(proof.read_bytes()) != entry.evidence_sha256:
            raise InvalidData("the release history was changed", value=f"line {number}", remedy="restore it from a copy")
        entries.append(entry)
        previous = _sha256(line.encode("utf-8"))
    return entries


def add(root: Path, *, action: str, version: str, digest: str, by: str, evidence: dict[str, Any]) -> Entry:
    """Append an entry and its evidence, durably; raise `InvalidData` where the history was changed."""
    earlier = read(root)
    name = f"{len(earlier) + 1:06d}.json"
    proof = json.dumps(evidence, indent=2, sort_keys=True).encode("utf-8")
    (root / EVIDENCE).mkdir(parents=True, exist_ok=True)
    (root / EVIDENCE / name).write_bytes(proof)
    now = champion(earlier)
    entry = Entry(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        by=by,
        action=action,
        version=version,
        digest=digest,
        replaces=now.digest if now else None,
        evidence=name,
        evidence_sha256=_sha256(proof),
        previous_sha256=_sha256(earlier[-1].line().encode("utf-8")) if earlier else START,
    )
    with (root / FILE).open("a", encoding="utf-8") as file:
        file.write(entry.line() + "\n")
    return entry


def champion(entries: list[Entry]) -> Entry | None:
    """Return the entry that promoted the present champion."""
    return next((entry for entry in reversed(entries) if entry.action != "shadow"), None)


def previous_champion(entries: list[Entry]) -> Entry | None:
    """Return the entry of the champion before the present one, or nothing."""
    now = champion(entries)
    others = [entry for entry in entries if entry.action != "shadow" and now and entry.digest != now.digest]
    return others[-1] if others else None


def _sha256(raw: bytes) -> str:
    """Return a SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()
