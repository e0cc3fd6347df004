"""The ledger keeps every entry, refuses changes, tells what was done to it, and forgets notes when it should."""

import multiprocessing
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import postgres
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from models.errors import InvalidConfig, LedgerError
from models.ledger import hash_chain as chain
from models.ledger.encryption import NoteSafe
from models.ledger.hash_chain import Anchor
from models.ledger.schema import entries, metadata, notes
from models.ledger.store import Ledger

SAFE = NoteSafe(b"hash key", Fernet.generate_key())


@pytest.fixture(scope="session")
def server():
    """Run PostgreSQL once."""
    if postgres.binaries() is None:
        pytest.skip(postgres.MISSING)
    with postgres.running() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Return the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    base = request.getfixturevalue("server")[0]
    name = f"t{uuid.uuid4().hex}"
    engine = sa.create_engine(base.replace("postgresql", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return base.replace("/postgres", f"/{name}")


@pytest.fixture
def ledger(url, tmp_path):
    """Return an empty ledger with an anchor."""
    made = Ledger(url, safe=SAFE, anchor=tmp_path / "anchor.json", keep_notes=True)
    yield made
    made.close()


def fill(ledger, count, **more):
    """Append some decisions and wait until they are durable."""
    futures = [ledger.append("decision", {"decision_id": f"d{number}", "n": number} | more) for number in range(count)]
    return [future.result(10) for future in futures]


def disarmed(ledger, *statements):
    """Change the database as one would who owns the machine: without its triggers."""
    with ledger._engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(sa.text("DROP TRIGGER entries_no_update"))
            connection.execute(sa.text("DROP TRIGGER entries_no_delete"))
        else:
            connection.execute(sa.text("ALTER TABLE entries DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_entries_are_numbered_chained_and_found_again(ledger):
    """What was written is read back, in order, and the chain is whole."""
    written = fill(ledger, 25)
    assert [entry.seq for entry in written] == list(range(1, 26))
    assert [entry.content["n"] for entry in ledger.read()] == list(range(25))
    assert ledger.of_decision("d7")[0].content["n"] == 7
    verdict = ledger.verify()
    assert (verdict.count, verdict.fault) == (25, None)
    assert ledger.anchored() == Anchor(25, verdict.head)


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET kind = 'x'", "DELETE FROM entries", "DELETE FROM entries WHERE seq=1"]
)
def test_the_database_itself_refuses_changes(ledger, statement):
    """Neither an update nor a deletion gets through, whoever asks."""
    fill(ledger, 2)
    with pytest.raises(DBAPIError, match="append-only"), ledger._engine.begin() as connection:
        connection.execute(sa.text(statement))
    assert ledger.verify().fault is None


@pytest.mark.parametrize(
    ("statement", "fault", "at"),
    [
        ("UPDATE entries SET payload = replace(payload, '\"n\":3', '\"n\":9') WHERE seq = 4", "edited", 4),
        ("UPDATE entries SET call_id = 'other' WHERE seq = 4", "edited", 4),
        ("UPDATE entries SET hash = previous_hash WHERE seq = 4", "edited", 4),
        ("DELETE FROM entries WHERE seq = 4", "deleted", 5),
        ("DELETE FROM entries WHERE seq = 1", "deleted", 2),
        ("DELETE FROM entries WHERE seq > 7", "cut", 10),
        ("DELETE FROM entries", "cut", 10),
    ],
)
def test_what_was_done_to_it_is_told_apart(ledger, statement, fault, at):
    """An edit, a deletion and a cut tail are three things, and the place is named."""
    fill(ledger, 10)
    disarmed(ledger, statement)
    verdict = ledger.verify()
    assert (verdict.fault, verdict.at) == (fault, at)
    assert str(at) in str(verdict)


def test_a_ledger_written_anew_does_not_match_its_anchor(ledger, tmp_path):
    """Who forges every seal still meets the anchor."""
    fill(ledger, 5)
    anchor = ledger.anchored()
    other = Ledger(f"sqlite:///{tmp_path / 'forged.db'}", safe=SAFE)
    fill(other, 6, forged=True)
    assert other.verify().fault is None
    assert other.verify(anchor).fault == "rewritten"
    other.close()


def test_many_threads_write_one_chain(ledger):
    """Group commit keeps the order and loses nothing."""
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda n: ledger.append("decision", {"decision_id": str(n)}).result(20), range(400)))
    assert sorted(entry.seq for entry in done) == list(range(1, 401))
    assert ledger.verify().count == 400


def _write_many(url, name):
    """Write a hundred entries from a process of its own."""
    ledger = Ledger(url, safe=NoteSafe(b"k"))
    for number in range(100):
        ledger.append("decision", {"decision_id": f"{name}-{number}"}).result(30)
    ledger.close()


def test_several_processes_write_one_chain(url):
    """Two services on one database: every entry is there once, and the chain is whole."""
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_write_many, args=(url, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    ledger = Ledger(url, safe=SAFE)
    assert ledger.verify().count == 200
    assert len({entry.content["decision_id"] for entry in ledger.read()}) == 200
    ledger.close()


def test_a_repeated_key_writes_once(ledger):
    """The second time the first entry is given again; even twice in one batch."""
    futures = [ledger.append("feedback", {"decision_id": "d", "x": n}, idempotency_key="k") for n in range(5)]
    done = [future.result(10) for future in futures]
    assert {entry.seq for entry in done} == {1}
    assert [entry.repeated for entry in done].count(False) == 1
    assert ledger.append("feedback", {"x": 9}, idempotency_key="k").result(10).content["x"] == 0


def test_notes_are_sealed_and_purged_and_the_chain_stays_whole(ledger):
    """A kept note opens with the key, is not in the database in plain words, and goes when its time is over."""
    ledger.append("decision", {"decision_id": "d"}, note="male asleep in doorway").result(10)
    assert ledger.note("d") == "male asleep in doorway"
    with ledger._engine.connect() as connection:
        assert b"doorway" not in connection.execute(sa.select(notes.c.sealed)).scalar()
    assert ledger.purge() == 0
    assert ledger.purge(datetime.now(UTC) + timedelta(days=91)) == 1
    assert ledger.note("d") is None
    assert ledger.verify().fault is None


def test_a_note_is_kept_only_where_the_setting_says_so(url):
    """By default nothing but the keyed hash stays."""
    ledger = Ledger(url, safe=SAFE)
    ledger.append("decision", {"decision_id": "d"}, note="words").result(10)
    assert ledger.note("d") is None
    ledger.close()


def test_keeping_notes_without_a_key_is_refused(tmp_path):
    """Nothing is kept in plain words."""
    with pytest.raises(InvalidConfig, match="without a key"):
        Ledger(f"sqlite:///{tmp_path / 'l.db'}", safe=NoteSafe(b"k"), keep_notes=True)


def test_search_by_incident_and_by_time(ledger):
    """By the CAD number, since and until."""
    fill(ledger, 3, call_id="A-1")
    fill(ledger, 2, call_id="B-2")
    assert len(ledger.search(call_id="A-1")) == 3
    now = datetime.now(UTC)
    assert len(ledger.search(since=(now - timedelta(minutes=1)).isoformat())) == 5
    assert ledger.search(since=(now + timedelta(minutes=1)).isoformat()) == []
    assert ledger.search(until=(now - timedelta(minutes=1)).isoformat()) == []
    assert len(ledger.search(limit=2)) == 2


def test_an_entry_that_cannot_be_written_fails_alone(ledger):
    """A row that the database refuses spoils no other row of its batch, and the chain goes on."""
    twice = {"entry_id": "same"}
    futures = [ledger.append("decision", {"n": n} | (twice if n in {2, 3} else {})) for n in range(6)]
    failed = [future for future in futures if future.exception(10) is not None]
    assert len(failed) == 1
    assert ledger.verify().count == 5


def test_a_database_that_goes_away_and_comes_back(server):
    """While it is gone every entry fails and says so; when it is back the chain goes on."""
    base, stop, start = server
    ledger = Ledger(base, safe=SAFE)
    before = ledger.append("decision", {"n": 1}).result(10).seq
    stop()
    assert ledger.append("decision", {"n": 2}).exception(30) is not None
    start()
    assert ledger.append("decision", {"n": 3}).result(30).seq == before + 1
    assert ledger.verify().fault is None
    ledger.close()


def test_a_full_disk_fails_the_entry_and_not_the_ledger(tmp_path):
    """Where no page is left, the entry fails; with room again it is written."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", safe=SAFE)
    fill(ledger, 1)
    ledger._writer._open().cursor().execute("PRAGMA max_page_count = 1")  # as many pages as there are, and none more
    assert ledger.append("decision", {"big": "x" * 400_000}).exception(10) is not None
    assert ledger.append("decision", {"big": "x" * 400_000}).result(10).seq == 2
    assert ledger.verify().fault is None
    ledger.close()


def test_the_anchor_may_go_to_standard_output(tmp_path, capsys):
    """A log collector sees how many there are, and the head."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", safe=SAFE, anchor="-")
    fill(ledger, 1)
    ledger.close()
    assert '"count": 1' in capsys.readouterr().out


def test_sqlite_syncs_every_commit(tmp_path):
    """Write-ahead log, full sync."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", safe=SAFE)
    with ledger._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    ledger.close()


def test_what_is_no_ledger_is_refused(tmp_path):
    """A wrong URL, a file that is no database, another kind of entry."""
    with pytest.raises(InvalidConfig, match="no ledger's URL"):
        Ledger("nonsense", safe=SAFE)
    (tmp_path / "l.db").write_text("this is no database at all, it is a text file of some length\n" * 20)
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger(f"sqlite:///{tmp_path / 'l.db'}", safe=SAFE)
    ledger = Ledger(f"sqlite:///{tmp_path / 'k.db'}", safe=SAFE)
    with pytest.raises(LedgerError, match="no such kind"):
        ledger.append("gossip", {})
    ledger.close()


def test_the_migrations_make_the_tables_that_the_code_uses(ledger):
    """No column is in one and not in the other."""
    inspected = sa.inspect(ledger._engine)
    for table in metadata.sorted_tables:
        assert {column["name"] for column in inspected.get_columns(table.name)} == set(table.columns.keys())
        assert {index["name"] for index in inspected.get_indexes(table.name)} >= {index.name for index in table.indexes}


def test_a_clock_that_jumps_breaks_nothing(ledger):
    """The order is the numbers', not the clock's; an entry is still found by the time it bears."""
    for at in ("2026-01-02T00:00:00+00:00", "2025-12-31T00:00:00+00:00", "2026-01-01T00:00:00+00:00"):
        ledger.append("decision", {"at": at}).result(10)
    assert ledger.verify().fault is None
    assert [entry.seq for entry in ledger.search(until="2026-01-01")] == [2]


def test_a_reader_does_not_hold_up_writers(ledger):
    """A long walk through the ledger lets entries be written meanwhile."""
    fill(ledger, 3)
    walk = ledger.read()
    next(walk)
    assert ledger.append("decision", {"n": 9}).result(5).seq == 4
    walk.close()


@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9)), max_size=4)
)
def test_the_seal_changes_with_the_content(content):
    """Canonical JSON gives equal content equal seals, and other content other ones."""
    payload = chain.canonical(content)
    assert chain.seal(1, chain.START, payload) == chain.seal(
        1, chain.START, chain.canonical(dict(reversed(content.items())))
    )
    assert chain.seal(1, chain.START, payload) != chain.seal(2, chain.START, payload)
    assert chain.seal(1, chain.START, payload) != chain.seal(1, chain.START, payload + " ")


def test_an_anchor_that_cannot_be_read_is_said(tmp_path):
    """It is not taken for no anchor."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", safe=SAFE, anchor=tmp_path / "a.json")
    fill(ledger, 1)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(LedgerError, match="anchor"):
        ledger.verify()
    ledger.close()


class TestNoteSafe:
    """Keys from the environment, never from the code."""

    def test_a_hash_key_is_made_once_and_for_its_owner_only(self, tmp_path):
        """The file may be read by nobody else, and gives the same fingerprints again."""
        path = tmp_path / "k" / "hash.key"
        one, other = (NoteSafe.from_environment(path, {}) for _ in range(2))
        assert one.fingerprint("a") == other.fingerprint("a") != one.fingerprint("b")
        assert path.stat().st_mode & 0o077 == 0

    def test_the_environments_key_goes_first(self, tmp_path):
        """No file is made where a key is given."""
        safe = NoteSafe.from_environment(tmp_path / "hash.key", {"HEARTLINE_HASH_KEY": "k"})
        assert not (tmp_path / "hash.key").exists()
        assert safe.fingerprint("a") == NoteSafe(b"k").fingerprint("a")
        assert not safe.can_keep

    def test_a_wrong_key_opens_nothing(self):
        """Another key, and a key that is none, are both refused."""
        sealed = SAFE.seal("words")
        with pytest.raises(InvalidConfig, match="does not open"):
            NoteSafe(b"k", Fernet.generate_key()).open(sealed)
        with pytest.raises(InvalidConfig, match="no key"):
            NoteSafe(b"k", b"short")
        with pytest.raises(InvalidConfig, match="not set"):
            NoteSafe(b"k").seal("words")


def test_the_file_is_plain_sqlite_that_anyone_can_read(tmp_path):
    """An auditor needs no code of ours to read the entries."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", safe=SAFE)
    fill(ledger, 2)
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as plain:
        assert plain.execute("SELECT count(*) FROM entries").fetchone() == (2,)
    assert entries.name == "entries"
