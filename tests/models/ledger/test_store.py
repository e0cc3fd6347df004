"""The ledger keeps every entry in order, finds it again, and writes one request once."""

import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from ledgers import ENCRYPTION, created, fill, opened, sqlite_url

from models.errors import InvalidConfig, InvalidEntry, LedgerConflict, LedgerError, LedgerMissing
from models.ledger import Ledger
from models.ledger.hash_chain import Anchor
from models.ledger.schema import metadata


def test_entries_are_numbered_chained_and_found_again(ledger):
    """What was written is read back in order, and the chain is whole."""
    written = fill(ledger, 25)
    assert [entry.seq for entry in written] == list(range(1, 26))
    assert [entry.content["n"] for entry in ledger.read()] == list(range(25))
    assert ledger.of_decision("d7")[0].content["n"] == 7
    verdict = ledger.verify()
    assert (verdict.count, verdict.fault) == (25, None)
    assert ledger.anchored() == Anchor(25, verdict.head)


def test_many_threads_write_one_chain(ledger):
    """Group commit keeps the order and loses nothing."""
    with ThreadPoolExecutor(16) as pool:
        entries = list(pool.map(lambda n: ledger.append("decision", {"decision_id": str(n)}).result(20), range(400)))
    assert sorted(entry.seq for entry in entries) == list(range(1, 401))
    assert ledger.verify().count == 400


def _write_many(url, anchor, name):
    """Write a hundred entries from a process of its own."""
    ledger = opened(url, anchor=anchor, encryption=ENCRYPTION)
    for number in range(100):
        ledger.append("decision", {"decision_id": f"{name}-{number}"}).result(30)
    ledger.close()


def test_several_processes_write_one_chain_and_one_anchor(url, tmp_path):
    """Two services on one database: every entry is there once, and chain and anchor agree."""
    anchor = tmp_path / "ledger.anchor"
    created(url, anchor=anchor).close()
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_write_many, args=(url, anchor, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    ledger = opened(url, anchor=anchor)
    verdict = ledger.verify()
    assert (verdict.count, verdict.fault) == (200, None)
    assert ledger.anchored() == Anchor(200, verdict.head)
    assert len({entry.content["decision_id"] for entry in ledger.read()}) == 200
    ledger.close()


def test_a_callers_calls_are_all_counted_though_the_latest_are_given(ledger):
    """Of thirty calls twenty are given; a call that was decided twice counts once, one without a number counts too."""
    caller = {"caller": ledger.encryption.hash_caller("919-555-0199"), "final": True}
    for number in range(30):
        fill(ledger, 1, start=number, call_id=f"c{number}", **caller)
    fill(ledger, 1, start=30, call_id="c0", **caller)
    fill(ledger, 1, start=31, **caller)
    fill(ledger, 1, start=32, call_id="other", caller=ledger.encryption.hash_caller("919-555-0100"), final=True)
    assert ledger.count_calls_of("(919) 555 0199") == 31
    assert len(ledger.of_caller("(919) 555 0199")) == 20
    assert ledger.count_calls_of("nobody") == 0


class TestIdempotency:
    """An idempotency key belongs to one request."""

    def test_the_same_request_writes_once(self, ledger):
        """The second time the first entry is given again; even five times in one batch."""
        futures = [ledger.append("feedback", {"decision_id": "d", "x": 1}, idempotency_key="k") for _ in range(5)]
        entries = [future.result(10) for future in futures]
        assert {entry.seq for entry in entries} == {1}
        assert [entry.repeated for entry in entries].count(False) == 1
        assert ledger.append("feedback", {"decision_id": "d", "x": 1}, idempotency_key="k").result(10).repeated

    @pytest.mark.parametrize(
        ("kind", "content", "note"),
        [
            ("outcome", {"decision_id": "d", "adverse_event": "injury"}, None),
            ("feedback", {"decision_id": "d", "x": 2}, None),
            ("feedback", {"decision_id": "other", "x": 1}, None),
            ("feedback", {"decision_id": "d", "x": 1}, "a comment"),
        ],
    )
    def test_another_request_under_the_same_key_is_a_conflict(self, ledger, kind, content, note):
        """A safety report is never answered with a feedback that was sent before, and the key stays usable for its own."""
        ledger.append("feedback", {"decision_id": "d", "x": 1}, idempotency_key="k").result(10)
        with pytest.raises(LedgerConflict):
            ledger.append(kind, content, note=note, idempotency_key="k").result(10)
        assert ledger.append(kind, content, note=note, idempotency_key="other").result(10).seq == 2
        assert ledger.verify().fault is None

    def test_a_conflict_spoils_no_other_row_of_its_batch(self, ledger):
        """In one batch with others, only the conflicting row fails."""
        first = ledger.draft("feedback", {"decision_id": "d", "x": 1}, idempotency_key="k")
        second = ledger.draft("outcome", {"decision_id": "d"}, idempotency_key="k")
        third = ledger.draft("decision", {"decision_id": "e"})
        results = ledger.submit([first, second, third]).result(10)
        assert isinstance(results[1], LedgerConflict)
        assert [results[0].seq, results[2].seq] == [1, 2]


def test_an_entry_that_cannot_be_stored_fails_alone(ledger):
    """A row that the database refuses spoils no other row of its batch, and the chain goes on."""
    twice = {"entry_id": "same"}
    drafts = [ledger.draft("decision", {"n": n} | (twice if n in {2, 3} else {})) for n in range(6)]
    results = ledger.submit(drafts).result(20)
    assert [isinstance(result, InvalidEntry) for result in results].count(True) == 1
    assert ledger.verify().count == 5


@pytest.mark.parametrize(
    "content", [{"call_id": "a\0b"}, {"call_id": "x" * 201}, {"decision_id": 7}, {"n": float("inf")}, {"call_id": "\ud800"}]
)
def test_what_one_database_cannot_store_no_database_stores(ledger, content):
    """NUL, overlong and non-text columns, infinity and lone surrogates are refused alike on SQLite and PostgreSQL."""
    with pytest.raises(InvalidEntry):
        ledger.append("decision", content).result(10)
    assert fill(ledger, 1)[0].seq == 1


def test_search_by_incident_and_by_time(ledger):
    """By the CAD number, since and until, whatever the offset the time is written with."""
    fill(ledger, 3, call_id="A-1")
    fill(ledger, 2, call_id="B-2")
    assert len(ledger.search(call_id="A-1")) == 3
    now = datetime.now(UTC)
    west = now.astimezone(tz=datetime.strptime("-0500", "%z").tzinfo)
    earlier, later = now - timedelta(minutes=1), now + timedelta(minutes=1)
    for write in (datetime.astimezone, datetime.isoformat, lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ")):
        assert ledger.search(until=write(earlier)) == []
        assert len(ledger.search(until=write(later))) == 5
    assert len(ledger.search(since=(west - timedelta(minutes=1)).isoformat())) == 5
    assert ledger.search(since=(west + timedelta(minutes=1)).isoformat()) == []
    assert ledger.search(until=(west - timedelta(minutes=1)).isoformat()) == []
    assert len(ledger.search(limit=2)) == 2


def test_instants_sort_alike_on_every_database(ledger):
    """Entries around a second's edge, written with and without fractions and offsets, are found on the right side."""
    stamps = ["2026-03-01T08:12:00+00:00", "2026-03-01T03:12:00.000001-05:00", "2026-03-01T08:11:59.999999Z"]
    for at in stamps:
        ledger.append("decision", {"at": at}).result(10)
    assert [entry.seq for entry in ledger.search(since="2026-03-01T08:12:00Z")] == [1, 2]
    assert [entry.seq for entry in ledger.search(until="2026-03-01 03:12:00-05:00")] == [3]
    assert [entry.seq for entry in ledger.search(since="2026-03-01", until="2026-03-02")] == [1, 2, 3]
    assert {len(entry.content["at"]) for entry in ledger.read()} == {27}
    assert ledger.verify().fault is None


def test_a_clock_that_jumps_breaks_nothing(ledger):
    """The order is the numbers', not the clock's; an entry is still found by the time it bears."""
    for at in ("2026-01-02T00:00:00+00:00", "2025-12-31T00:00:00+00:00", "2026-01-01T00:00:00+00:00"):
        ledger.append("decision", {"at": at}).result(10)
    assert ledger.verify().fault is None
    assert [entry.seq for entry in ledger.search(until="2026-01-01")] == [2]


class TestReading:
    """Reads are pages, and hold nothing between them."""

    def test_a_search_goes_on_where_the_page_before_ended(self, ledger):
        """Pages of three give the same entries as one of ten."""
        fill(ledger, 10)
        pages, last = [], 0
        while page := ledger.search(limit=3, after=last):
            pages += page
            last = page[-1].seq
        assert pages == ledger.search(limit=10)

    def test_a_walk_and_a_search_of_ten_thousand_do_not_hold_up_writers(self, url):
        """Beside a walk that pauses and readers of the largest page, no write waits for a lock for a fifth of a second."""
        ledger = created(url, busy_seconds=0.2)
        ledger.submit([ledger.draft("decision", {"decision_id": str(n)}) for n in range(10_000)]).result(60)
        walk, stop = ledger.read(), threading.Event()
        next(walk)

        def search():
            while not stop.is_set():
                ledger.search(limit=10_000)

        readers = [threading.Thread(target=search) for _ in range(2)]
        for reader in readers:
            reader.start()
        written = [ledger.append("decision", {"n": number}).result(60).seq for number in range(5)]
        stop.set()
        for reader in readers:
            reader.join()
        assert written == list(range(10_001, 10_006))
        assert sum(1 for _ in walk) == 10_004
        ledger.close()


class TestCreation:
    """A ledger is created by command and never in silence."""

    def test_a_ledger_that_is_not_there_is_not_created(self, url, tmp_path):
        """Opening raises, and leaves no file."""
        with pytest.raises(LedgerMissing, match="heartline ledger create"):
            opened(url)
        assert list(tmp_path.iterdir()) == []
        assert not Ledger.exists(url, tmp_path / "ledger.anchor")

    def test_a_ledger_is_created_once(self, url, tmp_path):
        """A second creation is refused, also where only the anchor is left."""
        created(url, anchor=tmp_path / "ledger.anchor").close()
        assert Ledger.exists(url)
        with pytest.raises(LedgerError, match="already"):
            created(url)
        with pytest.raises(LedgerError, match="already"):
            created(tmp_path / "new", anchor=tmp_path / "ledger.anchor")

    @pytest.mark.parametrize("lost", ["ledger.db", "ledger.anchor"])
    def test_one_of_database_and_anchor_alone_is_refused(self, tmp_path, lost):
        """Whichever is missing, the ledger does not open, and nothing is created in its place."""
        ledger = created(tmp_path, anchor=tmp_path / "ledger.anchor")
        fill(ledger, 3)
        ledger.close()
        (tmp_path / lost).unlink()
        with pytest.raises(LedgerMissing):
            opened(tmp_path, anchor=tmp_path / "ledger.anchor")
        assert not (tmp_path / lost).exists()
        assert Ledger.exists(sqlite_url(tmp_path), tmp_path / "ledger.anchor")

    def test_its_files_are_for_their_owner_alone(self, tmp_path):
        """Database, log and anchor have mode 0600 while it is written."""
        ledger = created(tmp_path, anchor=tmp_path / "ledger.anchor")
        fill(ledger, 1)
        assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == dict.fromkeys(
            ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.anchor"), 0o600
        )
        ledger.close()

    def test_what_was_recovered_after_a_kill_is_reported(self, tmp_path):
        """Entries after the anchor and the log's size are counted; after a clean stop there are none."""
        ledger = created(tmp_path, anchor=tmp_path / "ledger.anchor")
        before = (tmp_path / "ledger.anchor").read_bytes()
        fill(ledger, 4)
        (tmp_path / "ledger.anchor").write_bytes(before)  # as if it was killed between commit and anchor
        again = opened(tmp_path, anchor=tmp_path / "ledger.anchor")
        assert (again.opening.entries, again.opening.after_anchor) == (4, 4)
        assert again.opening.log_bytes > 0
        assert "recovered: 4 entries" in str(again.opening)
        fill(again, 1, start=4)
        again.close()
        ledger.close()
        assert str(opened(tmp_path, anchor=tmp_path / "ledger.anchor").opening) == "the ledger holds 5 entries"

    def test_what_is_no_ledger_is_refused(self, tmp_path):
        """A wrong URL, a memory database, a file that is no database, another kind of entry."""
        for url in ("nonsense", "sqlite://", "sqlite:///:memory:"):
            with pytest.raises(InvalidConfig, match="no ledger's URL"):
                opened(url)
        (tmp_path / "l.db").write_text("this is no database at all, it is a text file of some length\n" * 20)
        with pytest.raises(LedgerError, match="cannot be opened"):
            opened(f"sqlite:///{tmp_path / 'l.db'}")
        ledger = created(tmp_path)
        with pytest.raises(LedgerError, match="no such kind"):
            ledger.append("gossip", {})
        ledger.close()

    def test_keeping_notes_without_a_key_is_refused(self, tmp_path):
        """Nothing is kept in plain words."""
        from models.ledger import NoteEncryption  # noqa: PLC0415

        with pytest.raises(InvalidConfig, match="without a key"):
            created(tmp_path, encryption=NoteEncryption(b"k" * 32), keep_notes=True)

    def test_another_key_is_told_apart_from_a_changed_row(self, url):
        """A ledger opened with a key that is not its own says so, instead of calling its rows edited."""
        from models.ledger import NoteEncryption  # noqa: PLC0415

        created(url).close()
        with pytest.raises(InvalidConfig, match="not the key of this ledger"):
            opened(url, encryption=NoteEncryption(b"x" * 32))


def test_sqlite_syncs_every_commit(tmp_path):
    """Write-ahead log, full sync, deleted content overwritten."""
    ledger = created(tmp_path)
    with ledger._engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    ledger.close()


def test_the_migrations_make_the_tables_that_the_code_uses(ledger):
    """No column is in one and not in the other."""
    inspected = sa.inspect(ledger._engine)
    for table in metadata.sorted_tables:
        assert {column["name"] for column in inspected.get_columns(table.name)} == set(table.columns.keys())
        assert {index["name"] for index in inspected.get_indexes(table.name)} >= {index.name for index in table.indexes}


def test_the_file_is_plain_sqlite_that_anyone_can_read(tmp_path):
    """An auditor needs no code of ours to read the entries."""
    ledger = created(tmp_path)
    fill(ledger, 2)
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.db") as plain:
        assert plain.execute("SELECT count(*) FROM entries").fetchone() == (2,)
