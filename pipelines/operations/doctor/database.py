"""Checks of the ledger's database: reachable, up to date, writable, guarded, of this key, and as far as its anchor says."""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from models.errors import HeartlineError
from models.instants import parse_instant
from models.ledger import database, opening, schema
from models.ledger.anchor import AnchorFile
from models.ledger.database import WRITING, database_errors
from models.ledger.encryption import NoteEncryption
from models.ledger.hash_chain import START, Anchor
from pipelines.operations.doctor import machine
from pipelines.operations.doctor.finding import NO_LEDGER, Deployment, Finding, Level, failed

_CREATE = "heartline ledger create makes one, and so does the first start of heartline serve"


def findings(deployment: Deployment, *, now: datetime) -> Iterator[Finding]:
    """Yield what the ledger's database, its anchor and the clock say; what depends on a failed check is left out."""
    if deployment.ledger == NO_LEDGER:
        yield Finding(Level.WARN, "ledger", "none is kept: no decision can be accounted for", "set HEARTLINE_LEDGER")
        return
    try:
        engine = database.open_engine(deployment.ledger)
    except HeartlineError as error:
        yield failed("database", error)
        return
    try:
        yield from _of_engine(engine, deployment, now)
    finally:
        engine.dispose()


def _of_engine(engine: sa.Engine, deployment: Deployment, now: datetime) -> Iterator[Finding]:
    """Yield the checks of a database that can be named."""
    try:
        revision = _revision(engine)
    except HeartlineError as error:
        yield failed("database", error)
        return
    if revision is None:
        yield Finding(Level.FAIL, "database", "there is no ledger", _CREATE)
        return
    yield Finding(Level.OK, "database", f"reachable ({engine.dialect.name})")
    yield _writable(engine)
    yield _migrated(revision)
    if revision != schema.REVISION:
        return
    try:
        server, last_entry, guarded = _times(engine)
        yield machine.clock(now, server=server, last_entry=last_entry)
        yield _guards(guarded)
        yield _anchor(engine, deployment)
    except HeartlineError as error:
        yield failed("ledger", error)


def _revision(engine: sa.Engine) -> str | None:
    """Return the migration that a ledger stands at; `None` where there is none. Raises `LedgerUnavailable`."""
    file = database.sqlite_file(engine)
    if file is not None and not file.exists():
        return None
    with database_errors(engine, "the ledger cannot be opened"), engine.connect() as connection:
        return database.revision_of(connection)


def _migrated(revision: str) -> Finding:
    """Return whether the tables are those of this release."""
    if revision == schema.REVISION:
        return Finding(Level.OK, "migrations", f"at {revision}, the newest")
    if revision > schema.REVISION:
        return Finding(Level.FAIL, "migrations", f"at {revision}: a later release wrote it", "install that release")
    remedy = "back it up with the release that wrote it; the next start brings it up to date"
    return Finding(Level.WARN, "migrations", f"at {revision}, the newest is {schema.REVISION}", remedy)


def _writable(engine: sa.Engine) -> Finding:
    """Return whether a row can be written; it is undone."""
    row = sa.text("UPDATE alembic_version SET version_num = version_num")
    try:
        with database_errors(engine, "the database cannot be written"), engine.connect() as connection:
            writing = connection.execution_options(**WRITING)
            writing.execute(row)
            writing.rollback()
    except HeartlineError as error:
        return failed("writing", error)
    return Finding(Level.OK, "writing", "a row can be written")


def _times(engine: sa.Engine) -> tuple[datetime | None, datetime | None, bool]:
    """Return the database server's time, the time of the last entry, and whether the triggers stand."""
    entries = schema.entries
    query = sa.select(entries.c.at).order_by(entries.c.seq.desc()).limit(1)
    with database_errors(engine, "the ledger cannot be read"), engine.connect() as connection:
        last = connection.execute(query).scalar()
        guarded = schema.guards_stand(connection)
        postgresql = connection.dialect.name == "postgresql"
        server = connection.exec_driver_sql("SELECT clock_timestamp()").scalar() if postgresql else None
    return server, None if last is None else parse_instant(last), guarded


def _guards(stand: bool) -> Finding:  # noqa: FBT001  the one thing that the check says
    """Return whether the database forbids changes of rows."""
    if stand:
        return Finding(Level.OK, "guards", "the database forbids changes of entries")
    return Finding(Level.FAIL, "guards", "the database no longer forbids changes", "heartline ledger verify; ask who did it")


def _anchor(engine: sa.Engine, deployment: Deployment) -> Finding:
    """Return whether the ledger is of this key and holds the entry that its anchor names."""
    entries = schema.entries
    try:
        encryption = NoteEncryption.from_environment(deployment.key_file, deployment.environment)
        opening.check_key(engine, encryption, read_only=True)
        anchor = AnchorFile(deployment.anchor, key=encryption.derive("anchor")).read()
    except HeartlineError as error:
        return failed("anchor", error)
    if anchor is None:
        return Finding(Level.WARN, "anchor", "it is printed: a cut tail cannot be seen here", "keep its lines")
    query = sa.select(entries.c.seq, entries.c.hash).where(entries.c.seq == anchor.count)
    with database_errors(engine, "the ledger cannot be read"), engine.connect() as connection:
        row = connection.execute(query).first()
    named = Anchor(0, START) if row is None else Anchor(int(row.seq), str(row.hash))
    if named == anchor:
        return Finding(Level.OK, "anchor", f"signed with this key, at entry {anchor.count}")
    return Finding(Level.FAIL, "anchor", f"entry {anchor.count} is not the one it names", "heartline ledger verify")
