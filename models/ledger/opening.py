"""How a ledger comes to be and is opened: created by command and never in silence, migrated, and held to its key."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from models.errors import InvalidConfig, LedgerError, LedgerMissing
from models.ledger import database, queries, schema
from models.ledger.anchor import AnchorFile
from models.ledger.database import database_errors, exclusive
from models.ledger.encryption import NoteEncryption

_REMEDY = "heartline ledger create makes one"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a ledger held when it was opened: entries, those after its anchor, and bytes in SQLite's write-ahead log.

    After a clean stop the last two are 0. After a kill they count what was durable and not yet moved to its place.
    """

    entries: int
    after_anchor: int
    log_bytes: int

    def __str__(self) -> str:
        """Return the counts as a sentence."""
        text = f"the ledger holds {self.entries} entries"
        if self.after_anchor or self.log_bytes:
            text += f"; recovered: {self.after_anchor} entries after the anchor, {self.log_bytes} bytes of the log"
        return text


def create(url: str, anchor: AnchorFile) -> None:
    """Create an empty ledger and its anchor; raise `LedgerError` where either is there already."""
    with _engine(url) as engine:
        file = database.sqlite_file(engine)
        for path in (file, anchor.path):
            if path is not None and path.exists():
                raise LedgerError("a ledger is there already", value=str(path), remedy="open it, or give another place")
        with database_errors(engine, "the ledger cannot be created"):
            _create_tables(engine) if file is None else _create_file(file)
            anchor.create()


def exists(url: str, anchor: AnchorFile) -> bool:
    """Return whether there is a ledger or an anchor, whole or not; raise `LedgerUnavailable` where a server is silent."""
    with _engine(url) as engine:
        file = database.sqlite_file(engine)
        if file is not None or (anchor.path is not None and anchor.path.exists()):
            return any(path is not None and path.exists() for path in (file, anchor.path))
        with database_errors(engine, "the ledger cannot be opened"), engine.connect() as connection:
            return database.revision_of(connection) is not None


def open_tables(engine: sa.Engine, anchor: AnchorFile, encryption: NoteEncryption, *, read_only: bool) -> Opening:
    """Bring a ledger up to date, check its key and its anchor, and return what it holds.

    Raises `LedgerMissing` where the ledger is not there or, unless `read_only`, its anchor; `InvalidConfig` for another key.
    """
    log_bytes = _log_bytes(engine)
    with database_errors(engine, "the ledger cannot be opened"):
        old = _migrate(engine)
        check_key(engine, encryption, read_only=read_only)
        count = queries.count(engine)
        if anchor.missing and old and not count:
            anchor.create()  # the first release wrote an anchor only with the first entry
    if anchor.missing:
        if not read_only:
            raise LedgerMissing("the ledger's anchor is missing", value=str(anchor.path), remedy="restore it from a copy")
        return Opening(count, 0, log_bytes)
    anchored = None if read_only else anchor.read()
    return Opening(count, 0 if anchored is None else max(0, count - anchored.count), log_bytes)


@contextmanager
def _engine(url: str) -> Iterator[sa.Engine]:
    """Yield an engine, and close its connections after."""
    engine = database.open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _migrate(engine: sa.Engine) -> bool:
    """Bring the tables up to date; return whether they were of an earlier release. Raises `LedgerMissing`."""
    file = database.sqlite_file(engine)
    if file is not None and not file.exists():
        raise LedgerMissing("there is no ledger", value=str(file), remedy=_REMEDY)
    with engine.connect() as connection:
        revision = database.revision_of(connection)
    if revision is None:
        raise LedgerMissing("there is no ledger", value=_shown(engine), remedy=_REMEDY)
    if revision == schema.REVISION:
        return False
    database.migrate(engine)
    if file is not None:
        file.chmod(0o600)
    return True


def check_key(engine: sa.Engine, encryption: NoteEncryption, *, read_only: bool) -> None:
    """Raise `InvalidConfig` where the ledger was written with another key; one without a key takes this one for its own."""
    table, own = schema.properties, encryption.derive("key check").hex()
    query = sa.select(table.c.value).where(table.c.name == "key_check")
    with engine.connect() as connection:
        known = connection.execute(query).scalar()
    if known is None and not read_only:
        with exclusive(engine) as connection:
            known = connection.execute(query).scalar()
            if known is None:
                connection.execute(sa.insert(table).values(name="key_check", value=own))
    if known not in {None, own}:
        raise InvalidConfig(
            "this is not the key of this ledger", remedy="restore ledger.key, or set HEARTLINE_HASH_KEY to the same key"
        )


def _create_tables(engine: sa.Engine) -> None:
    """Create the tables in a database that a server keeps; raise `LedgerError` where they are there."""
    with engine.connect() as connection:
        if database.revision_of(connection) is not None:
            raise LedgerError("a ledger is there already", value=_shown(engine), remedy="open it, or give another place")
    database.migrate(engine)


def _create_file(file: Path) -> None:
    """Create an SQLite ledger whole, for its owner alone, and put it in place in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    staged = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    os.close(os.open(staged, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with _engine(f"sqlite:///{staged}") as engine:
            database.migrate(engine)
        file.hardlink_to(staged)
    finally:
        for leftover in file.parent.glob(f"{staged.name}*"):
            leftover.unlink()


def _log_bytes(engine: sa.Engine) -> int:
    """Return the size of SQLite's write-ahead log, 0 where there is none."""
    file = database.sqlite_file(engine)
    log = None if file is None else file.with_name(f"{file.name}-wal")
    return log.stat().st_size if log is not None and log.exists() else 0


def _shown(engine: sa.Engine) -> str:
    """Return where a database lies, without user and password."""
    return f"{engine.url.host}/{engine.url.database}" if engine.url.host else str(engine.url.database)
