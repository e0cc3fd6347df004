"""A ledger of the first release is brought up to date with its entries, their hashes and its anchor still verifiable."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from ledgers import ENCRYPTION, change, fill, opened

from models.errors import LedgerError
from models.ledger import database
from models.ledger.schema import REVISION, metadata

STAMPS = ["2026-03-01T03:12:00-05:00", "2026-03-01T08:12:00.250000+00:00", "2026-03-01T08:12:00+00:00"]


def first_release(url, anchor, revision="0002"):
    """Write a ledger as the first release did: plain SHA-256, times as they came, an unsigned anchor, a sealed note.

    Revision 0001 is the oldest schema there is; the first release added the index of callers to it.
    """
    path = url.removeprefix("sqlite:///")
    if path != url:
        with open(path, "wb"):  # noqa: PTH123
            pass
    engine = database.open_engine(url)
    config = Config()
    config.set_main_option("script_location", str(database.Path(database.__file__).with_name("migrations")))
    with engine.connect().execution_options(**database.WRITING) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    head = "0" * 64
    with engine.connect().execution_options(**database.WRITING) as connection, connection.begin():
        for seq, at in enumerate(STAMPS, start=1):
            content = {
                "kind": "decision", "entry_id": f"e{seq}", "at": at, "call_id": "A-1", "decision_id": f"d{seq}",
                "idempotency_key": f"k{seq}", "final": True, "x": seq,
            }  # fmt: skip
            payload = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            previous, head = head, hashlib.sha256(f"{seq}\n{head}\n{payload}".encode()).hexdigest()
            row = {name: content[name] for name in ("kind", "entry_id", "at", "call_id", "decision_id", "idempotency_key")}
            row |= {"seq": seq, "payload": payload, "previous_hash": previous, "hash": head}
            names = ", ".join(row)
            statement = f"INSERT INTO entries ({names}) VALUES ({', '.join(f':{name}' for name in row)})"  # noqa: S608
            connection.execute(sa.text(statement), row)
        connection.execute(
            sa.text("INSERT INTO notes (decision_id, delete_after, sealed) VALUES ('d1', :until, :sealed)"),
            {"until": "2026-05-30T03:12:00-05:00", "sealed": ENCRYPTION.encrypt("asleep in doorway")},
        )
        if revision == "0002":
            connection.execute(
                sa.text("INSERT INTO callers (seq, caller, decision_id) VALUES (1, :caller, 'd1')"),
                {"caller": ENCRYPTION.fingerprint("919-555-7777")},
            )
    engine.dispose()
    anchor.write_text(json.dumps({"count": 3, "head": head, "at": STAMPS[-1]}).ljust(159) + "\n")


def test_old_entries_stay_and_verify_and_new_ones_follow(url, tmp_path):
    """Searches find old entries by instant, notes open and are purged in time, the chain is one, the guards stand."""
    anchor = tmp_path / "ledger.anchor"
    first_release(url, anchor)
    ledger = opened(url, anchor=anchor, keep_notes=True)
    assert (ledger.verify().count, ledger.verify().fault) == (3, None)
    assert [entry.content["at"] for entry in ledger.read()] == STAMPS
    assert [entry.seq for entry in ledger.search(since="2026-03-01T08:12:00Z", until="2026-03-01T08:12:00.1Z")] == [1, 3]
    assert ledger.note("d1") == "asleep in doorway"
    assert [entry.seq for entry in ledger.of_caller("919-555-7777")] == [1]
    assert fill(ledger, 2)[-1].seq == 5
    again = {"call_id": "A-1", "decision_id": "d1", "final": True, "x": 1}
    assert ledger.append("decision", again, idempotency_key="k1").result(10).repeated
    assert (ledger.verify().count, ledger.verify().fault) == (5, None)
    assert ledger.anchored().count == 5
    over = datetime(2026, 5, 30, 8, 12, tzinfo=UTC)
    assert ledger.purge(over - timedelta(seconds=1)) == 0
    assert ledger.purge(over) == 1
    change(ledger, "UPDATE entries SET payload = replace(payload, '\"x\":2', '\"x\":9') WHERE seq = 2")
    assert (ledger.verify().fault, ledger.verify().at) == ("edited", 2)
    ledger.close()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_each_earlier_schema_becomes_that_of_a_new_ledger(url, tmp_path, revision):
    """Its entries verify, the guards stand, new entries follow, and tables, columns and indexes are a new ledger's."""
    first_release(url, tmp_path / "ledger.anchor", revision)
    ledger = opened(url, anchor=tmp_path / "ledger.anchor")
    assert fill(ledger, 2)[-1].seq == 5
    assert (ledger.verify().count, ledger.verify().fault, ledger.anchored().count) == (5, None, 5)
    with ledger._engine.connect() as connection:
        assert database.revision_of(connection) == REVISION
        options = {
            "include_object": lambda _, name, *__: name != "alembic_version",
            "compare_type": url.startswith("postgresql"),  # SQLite does not hold text to its length, and keeps the old one
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    ledger.close()


def test_a_migrated_ledger_is_opened_without_migrating_again(url, tmp_path, monkeypatch):
    """The second opening runs no migration."""
    first_release(url, tmp_path / "ledger.anchor")
    opened(url, anchor=tmp_path / "ledger.anchor").close()
    monkeypatch.setattr(database, "migrate", lambda _: pytest.fail("migrated twice"))
    opened(url, anchor=tmp_path / "ledger.anchor").close()


def test_a_ledger_of_a_later_release_is_refused(ledger, url, tmp_path):
    """A revision that this release does not know is named, and nothing is changed."""
    with ledger._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="later release"):
        opened(url, anchor=tmp_path / "ledger.anchor")
