"""The ledger: every decision, what people made of it and what came of it, in rows that can only be added.

An answer is only given when its row is durable. All writes of a process pass one thread, and rows of many requests share
one commit. Several processes may write to one database: number and hash of a row are taken under the database's own lock.
The entries hold no note; where a city chooses to keep notes, they are encrypted in a table of their own and can be
purged.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from models.common.instants import instant_text
from models.errors import InvalidConfig, InvalidEntry, LedgerError, LedgerUnavailable
from models.ledger import database, opening, queries, schema
from models.ledger import hash_chain as chain
from models.ledger.anchor import AnchorFile, read_line, signed_line
from models.ledger.database import WRITING, database_errors
from models.ledger.encryption import NoteEncryption
from models.ledger.hash_chain import Anchor, Verdict
from models.ledger.queries import Entry
from models.ledger.schema import callers, entries, notes
from models.ledger.write_thread import WriteThread
from models.ledger.writer import Draft, Writer

KINDS = ("decision", "feedback", "outcome", "shadow", "cleared")


class Ledger:
    """One ledger by its database URL; share it between threads.

    Parameters: `anchor` is a file, `-` for standard output, or `None`; `note_days` how long notes are kept;
    `busy_seconds` how long a write waits for another process; `on_alert` is called with a sentence when the anchor fails,
    and with `None` when that is over. With `read_only` the anchor may be missing, and nothing can be appended. `opening`
    says what was found.
    """

    def __init__(
        self,
        url: str,
        *,
        encryption: NoteEncryption,
        anchor: Path | str | None = None,
        keep_notes: bool = False,
        note_days: int = 90,
        read_only: bool = False,
        busy_seconds: float = database.BUSY_SECONDS,
        on_alert: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        """Open the ledger and bring its tables up to date; nothing is created.

        Raises `LedgerMissing` where the ledger, or its anchor, is not there, `LedgerError` where it cannot be opened, and
        `InvalidConfig` for a URL or a key that is wrong.
        """
        if keep_notes and not encryption.can_encrypt:
            raise InvalidConfig("notes are to be kept without a key", remedy="set HEARTLINE_NOTE_KEY")
        self.encryption, self._keep, self._days, self._read_only = encryption, keep_notes, note_days, read_only
        self.alert: str | None = None
        self._on_alert = on_alert
        self._engine = database.open_engine(url, busy_seconds=busy_seconds)
        self._anchor = AnchorFile(anchor, key=encryption.derive("anchor"))
        try:
            self.opening = opening.open_tables(self._engine, self._anchor, encryption, read_only=read_only)
        except BaseException:
            self._engine.dispose()
            raise
        self._writer = Writer(self._engine, self._anchor, encryption, alert=self._keep_alert)
        self._thread: WriteThread[Draft, Entry] = WriteThread(self._writer.write)

    @classmethod
    def create(cls, url: str, *, encryption: NoteEncryption, anchor: Path | str | None = None, **options: Any) -> "Ledger":
        """Create an empty ledger with its anchor and open it; raise `LedgerError` where either is there already."""
        opening.create(url, AnchorFile(anchor, key=encryption.derive("anchor")))
        return cls(url, encryption=encryption, anchor=anchor, **options)

    @staticmethod
    def exists(url: str, anchor: Path | str | None = None) -> bool:
        """Return whether there is a ledger or an anchor, whole or not; raise `LedgerUnavailable`."""
        return opening.exists(url, AnchorFile(anchor, key=b""))

    def append(
        self, kind: str, content: dict[str, Any], *, note: str | None = None, idempotency_key: str | None = None
    ) -> "Future[Entry]":
        """Queue a row; the future holds its entry once it is durable, or raises why it is not written.

        The same request under the same idempotency key gives the first entry again; another one raises `LedgerConflict`.
        Raises `InvalidEntry` at once for a kind that there is not.
        """
        draft = self.draft(kind, content, note=note, idempotency_key=idempotency_key)
        single: Future[Entry] = Future()
        single.set_running_or_notify_cancel()

        def resolve(many: "Future[list[Entry | Exception]]") -> None:
            error = many.exception()
            result = many.result()[0] if error is None else error
            single.set_result(result) if isinstance(result, Entry) else single.set_exception(result)

        self.submit([draft]).add_done_callback(resolve)
        return single

    def submit(self, drafts: Sequence[Draft]) -> "Future[list[Entry | Exception]]":
        """Queue several rows; the future holds for each its entry or its `LedgerError`. After `close` the future fails."""
        if self._read_only:
            raise LedgerError("the ledger is open for reading only")
        return self._thread.submit(drafts)

    def draft(
        self, kind: str, content: dict[str, Any], *, note: str | None = None, idempotency_key: str | None = None
    ) -> Draft:
        """Return a row as it will be written; raise `InvalidEntry` for a kind that there is not."""
        if kind not in KINDS:
            raise InvalidEntry("no such kind of entry", value=kind, remedy=f"one of: {', '.join(KINDS)}")
        now = datetime.now(UTC)
        filled = {
            "kind": kind, "entry_id": uuid.uuid4().hex, "at": instant_text(now), "call_id": None, "decision_id": None,
            "idempotency_key": idempotency_key,
        } | content  # fmt: skip
        if idempotency_key is not None:
            request = chain.canonical({"kind": kind, "content": content, "note": note})
            filled["request_hash"] = self.encryption.fingerprint(request)
        if note is None or not self._keep:
            return Draft(filled)
        return Draft(filled, note, instant_text(now + timedelta(days=self._days)))

    @property
    def waiting(self) -> int:
        """Return about how many submissions wait to be written."""
        return self._thread.waiting

    def probe(self) -> "Future[None]":
        """Return a future that is done once a write could be made, and raises `LedgerUnavailable` where it could not."""
        return self._thread.run(self._writer.probe)

    def of_decision(self, decision_id: str) -> list[Entry]:
        """Return a decision and all that was written about it since, in order."""
        return list(queries.select(self._engine, entries.c.decision_id == decision_id))

    def of_caller(self, caller: str, *, limit: int = 20) -> list[Entry]:
        """Return the latest final decisions on one caller's calls and all that was written about them, in order.

        `caller` is as it came with the call; entries of the first release are found where it is written as it was then.
        """
        last = sa.select(callers.c.decision_id).where(self._is_caller(caller)).order_by(callers.c.seq.desc()).limit(limit)
        return list(queries.select(self._engine, entries.c.decision_id.in_(last.scalar_subquery())))

    def count_calls_of(self, caller: str) -> int:
        """Return how many calls of a caller were decided; several decisions under one incident number are one call."""
        call = sa.func.coalesce(entries.c.call_id, entries.c.decision_id)
        query = sa.select(sa.func.count(call.distinct())).join(callers, callers.c.seq == entries.c.seq)
        with database_errors(self._engine, queries.FAULT), self._engine.connect() as connection:
            return int(connection.execute(query.where(self._is_caller(caller))).scalar() or 0)

    def search(
        self,
        *,
        call_id: str | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> list[Entry]:
        """Return entries by CAD incident number and by time (ISO 8601; UTC where no offset is given), in order.

        `after` is the number of the last entry of the page before. Raises `InvalidInstant`.
        """
        conditions = queries.between(since, until)
        if call_id is not None:
            conditions.append(entries.c.call_id == call_id)
        return list(queries.select(self._engine, *conditions, after=after, limit=limit))

    def read(
        self, kind: str | None = None, *, after: int = 0, since: str | datetime | None = None, up_to: int | None = None
    ) -> Iterator[Entry]:
        """Yield entries in order, all or one kind, from a time or number on and up to a number, page by page."""
        conditions = queries.between(since, None)
        if kind is not None:
            conditions.append(entries.c.kind == kind)
        yield from queries.select(self._engine, *conditions, after=after, up_to=up_to)

    def note(self, decision_id: str) -> str | None:
        """Return the note of a decision where it was kept and not yet purged."""
        query = sa.select(notes.c.ciphertext).where(notes.c.decision_id == decision_id)
        with database_errors(self._engine, queries.FAULT), self._engine.connect() as connection:
            ciphertext = connection.execute(query).scalar()
        return None if ciphertext is None else self.encryption.decrypt(ciphertext)

    def verify(self, anchor: Anchor | None = None) -> Verdict:
        """Return the first fault of the chain against the anchor, and whether the database still forbids changes.

        The anchor is read before the rows: it only names committed entries, so that writing meanwhile raises no false alarm.
        """
        missing = anchor is None and self._anchor.missing
        if anchor is None and not missing:
            anchor = self._anchor.read()
        rows = queries.rows(self._engine, up_to=queries.count(self._engine))
        verdict = chain.verify(rows, anchor, key=self.encryption.derive("chain"))
        if verdict.fault is not None:
            return verdict
        with database_errors(self._engine, queries.FAULT), self._engine.connect() as connection:
            guarded = schema.guards_stand(connection)
        if not guarded:
            return Verdict(verdict.count, verdict.head, "unguarded")
        return Verdict(verdict.count, verdict.head, "unanchored") if missing else verdict

    def anchored(self) -> Anchor | None:
        """Return the anchor, where there is a file; raise `LedgerMissing` or `LedgerError` where it cannot be read."""
        return self._anchor.read()

    def signed_head(self) -> str:
        """Return the present count and head as a signed line, to be kept outside the reach of who runs the ledger."""
        query = sa.select(entries.c.seq, entries.c.hash).order_by(entries.c.seq.desc()).limit(1)
        with database_errors(self._engine, queries.FAULT), self._engine.connect() as connection:
            row = connection.execute(query).first()
        head = Anchor(0, chain.START) if row is None else Anchor(int(row.seq), str(row.hash))
        return signed_line(head, key=self.encryption.derive("anchor"))

    def read_witness(self, line: str) -> Anchor:
        """Return what a signed head says; raise `LedgerError` where it cannot be read or another key signed it."""
        return read_line(line, key=self.encryption.derive("anchor"))

    def purge(self, now: datetime | None = None) -> int:
        """Delete the notes whose time is over, from the file and its log; return how many. The chain stays whole.

        Call it daily. On PostgreSQL the server's own log and copies keep what they hold until it recycles them.
        """
        return self._thread.run(lambda: self._purge(now or datetime.now(UTC))).result()

    def close(self) -> None:
        """Write what waits, and close the database; what is submitted later fails."""
        self._thread.close()
        self._writer.close()
        self._engine.dispose()

    def _is_caller(self, caller: str) -> sa.ColumnElement[bool]:
        """Return the condition for a caller's rows, hashed as now or as the first release did."""
        return callers.c.caller.in_([self.encryption.hash_caller(caller), self.encryption.fingerprint(caller)])

    def _keep_alert(self, message: str | None) -> None:
        """Keep and pass on what is wrong with the anchor, when it changes."""
        if message != self.alert:
            self.alert = message
            self._on_alert(message)

    def _purge(self, now: datetime) -> int:
        """Delete notes, then what the database keeps of deleted rows."""
        fault = "notes cannot be purged"
        with database_errors(self._engine, fault):
            with self._engine.connect().execution_options(**WRITING) as connection, connection.begin():
                deleted = connection.execute(sa.delete(notes).where(notes.c.delete_after <= instant_text(now))).rowcount
            if not database.forget_deleted(self._engine):
                remedy = "a reader holds the log; purge again"
                raise LedgerUnavailable("notes are deleted, but the log still holds them", remedy=remedy)
        return int(deleted)
