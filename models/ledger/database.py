"""The database under a ledger: connections, transactions, migrations, and the one place where its errors get our name."""

import errno
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from models.errors import InvalidConfig, InvalidEntry, LedgerError, LedgerUnavailable
from models.ledger.schema import REVISION

LOCK = 4_711_911
"""The number of PostgreSQL's advisory lock that writers of one ledger share."""

BUSY_SECONDS = 5.0
"""How long a write waits for another process that holds the database, in seconds, before it counts as unavailable."""

WRITING = {"heartline_writing": True}
_ATTEMPTS, _WAIT_SECONDS = 100, 0.05


def open_engine(url: str, *, busy_seconds: float = BUSY_SECONDS) -> sa.Engine:
    """Return an engine that never creates an SQLite file; raise `InvalidConfig` for a URL that cannot be used."""
    try:
        place = sa.make_url(url)
        if place.drivername == "postgresql":
            place = place.set(drivername="postgresql+psycopg")
        options = _sqlite(place, busy_seconds) if place.get_backend_name() == "sqlite" else _postgresql(busy_seconds)
        engine = sa.create_engine(place, **options)
    except (sa.exc.ArgumentError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidConfig("this is no ledger's URL", value=url.split("@", maxsplit=1)[-1], remedy=reason) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "begin", _begin)
    return engine


def sqlite_file(engine: sa.Engine) -> Path | None:
    """Return the file of an SQLite database; `None` for any other."""
    return Path(str(engine.url.database)) if engine.dialect.name == "sqlite" else None


@contextmanager
def database_errors(engine: sa.Engine, fault: str) -> Iterator[None]:
    """Raise every error of driver, SQLAlchemy and system as `LedgerUnavailable`, or `InvalidEntry` where a row is at fault.

    The driver's own words are left out: they can quote what was to be stored.
    """
    driver: Any = engine.dialect.loaded_dbapi
    try:
        yield
    except (driver.IntegrityError, driver.DataError, sa.exc.IntegrityError, sa.exc.DataError) as error:
        raise InvalidEntry("the entry cannot be stored", value=_cause(error), remedy="see its fields") from None
    except (driver.Error, SQLAlchemyError, OSError) as error:
        raise LedgerUnavailable(fault, value=_cause(error), remedy="see the disk, the file and the database") from None


@contextmanager
def exclusive(engine: sa.Engine, *, lock: int = LOCK) -> Iterator[sa.Connection]:
    """Yield a connection in a transaction that no other writer shares; `lock` names the writers on PostgreSQL."""
    with engine.connect().execution_options(**WRITING) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
        yield connection


def revision_of(connection: sa.Connection) -> str | None:
    """Return the migration that a ledger stands at; `None` where there is no ledger."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def migrate(engine: sa.Engine) -> None:
    """Bring the tables up to date; processes that start at once wait for one another. Raises `LedgerError`."""
    from alembic import command  # noqa: PLC0415  takes a quarter of a second, and only a new or old ledger needs it
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with exclusive(engine) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            value = revision_of(connection)
            raise LedgerError(
                "a later release wrote this ledger", value=value, remedy=f"this one knows {REVISION}"
            ) from None


def forget_deleted(engine: sa.Engine) -> bool:
    """Empty SQLite's log, or PostgreSQL's table, of deleted notes; return whether that could be done."""
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM notes")
        return True
    raw = engine.raw_connection()
    try:
        busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    finally:
        raw.close()
    return not busy


def _sqlite(place: sa.URL, busy_seconds: float) -> dict[str, Any]:
    """Return the options of an SQLite engine; a connection is opened for each use, so that a replaced file is noticed."""
    if not place.database or place.database == ":memory:":
        raise sa.exc.ArgumentError("a ledger needs a file")
    address = f"file:{quote(str(Path(place.database).absolute()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    return {"creator": connect, "poolclass": sa.pool.NullPool}


def _postgresql(busy_seconds: float) -> dict[str, Any]:
    """Return the options of a PostgreSQL engine: bounded waits, so that a server that is gone is noticed."""
    milliseconds = round(busy_seconds * 1000)
    arguments = {
        "connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
        "options": f"-c lock_timeout={milliseconds}",
    }  # fmt: skip
    return {"connect_args": arguments, "pool_pre_ping": True}


def _prepare(connection: sqlite3.Connection) -> None:
    """Set up one SQLite connection: write-ahead log, full sync, deleted notes overwritten."""
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    for attempt in range(_ATTEMPTS):  # two that open a new file at once: the change of mode does not wait by itself
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                return
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_WAIT_SECONDS)


def _begin(connection: sa.Connection) -> None:
    """Begin an SQLite transaction; a writer takes the lock before it reads the last row, a reader takes none."""
    writing = connection.get_execution_options().get("heartline_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _cause(error: BaseException) -> str:
    """Return the name of a fault: SQLite's or PostgreSQL's code, the system's error number, or the exception's class."""
    original = getattr(error, "orig", None) or error
    if isinstance(original, OSError) and original.errno:
        return errno.errorcode.get(original.errno, str(original.errno))
    return getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None) or type(original).__name__
