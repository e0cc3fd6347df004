"""The open calls of each position, stored encrypted on the server so that a reload of the page loses nothing.

A call is encrypted with a key that is derived from the service's key and from a secret in the browser's session cookie: the
file, even with the service's key, is not enough to read a note. What the call list and the supervisor's board show (incident
number, answer, times, person) is stored unencrypted beside it; the ledger holds the same.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

KEEP_SECONDS = 12 * 3600
"""How long a call is kept after its last change: a shift."""

MOST_CALLS = 40
"""The most calls that one position keeps; the oldest closed ones are deleted first."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS open_calls (
  call_key TEXT NOT NULL, owner TEXT NOT NULL, person TEXT NOT NULL, incident TEXT NOT NULL, shown TEXT NOT NULL,
  closed INTEGER NOT NULL, practice INTEGER NOT NULL, opened_at REAL NOT NULL, saved_at REAL NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (owner, call_key)
)
"""
_SAVE = """
INSERT INTO open_calls VALUES
  (:call_key, :owner, :person, :incident, :shown, :closed, :practice, :opened_at, :saved_at, :sealed)
ON CONFLICT (owner, call_key) DO UPDATE SET incident = excluded.incident, shown = excluded.shown, closed = excluded.closed,
  saved_at = excluded.saved_at, sealed = excluded.sealed
"""
_CROWD = """
DELETE FROM open_calls WHERE owner = :owner AND call_key IN (
  SELECT call_key FROM open_calls WHERE owner = :owner ORDER BY closed, saved_at DESC LIMIT -1 OFFSET :most)
"""


@dataclass(frozen=True, slots=True)
class Position:
    """A person at one browser: the name that the board shows, and the secret of the browser's session."""

    person: str
    secret: str


@dataclass(frozen=True, slots=True)
class OpenCall:
    """What the supervisor's board shows of a call, without its note."""

    person: str
    incident: str
    shown: str
    practice: bool
    opened_at: float
    saved_at: float


class OpenCalls:
    """A small SQLite file of encrypted calls; safe to share between threads."""

    def __init__(self, path: Path | None, *, key: bytes) -> None:
        """Open or create the file, which only its owner can read; without a path the calls are kept in memory."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._key, self._lock = key, threading.Lock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=5)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")  # readers do not wait for writers
        self._connection.execute("PRAGMA secure_delete=ON")
        self._connection.execute(_SCHEMA)

    def save(self, position: Position, call_key: str, state: dict[str, Any]) -> None:
        """Store the present state of a call, and delete expired calls and those beyond `MOST_CALLS`."""
        now = time.time()
        row = {
            "call_key": call_key, "owner": self._owner(position), "person": position.person,
            "incident": str(state.get("incident") or "")[:200], "shown": str(state.get("shown") or "")[:40],
            "closed": bool(state.get("closed")), "practice": bool(state.get("practice")),
            "opened_at": float(state.get("opened_at") or now), "saved_at": now,
            "sealed": self._cipher(position).encrypt(json.dumps(state).encode()),
        }  # fmt: skip
        with self._writing() as connection:
            connection.execute(_SAVE, row)
            connection.execute("DELETE FROM open_calls WHERE saved_at < ?", (now - KEEP_SECONDS,))
            connection.execute(_CROWD, {"owner": row["owner"], "most": MOST_CALLS})

    def of(self, position: Position) -> list[dict[str, Any]]:
        """Return the calls of a position, oldest first; a call that its secret cannot decrypt is left out."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT sealed FROM open_calls WHERE owner = ? AND saved_at >= ? ORDER BY opened_at",
                (self._owner(position), time.time() - KEEP_SECONDS),
            ).fetchall()
        return [state for row in rows if (state := self._open(position, row["sealed"])) is not None]

    def forget(self, position: Position, call_key: str | None = None) -> None:
        """Delete one call of a position, or all of them."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM open_calls WHERE owner = ? AND (? IS NULL OR call_key = ?)",
                (self._owner(position), call_key, call_key),
            )

    def everywhere(self) -> list[OpenCall]:
        """Return the open calls of all positions, oldest first, without their notes."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT person, incident, shown, practice, opened_at, saved_at FROM open_calls"
                " WHERE closed = 0 AND saved_at >= ? ORDER BY opened_at",
                (time.time() - KEEP_SECONDS,),
            ).fetchall()
        return [OpenCall(**{**dict(row), "practice": bool(row["practice"])}) for row in rows]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside one transaction."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _owner(self, position: Position) -> str:
        """Return the name under which a position's calls are stored: a keyed hash that does not reveal the secret."""
        return self._derive(position, "owner").hex()

    def _cipher(self, position: Position) -> Fernet:
        """Return the cipher of a position."""
        return Fernet(base64.urlsafe_b64encode(self._derive(position, "note")))

    def _derive(self, position: Position, purpose: str) -> bytes:
        """Return 32 bytes derived from the service's key and the browser's secret."""
        text = f"{purpose}\n{position.person}\n{position.secret}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()

    def _open(self, position: Position, sealed: bytes) -> dict[str, Any] | None:
        """Return a decrypted call, or `None` where it was encrypted with another key."""
        try:
            text = self._cipher(position).decrypt(sealed)
        except InvalidToken:
            return None
        state: dict[str, Any] = json.loads(text)
        return state
