"""Checks of the ledger's database: access, writing, migration, triggers, key and anchor."""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from models.common.instants import parse_instant
from models.errors import HeartlineError
from models.ledger import database, opening, schema
from models.ledger.anchor import AnchorFile
from models.ledger.database import WRITING, database_errors
from models.ledger.encryption import NoteEncryption
from models.ledger.hash_chain import START, Anchor
from pipelines.operations.doctor import machine
from pipelines.operations.doctor.finding import NO_LEDGER, Deployment, Finding, Level, failed

_CREATE = "run heartline ledger create, or start heartline serve for the first time"


def findings(deployment: Deployment, *, now: datetime) -> Iterator[Finding]:
    """Yield the findings of the ledger's database, its anchor and the clock; what depends on a failed check is skipped."""
    if deployment.ledger == NO_LEDGER:
        yield Finding(Level.WARN, "ledger", "there is none: decisions are not recorded", "set HEARTLINE_LEDGER")
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
    """Yield the findings of a database."""
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
        yield _triggers(in_place=guarded)
        yield _anchor(engine, deployment)
    except HeartlineError as error:
        yield failed("ledger", error)


def _revision(engine: sa.Engine) -> str | None:
    """Return the migration of a ledger, `None` where there is no ledger; raise `LedgerUnavailable`."""
    file = database.sqlite_file(engine)
    if file is not None and not file.exists():
        return None
    with database_errors(engine, "the ledger cannot be opened"), engine.connect() as connection:
        return database.revision_of(connection)


def _migrated(revision: str) -> Finding:
    """Return the finding on whether the tables are those of this release."""
    if revision == schema.REVISION:
        return Finding(Level.OK, "migrations", f"at {revision}, the newest")
    if revision > schema.REVISION:
        return Finding(Level.FAIL, "migrations", f"at {revision}: a later release wrote it", "install that release")
    remedy = "back it up with the release that wrote it; the next start migrates it"
    return Finding(Level.WARN, "migrations", f"at {revision}, the newest is {schema.REVISION}", remedy)


def _writable(engine: sa.Engine) -> Finding:
    """Return the finding on whether a row can be written; the write is rolled back."""
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
    """Return the database server's time, the time of the last entry, and whether the triggers are in place."""
    entries = schema.entries
    query = sa.select(entries.c.at).order_by(entries.c.seq.desc()).limit(1)
    with database_errors(engine, "the ledger cannot be read"), engine.connect() as connection:
        last = connection.execute(query).scalar()
        guarded = schema.guards_stand(connection)
        postgresql = connection.dialect.name == "postgresql"
        server = connection.exec_driver_sql("SELECT clock_timestamp()").scalar() if postgresql else None
    return server, None if last is None else parse_instant(last), guarded


def _triggers(*, in_place: bool) -> Finding:
    """Return the finding on whether the database forbids changes of entries."""
    if in_place:
        return Finding(Level.OK, "guards", "the database forbids changes of entries")
    remedy = "run heartline ledger verify, and find out who removed the triggers"
    return Finding(Level.FAIL, "guards", "the database no longer forbids changes of entries", remedy)


def _anchor(engine: sa.Engine, deployment: Deployment) -> Finding:
    """Return the finding on whether the ledger has this key and holds the entry that its anchor names."""
    entries = schema.entries
    try:
        encryption = NoteEncryption.from_environment(deployment.key_file, deployment.environment)
        opening.check_key(engine, encryption, read_only=True)
        anchor = AnchorFile(deployment.anchor, key=encryption.derive("anchor")).read()
    except HeartlineError as error:
        return failed("anchor", error)
    if anchor is None:
        detail = "it is printed, not kept in a file: removed last entries cannot be detected here"
        return Finding(Level.WARN, "anchor", detail, "keep its printed lines")
    query = sa.select(entries.c.seq, entries.c.hash).where(entries.c.seq == anchor.count)
    with database_errors(engine, "the ledger cannot be read"), engine.connect() as connection:
        row = connection.execute(query).first()
    entry = Anchor(0, START) if row is None else Anchor(int(row.seq), str(row.hash))
    if entry == anchor:
        return Finding(Level.OK, "anchor", f"signed with this key, at entry {anchor.count}")
    return Finding(Level.FAIL, "anchor", f"entry {anchor.count} is not the one it names", "run heartline ledger verify")
