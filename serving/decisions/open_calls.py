"""The calls that a position holds open, kept encrypted on the server so that a reload loses nothing.

A call is sealed with a key made from the service's key and from a secret that only the browser's session cookie holds: the
file alone, even with the service's key, opens no note. What the call list and the supervisor's board show (incident number,
answer, times, person) stands beside it in clear; the ledger holds the same.
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
"""The largest number of calls that one position keeps; the oldest closed ones are forgotten first."""

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
    """A person at one browser: the name for the board, and the secret of the browser's session."""

    person: str
    secret: str


@dataclass(frozen=True, slots=True)
class OpenCall:
    """What the supervisor's board shows of a call: no word of its note."""

    person: str
    incident: str
    shown: str
    practice: bool
    opened_at: float
    saved_at: float


class OpenCalls:
    """A small SQLite file of sealed calls; share one between threads."""

    def __init__(self, path: Path | None, *, key: bytes) -> None:
        """Open or create the file, which only its owner may read; without a path the calls are kept in memory."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._key, self._lock = key, threading.Lock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=5)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")  # who reads does not wait for who writes
        self._connection.execute("PRAGMA secure_delete=ON")
        self._connection.execute(_SCHEMA)

    def save(self, position: Position, call_key: str, state: dict[str, Any]) -> None:
        """Keep a call as it now stands, and forget what no shift needs any more."""
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
        """Return the calls of a position, oldest first; one that its secret does not open is left out."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT sealed FROM open_calls WHERE owner = ? AND saved_at >= ? ORDER BY opened_at",
                (self._owner(position), time.time() - KEEP_SECONDS),
            ).fetchall()
        return [state for row in rows if (state := self._open(position, row["sealed"])) is not None]

    def forget(self, position: Position, call_key: str | None = None) -> None:
        """Erase one call of a position, or all of them."""
        with self._writing() as connection:
            connection.execute(
                "DELETE FROM open_calls WHERE owner = ? AND (? IS NULL OR call_key = ?)",
                (self._owner(position), call_key, call_key),
            )

    def everywhere(self) -> list[OpenCall]:
        """Return what every position holds open, oldest first, without a word of the notes."""
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
        """Return the name under which a position's calls lie: a keyed hash that tells nothing of the secret."""
        return self._derive(position, "owner").hex()

    def _cipher(self, position: Position) -> Fernet:
        """Return the cipher of a position."""
        return Fernet(base64.urlsafe_b64encode(self._derive(position, "note")))

    def _derive(self, position: Position, purpose: str) -> bytes:
        """Return 32 bytes that need both the service's key and the browser's secret."""
        text = f"{purpose}\n{position.person}\n{position.secret}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()

    def _open(self, position: Position, sealed: bytes) -> dict[str, Any] | None:
        """Return a call, or nothing where another key sealed it."""
        try:
            text = self._cipher(position).decrypt(sealed)
        except InvalidToken:
            return None
        state: dict[str, Any] = json.loads(text)
        return state
