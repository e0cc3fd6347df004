"""An empty ledger on SQLite and on PostgreSQL."""

import uuid

import ledgers
import postgres
import pytest
import sqlalchemy as sa


@pytest.fixture(scope="session")
def server():
    """Run PostgreSQL once."""
    if postgres.binaries() is None:
        pytest.skip(postgres.MISSING)
    with postgres.running() as running:
        yield running


def new_database(base):
    """Return the URL of a new database of a running server."""
    name = f"t{uuid.uuid4().hex}"
    engine = sa.create_engine(base.replace("postgresql", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return base.replace("/postgres", f"/{name}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Return the URL of an empty place for a ledger, of each kind."""
    if request.param == "sqlite":
        return ledgers.sqlite_url(tmp_path)
    return new_database(request.getfixturevalue("server")[0])


@pytest.fixture
def ledger(url, tmp_path):
    """Return an empty ledger with an anchor that keeps notes."""
    ledger = ledgers.created(url, anchor=tmp_path / "ledger.anchor", keep_notes=True)
    yield ledger
    ledger.close()
