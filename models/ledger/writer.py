"""Write batches of entries to the ledger's database: number, seal, insert, commit; one transaction a batch.

This is the hot path of the service, so it speaks to the database's own driver over one connection that stays open.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from models.ledger import hash_chain as chain
from models.ledger.anchor import AnchorFile
from models.ledger.hash_chain import Anchor

LOCK = 4_711_911
"""The number of PostgreSQL's advisory lock that writers of one ledger share."""

_COLUMNS = (*chain.COLUMNS, "seq", "payload", "previous_hash", "hash")


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one row: its number and its content; `repeated` where the same idempotency key had written it before."""

    seq: int
    content: dict[str, Any]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold what is to be written: content, and perhaps a sealed note with the day after which it goes."""

    content: dict[str, Any]
    note: bytes | None = None
    delete_after: str = ""


class Writer:
    """Hold the one writing connection of a process; not to be shared between threads."""

    def __init__(self, engine: sa.Engine, anchor: AnchorFile) -> None:
        """Keep the parts; the connection is opened with the first batch."""
        self._engine, self._anchor = engine, anchor
        self._raw: Any = None
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        self._begin = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else f"SELECT pg_advisory_xact_lock({LOCK})"
        self._insert = f"INSERT INTO entries ({', '.join(_COLUMNS)}) VALUES ({', '.join([mark] * len(_COLUMNS))})"  # noqa: S608
        self._keep = f"INSERT INTO notes (decision_id, delete_after, sealed) VALUES ({mark}, {mark}, {mark})"  # noqa: S608
        self._caller = f"INSERT INTO callers (seq, caller, decision_id) VALUES ({mark}, {mark}, {mark})"  # noqa: S608
        self._known = f"SELECT seq, payload FROM entries WHERE idempotency_key = {mark}"  # noqa: S608

    def write(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Write a batch and return its entries once they are durable; what the database raises is raised again."""
        cursor = self._open().cursor()
        try:
            cursor.execute(self._begin)
            written, last = self._insert_all(cursor, drafts)
            if self._engine.dialect.name == "sqlite":
                cursor.execute("COMMIT")
            else:
                self._raw.commit()
        except BaseException:
            with suppress(Exception):
                self._raw.rollback()
            self.close()  # whatever state it is in; the next batch opens another
            raise
        if last is not None:
            self._anchor.set(last)
        return written

    def close(self) -> None:
        """Let the connection go; what was not committed is undone."""
        if self._raw is not None:
            self._raw.invalidate()
            self._raw = None

    def _open(self) -> Any:
        """Return the connection, opened if need be."""
        if self._raw is None:
            self._raw = self._engine.raw_connection()
        return self._raw

    def _insert_all(self, cursor: Any, drafts: Sequence[Draft]) -> tuple[list[Entry], Anchor | None]:
        """Insert every draft whose idempotency key is new, numbered and sealed."""
        cursor.execute("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1")
        number, head = cursor.fetchone() or (0, chain.START)
        written: list[Entry] = []
        earlier: dict[str, Entry] = {}
        rows, sealed, called = [], [], []
        for draft in drafts:
            content = draft.content
            key = content["idempotency_key"]
            known = None if key is None else earlier.get(key) or self._find(cursor, key)
            if known is not None:
                written.append(Entry(known.seq, known.content, repeated=True))
                continue
            payload = chain.canonical(content)
            number += 1
            previous, head = head, chain.seal(number, head, payload)
            rows.append((*(content[name] for name in chain.COLUMNS), number, payload, previous, head))
            entry = Entry(number, content)
            written.append(entry)
            if key is not None:
                earlier[key] = entry
            if content["kind"] == "decision" and content.get("caller") and content.get("final"):
                called.append((number, content["caller"], content["decision_id"]))
            if draft.note is not None:
                about = content["decision_id" if content["kind"] == "decision" else "entry_id"]
                sealed.append((about, draft.delete_after, draft.note))
        if rows:
            cursor.executemany(self._insert, rows)
        if sealed:
            cursor.executemany(self._keep, sealed)
        if called:
            cursor.executemany(self._caller, called)
        return written, Anchor(number, head) if rows else None

    def _find(self, cursor: Any, key: str) -> Entry | None:
        """Return the entry that was written before under an idempotency key."""
        cursor.execute(self._known, (key,))
        found = cursor.fetchone()
        return None if found is None else Entry(int(found[0]), json.loads(found[1]))
