"""Batches of entries written to the database: numbered, hashed, inserted and committed in one transaction.

This is the hot path of the service, so it speaks to the database's own driver over one connection that stays open.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from models.common.instants import instant_text, parse_instant
from models.errors import InvalidEntry, InvalidInstant, LedgerConflict, LedgerError, LedgerUnavailable
from models.ledger import hash_chain as chain
from models.ledger.anchor import AnchorFile
from models.ledger.database import LOCK, database_errors, sqlite_file
from models.ledger.encryption import NoteEncryption
from models.ledger.hash_chain import Anchor
from models.ledger.queries import Entry
from models.ledger.schema import entries

_COLUMNS = (*chain.COLUMNS, "seq", "payload", "previous_hash", "hash", "hash_version")
_LENGTHS = {name: entries.c[name].type.length for name in chain.COLUMNS if name != "at"}  # type: ignore[attr-defined]  # all are strings
_FAULT = "the ledger cannot be written"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be written: content, and perhaps a note to encrypt and the instant after which it is deleted."""

    content: dict[str, Any]
    note: str | None = None
    delete_after: str = ""


class Writer:
    """The one writing connection of a process; use it from one thread.

    `alert` is called with a sentence when an entry is durable but the anchor could not follow, and with `None` once it can.
    """

    def __init__(
        self, engine: sa.Engine, anchor: AnchorFile, encryption: NoteEncryption, *, alert: Callable[[str | None], None]
    ) -> None:
        """Keep the parts; the connection is opened with the first batch."""
        self._engine, self._anchor, self._encryption, self._alert = engine, anchor, encryption, alert
        self._key = encryption.derive("chain")
        self._last: Anchor | None = None
        self._raw: Any = None
        self._file, self._inode = sqlite_file(engine), (0, 0)
        self._driver: Any = engine.dialect.loaded_dbapi
        mark = "?" if self._file else "%s"
        self._begin_words = "BEGIN IMMEDIATE" if self._file else f"SELECT pg_advisory_xact_lock({LOCK})"
        self._insert = f"INSERT INTO entries ({', '.join(_COLUMNS)}) VALUES ({', '.join([mark] * len(_COLUMNS))})"  # noqa: S608
        self._keep = f"INSERT INTO notes (decision_id, delete_after, ciphertext) VALUES ({mark}, {mark}, {mark})"  # noqa: S608
        self._caller = f"INSERT INTO callers (seq, caller, decision_id) VALUES ({mark}, {mark}, {mark})"  # noqa: S608
        self._known = f"SELECT seq, payload FROM entries WHERE idempotency_key = {mark}"  # noqa: S608
        self._hash_of = f"SELECT hash FROM entries WHERE seq = {mark}"  # noqa: S608
        self._there = f"SELECT 1 FROM entries WHERE entry_id = {mark}"  # noqa: S608

    def write(self, drafts: Sequence[Draft]) -> list[Entry | Exception]:
        """Write a batch; return for each draft its entry, once it is durable, or why it was not written.

        A draft that the database refuses spoils no other: the batch is then written one by one.
        """
        try:
            return self._transaction([_Row.of(draft, self._encryption) for draft in drafts])
        except InvalidEntry as error:
            return [error] if len(drafts) == 1 else [result for draft in drafts for result in self.write([draft])]
        except LedgerUnavailable as error:
            return [error] * len(drafts)

    def probe(self) -> None:
        """Take the write lock, check the last entries against the anchor, and let go; raise `LedgerUnavailable`."""
        with database_errors(self._engine, _FAULT):
            cursor = self._begin()
            try:
                self._last_entry(cursor)
            finally:
                self._raw.rollback()

    def close(self) -> None:
        """Close the connection; what was not committed is undone."""
        raw, self._raw = self._raw, None
        if raw is not None:
            with suppress(Exception):
                raw.rollback()
            with suppress(Exception):
                raw.invalidate()

    def _transaction(self, rows: "Sequence[_Row]") -> list[Entry | Exception]:
        """Write rows in one transaction; raise `LedgerUnavailable`, or `InvalidEntry` where a row is at fault."""
        with database_errors(self._engine, _FAULT):
            try:
                cursor = self._begin()
                results, last = self._insert_all(cursor, rows)
            except BaseException:
                self.close()  # whatever state it is in; the next batch opens another
                raise
            self._commit(cursor, results)
        self._last = last
        self._advance(last)
        return results

    def _begin(self) -> Any:
        """Return a cursor in a transaction that holds the write lock; a stale connection is replaced once."""
        if self._file is not None and self._raw is not None and self._identity() != self._inode:
            self.close()
            raise LedgerUnavailable(
                "the ledger's file was deleted or replaced while in use",
                value=str(self._file),
                remedy="heartline ledger verify",
            )
        reused = self._raw is not None
        try:
            return self._started()
        except self._driver.Error:
            self.close()
            if not reused or self._file is not None:
                raise
        return self._started()

    def _started(self) -> Any:
        """Open the connection if need be, and begin."""
        if self._raw is None:
            self._inode = self._identity()
            self._raw = self._engine.raw_connection()
        cursor = self._raw.cursor()
        cursor.execute(self._begin_words)
        return cursor

    def _identity(self) -> tuple[int, int]:
        """Return what tells the database's file from another of its name; raise `OSError` where there is none."""
        if self._file is None:
            return (0, 0)
        status = self._file.stat()
        return (status.st_dev, status.st_ino)

    def _commit(self, cursor: Any, results: Sequence[Entry | Exception]) -> None:
        """Commit; where the connection fails meanwhile, look whether the rows are there after all."""
        try:
            if self._file is not None:
                cursor.execute("COMMIT")
            else:
                self._raw.commit()
        except (self._driver.Error, OSError):
            self.close()
            if not self._is_there(results):
                raise

    def _is_there(self, results: Sequence[Entry | Exception]) -> bool:
        """Return whether the first new entry of a batch is in the database."""
        entry = next((each for each in results if isinstance(each, Entry) and not each.repeated), None)
        if entry is None:
            return False
        with suppress(self._driver.Error, sa.exc.SQLAlchemyError, OSError):
            cursor = self._started()
            cursor.execute(self._there, (entry.content["entry_id"],))
            there = cursor.fetchone() is not None
            self._raw.rollback()
            return there
        return False

    def _last_entry(self, cursor: Any) -> Anchor:
        """Return the number and hash of the last entry; raise `LedgerUnavailable` where the ledger is not what it was.

        It must hold the entry that this process wrote last and the one that the anchor names, each with its hash. Both are
        read under the write lock, and an anchor only ever names committed entries, so that this is no false alarm.
        """
        cursor.execute("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1")
        last = Anchor(*(cursor.fetchone() or (0, chain.START)))
        for known in (self._last, self._anchored()):
            if known is None or known.count == 0 or known == last:
                continue
            cursor.execute(self._hash_of, (known.count,))
            row = cursor.fetchone()
            if row is None or row[0] != known.head:
                fault = "the ledger lost entries, or holds others than the anchor names"
                raise LedgerUnavailable(fault, value=f"entry {known.count}", remedy="heartline ledger verify")
        return last

    def _anchored(self) -> Anchor | None:
        """Return the anchor; where it cannot be read that is an alert, and what this process wrote last is checked alone."""
        try:
            return self._anchor.read()
        except (LedgerError, OSError, ValueError) as error:
            self._alert(f"the anchor cannot be read: {error}")
            return None

    def _advance(self, last: Anchor) -> None:
        """Move the anchor; a failure is an alert and no more, because the entries are durable."""
        try:
            self._anchor.advance(last)
        except (LedgerError, OSError, ValueError) as error:
            self._alert(f"entries are written, but the anchor cannot follow: {error}")
        else:
            self._alert(None)

    def _insert_all(self, cursor: Any, rows: "Sequence[_Row]") -> tuple[list[Entry | Exception], Anchor]:
        """Insert every row whose request is new; return a result for each, and the last entry after it."""
        last = self._last_entry(cursor)
        results: list[Entry | Exception] = []
        earlier: dict[str, Entry] = {}
        inserted: list[tuple[Any, ...]] = []
        kept: list[tuple[Any, ...]] = []
        called: list[tuple[Any, ...]] = []
        for row in rows:
            key = row.content["idempotency_key"]
            known = None if key is None else earlier.get(key) or self._find(cursor, key)
            if known is not None:
                results.append(_repeated(known, row))
                continue
            number, payload = last.count + 1, row.payload
            previous, last = last.head, Anchor(number, chain.row_hash(number, last.head, payload, key=self._key))
            columns = (row.content[name] for name in chain.COLUMNS)
            inserted.append((*columns, number, payload, previous, last.head, chain.VERSION))
            entry = Entry(number, row.content)
            results.append(entry)
            if key is not None:
                earlier[key] = entry
            kept += row.note
            called += [(number, *caller) for caller in row.caller]
        for statement, values in ((self._insert, inserted), (self._keep, kept), (self._caller, called)):
            if values:
                cursor.executemany(statement, values)
        return results, last

    def _find(self, cursor: Any, key: str) -> Entry | None:
        """Return the entry that was written before under an idempotency key."""
        cursor.execute(self._known, (key,))
        row = cursor.fetchone()
        return None if row is None else Entry(int(row[0]), json.loads(row[1]))


@dataclass(frozen=True, slots=True)
class _Row:
    """A draft made ready: canonical text, and what goes into the tables of notes and callers."""

    content: dict[str, Any]
    payload: str
    note: tuple[tuple[Any, ...], ...]
    caller: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, draft: Draft, encryption: NoteEncryption) -> "_Row":
        """Return a draft made ready; raise `InvalidEntry` for what no database of ours can store."""
        try:
            content = draft.content | {"at": instant_text(parse_instant(draft.content["at"]))}
        except InvalidInstant:
            raise InvalidEntry("the entry has no time", value=draft.content["kind"]) from None
        note: tuple[tuple[Any, ...], ...] = ()
        decision = content["kind"] == "decision"
        if draft.note is not None:
            about = content["decision_id" if decision else "entry_id"]
            note = ((about, draft.delete_after, encryption.encrypt(draft.note)),)
        caller = content.get("caller") if decision and content.get("final") else None
        try:
            payload = chain.canonical(content)
            payload.encode()
        except (ValueError, TypeError, RecursionError):
            raise InvalidEntry("the entry cannot be written as JSON", value=content["kind"]) from None
        for name, longest in _LENGTHS.items():
            value = content[name]
            if value is not None and (not isinstance(value, str) or len(value) > longest or "\0" in value):
                raise InvalidEntry(f"{name} cannot be stored", remedy=f"text of at most {longest} characters, without NUL")
        return cls(content, payload, note, ((str(caller), content["decision_id"]),) if caller else ())


def _repeated(known: Entry, row: _Row) -> Entry | Exception:
    """Return the entry that the same request wrote before, or `LedgerConflict` where another request used its key."""
    same = all(known.content.get(name) == row.content.get(name) for name in _compared(known.content))
    if same:
        return Entry(known.seq, known.content, repeated=True)
    return LedgerConflict("this idempotency key was used for another request", remedy="send it with a key of its own")


def _compared(content: dict[str, Any]) -> set[str]:
    """Return what must be equal: kind, decision and the hash of the request; in old entries all that was sent."""
    if "request_hash" in content:
        return {"kind", "decision_id", "request_hash"}
    return set(content) - {"entry_id", "at", "request_hash"}
