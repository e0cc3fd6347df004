"""Keep every decision, what people made of it and what came of it, in rows that can only be added.

An answer is only given when its row is durable. Rows of many requests share one commit. Several processes may write to one
database: the number and the seal of a row are taken under the database's own lock. The ledger holds no note; where a city
chooses to keep notes, they lie encrypted in a table of their own, from which they can be purged.
"""

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy.exc import SQLAlchemyError

from models.errors import InvalidConfig, LedgerError
from models.ledger import hash_chain as chain
from models.ledger.anchor import AnchorFile
from models.ledger.encryption import NoteSafe
from models.ledger.group_commit import GroupCommit
from models.ledger.hash_chain import Anchor, Verdict
from models.ledger.schema import callers, entries, notes
from models.ledger.writer import LOCK, Draft, Entry, Writer

KINDS = ("decision", "feedback", "outcome", "shadow", "cleared")
_ATTEMPTS, _WAIT_SECONDS = 100, 0.05
_SLOW_SECONDS, _REST_SECONDS = 0.02, 5.0
_WRITING = {"heartline_writing": True}


class Ledger:
    """Hold one ledger by its database URL; share one between threads."""

    def __init__(
        self, url: str, *, safe: NoteSafe, anchor: Path | str | None = None, keep_notes: bool = False, note_days: int = 90
    ) -> None:
        """Open the ledger and bring its tables up to date; raise `LedgerError` where that fails.

        `anchor` is a file, or `-` for standard output.
        """
        if keep_notes and not safe.can_keep:
            raise InvalidConfig("notes are to be kept without a key", remedy="set HEARTLINE_NOTE_KEY")
        self.safe, self._anchor, self._keep, self._days = safe, AnchorFile(anchor), keep_notes, note_days
        self._engine = _engine(url)
        try:
            _migrate(self._engine)
        except SQLAlchemyError as error:
            raise LedgerError(
                "the ledger cannot be opened", value=self._engine.url.render_as_string(), remedy=_why(error)
            ) from None
        self._writer = Writer(self._engine, self._anchor)
        self._lock, self._local, self._slow_until = threading.Lock(), self._engine.dialect.name == "sqlite", 0.0
        self._commits: GroupCommit[Draft, Entry] = GroupCommit(self._write)

    def append(
        self, kind: str, content: dict[str, Any], *, note: str | None = None, idempotency_key: str | None = None
    ) -> "Future[Entry]":
        """Queue a row; the future is done when the row is durable. A repeated idempotency key gives the first row again."""
        alone: Future[Entry] = Future()

        def landed(done: "Future[list[Entry | Exception]]") -> None:
            (result,) = done.result()
            alone.set_exception(result) if isinstance(result, Exception) else alone.set_result(result)

        draft = self.draft(kind, content, note=note, idempotency_key=idempotency_key)
        self.append_drafts([draft]).add_done_callback(landed)
        return alone

    def append_drafts(self, drafts: Sequence[Draft]) -> "Future[list[Entry | Exception]]":
        """Queue several rows at once; the future holds for each its entry or why it could not be written."""
        return self._commits.submit(drafts)

    def write_now(self, drafts: Sequence[Draft]) -> "list[Entry | Exception] | None":
        """Write rows in the caller's thread, where that is a matter of one local sync; nothing where it may take longer.

        A database over the network, a file that another thread writes to and a disk that was slow of late are left to the
        ledger's own thread, so that nobody's event loop waits for them.
        """
        if not self._local or self._lock.locked() or time.monotonic() < self._slow_until:
            return None
        started = time.monotonic()
        written = self._commits.settled(drafts)
        if time.monotonic() - started > _SLOW_SECONDS:
            self._slow_until = time.monotonic() + _REST_SECONDS
        return written

    def draft(
        self, kind: str, content: dict[str, Any], *, note: str | None = None, idempotency_key: str | None = None
    ) -> Draft:
        """Return a row as it will be written; raise `LedgerError` for a kind that there is not."""
        if kind not in KINDS:
            raise LedgerError("no such kind of entry", value=kind, remedy=f"one of: {', '.join(KINDS)}")
        now = datetime.now(UTC)
        filled = {
            "kind": kind, "entry_id": uuid.uuid4().hex, "at": now.isoformat(), "call_id": None, "decision_id": None,
            "idempotency_key": idempotency_key,
        } | content  # fmt: skip
        if note is None or not self._keep:
            return Draft(filled)
        return Draft(filled, self.safe.seal(note), (now + timedelta(days=self._days)).isoformat())

    @property
    def waiting(self) -> int:
        """Return about how many rows wait to be written."""
        return self._commits.waiting

    def of_decision(self, decision_id: str) -> list[Entry]:
        """Return a decision and what was said of it since, in order."""
        return list(self._select(sa.select(entries).where(entries.c.decision_id == decision_id)))

    def of_caller(self, caller: str, *, limit: int = 20) -> list[Entry]:
        """Return the latest final decisions on one caller's calls and what was said of them, in order.

        `caller` is the keyed hash that `NoteSafe.fingerprint` makes.
        """
        last = sa.select(callers.c.decision_id).where(callers.c.caller == caller).order_by(callers.c.seq.desc()).limit(limit)
        return list(self._select(sa.select(entries).where(entries.c.decision_id.in_(last.scalar_subquery()))))

    def search(
        self, *, call_id: str | None = None, since: str | None = None, until: str | None = None, limit: int = 1000
    ) -> list[Entry]:
        """Return entries by CAD incident number and by time (ISO 8601, UTC), in order."""
        query = sa.select(entries)
        if call_id is not None:
            query = query.where(entries.c.call_id == call_id)
        if since is not None:
            query = query.where(entries.c.at >= since)
        if until is not None:
            query = query.where(entries.c.at < until)
        return list(self._select(query.limit(limit)))

    def read(self, kind: str | None = None, *, after: int = 0, since: str | None = None) -> Iterator[Entry]:
        """Yield entries in order, all of them or one kind, from a time on (ISO 8601, UTC), without holding them all."""
        query = sa.select(entries).where(entries.c.seq > after)
        if since is not None:
            query = query.where(entries.c.at >= since)
        yield from self._select(query.where(entries.c.kind == kind) if kind else query)

    def note(self, decision_id: str) -> str | None:
        """Return the note of a decision where it was kept and not yet purged."""
        with self._engine.connect() as connection:
            sealed = connection.execute(sa.select(notes.c.sealed).where(notes.c.decision_id == decision_id)).scalar()
        return None if sealed is None else self.safe.open(sealed)

    def verify(self, anchor: Anchor | None = None) -> Verdict:
        """Check every seal, against the anchor where there is one."""
        query = sa.select(entries).order_by(entries.c.seq)
        with (
            self._engine.connect() as connection,
            closing(connection.execution_options(yield_per=1000).execute(query)) as rows,
        ):
            return chain.verify(rows.mappings(), anchor or self.anchored())

    def anchored(self) -> Anchor | None:
        """Return what the anchor's file says, where there is one; raise `LedgerError` where it cannot be read."""
        return self._anchor.read()

    def purge(self, now: datetime | None = None) -> int:
        """Delete the notes whose time is over; the chain does not hold them and stays whole. Return how many."""
        with self._engine.connect().execution_options(**_WRITING) as connection, connection.begin():
            done = connection.execute(sa.delete(notes).where(notes.c.delete_after <= (now or datetime.now(UTC)).isoformat()))
        return int(done.rowcount)

    def close(self) -> None:
        """Write what waits, and let the database go."""
        self._commits.close()
        self._writer.close()
        self._anchor.close()
        self._engine.dispose()

    def _write(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Write a batch, one at a time."""
        with self._lock:
            return self._writer.write(drafts)

    def _select(self, query: sa.Select[Any]) -> Iterator[Entry]:
        """Yield the entries of a query in order."""
        query = query.order_by(entries.c.seq)
        with (
            self._engine.connect() as connection,
            closing(connection.execution_options(yield_per=1000).execute(query)) as rows,
        ):
            for row in rows:
                yield Entry(int(row.seq), json.loads(row.payload))


def _engine(url: str) -> sa.Engine:
    """Return an engine: SQLite in write-ahead mode, synced at every commit; anything else as its URL says."""
    try:
        made = sa.make_url(url)
        if made.drivername == "postgresql":
            made = made.set(drivername="postgresql+psycopg")
        if made.get_backend_name() == "sqlite" and made.database:
            Path(made.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(made, pool_pre_ping=True)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise InvalidConfig("this is no ledger's URL", value=url.split("@", maxsplit=1)[-1], remedy=_why(error)) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: Any) -> None:
    """Set up one SQLite connection; transactions are begun by us."""
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=10000")
    connection.execute("PRAGMA synchronous=FULL")
    for attempt in range(_ATTEMPTS):  # two who open a new file at once: the change of mode does not wait, so we do
        try:
            if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal":
                return
        except sqlite3.OperationalError:
            if attempt == _ATTEMPTS - 1:
                raise
        time.sleep(_WAIT_SECONDS)


def _begin(connection: sa.Connection) -> None:
    """Begin an SQLite transaction; a writer takes the lock before it reads the last row, a reader takes none."""
    writing = connection.get_execution_options().get("heartline_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _migrate(engine: sa.Engine) -> None:
    """Bring the tables up to date; two processes that start at once wait for one another."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with engine.connect().execution_options(**_WRITING) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _why(error: Exception) -> str:
    """Return the first line of what a database said."""
    return str(error).splitlines()[0]
