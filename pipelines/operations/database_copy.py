"""Copies of a ledger's database: a consistent state copied out while the service writes, and copied in where there is none.

SQLite is copied with its online backup, PostgreSQL with `pg_dump` and `pg_restore`, which must be installed.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from models.common.atomic import sync_entry
from models.errors import InvalidConfig, LedgerBroken, LedgerMissing, LedgerUnavailable
from models.ledger import database, schema
from models.ledger.database import database_errors
from models.ledger.encryption import NoteEncryption
from models.ledger.hash_chain import START, Anchor
from models.ledger.store import Ledger

FILES = {"sqlite": "ledger.db", "postgresql": "ledger.dump"}
"""The file of a backup that holds the database, by kind."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of a database: its kind, its migration, and its last entry."""

    kind: str
    revision: str
    head: Anchor


def copy_out(url: str, folder: Path, *, encryption: NoteEncryption, anchor: Anchor | None) -> Copied:
    """Copy a database into a folder, and verify it against an anchor that was read before.

    Raises `LedgerMissing`, `LedgerUnavailable`, `LedgerBroken` where the rows do not verify, and `InvalidConfig` for a
    ledger of another release, because verifying would migrate it.
    """
    engine = database.open_engine(url)
    kind = engine.dialect.name
    target = folder / FILES[kind]
    try:
        _check_revision(engine)
        if kind == "sqlite":
            _copy_file(engine, target)
            head = _verified(f"sqlite:///{target}", encryption, anchor)
        else:
            _verified(url, encryption, anchor)
            head = _dump(engine, target)
    finally:
        engine.dispose()
    sync_entry(target)
    return Copied(kind, schema.REVISION, head)


def copy_in(url: str, folder: Path, *, kind: str) -> None:
    """Restore the database of a backup where there is none.

    Raises `InvalidConfig` for a database of another kind, and `LedgerUnavailable` where it cannot be written.
    """
    engine = database.open_engine(url)
    try:
        if engine.dialect.name != kind:
            raise InvalidConfig("the backup is of another kind of database", value=kind, remedy="give a URL of that kind")
        source, file = folder / FILES[kind], database.sqlite_file(engine)
        if file is None:
            words = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(source)]
            _run("pg_restore", words, engine.url)
            return
        with database_errors(engine, "the ledger cannot be restored"):
            _place(source, file)
    finally:
        engine.dispose()


def _check_revision(engine: sa.Engine) -> None:
    """Raise `LedgerMissing` where there is no ledger, and `InvalidConfig` where it is of another release."""
    file = database.sqlite_file(engine)
    if file is not None and not file.exists():
        raise LedgerMissing("there is no ledger", value=str(file), remedy="HEARTLINE_LEDGER names it")
    with database_errors(engine, "the ledger cannot be opened"), engine.connect() as connection:
        revision = database.revision_of(connection)
    if revision is None:
        raise LedgerMissing("there is no ledger", remedy="HEARTLINE_LEDGER names it")
    if revision != schema.REVISION:
        remedy = "back it up with the release that wrote it"
        raise InvalidConfig("the ledger is of another release", value=revision, remedy=remedy)


def _copy_file(engine: sa.Engine, target: Path) -> None:
    """Copy an SQLite database in one read transaction, which no writer waits for."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
    with database_errors(engine, "the ledger cannot be copied"), closing(engine.raw_connection()) as source:
        driver: sqlite3.Connection = source.driver_connection  # type: ignore[assignment]  # SQLAlchemy types any driver
        with closing(sqlite3.connect(target)) as copy:
            driver.backup(copy)


def _verified(url: str, encryption: NoteEncryption, anchor: Anchor | None) -> Anchor:
    """Return the last entry of a ledger that verifies; raise `LedgerBroken`."""
    ledger = Ledger(url, encryption=encryption, read_only=True)
    try:
        verdict = ledger.verify(anchor)
    finally:
        ledger.close()
    if verdict.fault is not None:
        raise LedgerBroken(f"the ledger is not whole and was not backed up: {verdict}", remedy="copy its files as they are")
    return Anchor(verdict.count, verdict.head)


def _dump(engine: sa.Engine, target: Path) -> Anchor:
    """Write a dump of one snapshot of PostgreSQL, and return the last entry of that snapshot."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
    entries = schema.entries
    query = sa.select(entries.c.seq, entries.c.hash).order_by(entries.c.seq.desc()).limit(1)
    reading = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with database_errors(engine, "the ledger cannot be copied"), reading as connection:
        snapshot = str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar())
        row = connection.execute(query).first()
        words = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={target}"]
        _run("pg_dump", words, engine.url)
    return Anchor(0, START) if row is None else Anchor(int(row.seq), str(row.hash))


def _place(source: Path, file: Path) -> None:
    """Copy a file under another name, and rename it in one step; raise `FileExistsError` where there is one already."""
    file.parent.mkdir(parents=True, exist_ok=True)
    staged = file.with_name(f".{file.name}.restored")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        try:
            with source.open("rb") as original:
                shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())
            file.hardlink_to(staged)
        finally:
            staged.unlink()
    sync_entry(file.parent)


def _run(program: str, words: Sequence[str], url: sa.URL) -> None:
    """Run one of PostgreSQL's programs on a database, with the password in its environment and not in its arguments.

    Raises `InvalidConfig` where it is not installed, and `LedgerUnavailable` where it fails, without its output, which may
    quote a row.
    """
    path = shutil.which(program)
    if path is None:
        raise InvalidConfig(f"{program} is not installed", remedy="install PostgreSQL's client programs")
    place = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    done = subprocess.run(  # noqa: S603  the program is PostgreSQL's own, its arguments are ours
        [path, f"--dbname={place}", *words], env=environment, check=False, capture_output=True
    )
    if done.returncode != 0:
        raise LedgerUnavailable(f"{program} failed", value=done.returncode, remedy="check the database and its version")
