"""Whatever fails under the ledger is one error, everyone who waits hears of it, and the chain goes on afterwards."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from ledgers import created, fill, opened

from models.errors import LedgerError, LedgerUnavailable
from models.ledger.write_thread import WriteThread

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'postgres'"
ROOT = Path(__file__).parents[3]


def in_a_process(code, *words):
    """Run code in a process of its own and return what it printed as JSON."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(done.stdout)


class TestSQLite:
    """Faults of the file, made by the system itself."""

    def test_another_process_that_holds_the_lock_makes_it_unavailable_and_costs_one_wait(self, tmp_path):
        """Of forty entries all fail after one time-out, not after forty; when the lock is gone they are written."""
        ledger = created(tmp_path, busy_seconds=0.5)
        fill(ledger, 1)
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        drafts = [ledger.draft("decision", {"n": n}) for n in range(40)]
        results = ledger.submit(drafts).result(20)
        assert time.monotonic() - start < 5
        assert {type(result) for result in results} == {LedgerUnavailable}
        assert "SQLITE_BUSY" in str(results[0])
        other.execute("ROLLBACK")
        other.close()
        assert len(ledger.submit(drafts).result(20)) == 40
        assert ledger.verify().count == 41
        ledger.close()

    def test_a_lock_never_keeps_readers_from_reading(self, tmp_path):
        """While another process holds the write lock, entries are read."""
        ledger = created(tmp_path, busy_seconds=0.5)
        fill(ledger, 3)
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert len(ledger.search()) == 3
        assert ledger.verify().fault is None
        other.close()
        ledger.close()

    def test_a_limit_on_file_size_makes_it_unavailable_until_there_is_room(self, tmp_path):
        """The system refuses to let the file grow: the entry fails, and with room again it is written."""
        code = """
import json, resource, sys
from pathlib import Path
from ledgers import created, fill
ledger = created(Path(sys.argv[1]))
fill(ledger, 1)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
errors = [type(ledger.append("decision", {"big": "x" * 400_000}).exception(20)).__name__ for _ in range(2)]
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
seq = ledger.append("decision", {"big": "x" * 400_000}).result(20).seq
print(json.dumps([errors, seq, ledger.verify().fault]))
"""
        assert in_a_process(code, tmp_path) == [["LedgerUnavailable"] * 2, 2, None]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
    def test_a_read_only_file_makes_it_unavailable(self):
        """One who may not write the file gets the same error."""
        place = Path("/tmp") / f"heartline-{os.getpid()}"  # noqa: S108  a place that nobody may pass to
        shutil.rmtree(place, ignore_errors=True)
        ledger = created(place)
        fill(ledger, 1)
        ledger.close()
        code = """
import json, os, sys
from pathlib import Path
from ledgers import opened
from models.errors import LedgerError
folder = Path(sys.argv[1])
os.chown(folder, 65534, 65534)
os.chown(folder / "ledger.db", 65534, 65534)
os.chmod(folder / "ledger.db", 0o400)
os.setuid(65534)
try:
    opened(folder).append("decision", {}).result(20)
except LedgerError as error:
    print(json.dumps(type(error).__name__))
"""
        try:
            assert in_a_process(code, place) == "LedgerUnavailable"
        finally:
            shutil.rmtree(place)

    def test_a_file_that_is_deleted_while_it_runs_is_noticed_at_the_next_write(self, tmp_path):
        """The next entry fails, and no new ledger is created in its place."""
        ledger = created(tmp_path, anchor=tmp_path / "ledger.anchor")
        fill(ledger, 2)
        for path in tmp_path.glob("ledger.db*"):
            path.unlink()
        for _ in range(2):
            with pytest.raises(LedgerUnavailable):
                ledger.append("decision", {}).result(10)
        with pytest.raises(LedgerUnavailable):
            ledger.search()
        assert not (tmp_path / "ledger.db").exists()
        ledger.close()

    def test_a_file_that_is_replaced_while_it_runs_is_noticed_at_the_next_write(self, tmp_path):
        """Another ledger under the same name is refused again and again; the right one put back is taken up again."""
        ledger = created(tmp_path / "a")
        other = created(tmp_path / "b")
        fill(ledger, 3)
        fill(other, 5)
        other.close()
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            if (tmp_path / "a" / name).exists():
                (tmp_path / "a" / name).rename(tmp_path / name)
        shutil.copy(tmp_path / "b" / "ledger.db", tmp_path / "a" / "ledger.db")
        for _ in range(3):
            with pytest.raises(LedgerUnavailable):
                ledger.append("decision", {}).result(10)
        (tmp_path / "a" / "ledger.db").unlink()
        for path in (tmp_path / "a").glob("ledger.db-*"):
            path.unlink()
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            if (tmp_path / name).exists():
                (tmp_path / name).rename(tmp_path / "a" / name)
        assert fill(ledger, 1)[0].seq == 4
        assert ledger.verify().fault is None
        ledger.close()


class TestPostgreSQL:
    """Faults of a server, made by stopping it and by ending its connections."""

    @pytest.fixture
    def ledger(self, server):
        """Return a ledger in the server's own database, which outlives the tests of this class."""
        base = server[0]
        try:
            ledger = created(base)
        except LedgerError:
            ledger = opened(base)
        yield ledger
        ledger.close()

    def test_while_it_is_stopped_every_entry_fails_and_then_the_chain_goes_on(self, server, ledger):
        """Stopped: `LedgerUnavailable` for writes and reads; started: the first entry is written."""
        _, stop, start = server
        before = fill(ledger, 1)[0].seq
        stop()
        try:
            for _ in range(2):
                assert isinstance(ledger.append("decision", {"n": 2}).exception(30), LedgerUnavailable)
            with pytest.raises(LedgerUnavailable):
                ledger.search()
            with pytest.raises(LedgerUnavailable):
                ledger.probe().result(30)
        finally:
            start()
        assert fill(ledger, 1)[0].seq == before + 1
        assert ledger.verify().fault is None

    def test_a_connection_that_the_server_ended_costs_no_entry(self, server, ledger):
        """After a restart between two entries the stale connection is replaced, and nobody hears of it."""
        before = fill(ledger, 1)[0].seq
        engine = sa.create_engine(server[0].replace("postgresql", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        for number in range(1, 4):
            with engine.connect() as connection:
                connection.exec_driver_sql(KILL)
            assert fill(ledger, 1)[0].seq == before + number
        engine.dispose()

    def test_restarts_under_load_lose_nothing_that_was_acknowledged(self, server, ledger):
        """Backends are killed while sixteen threads write: each entry is acknowledged and there, or failed by name."""
        engine = sa.create_engine(server[0].replace("postgresql", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        stop, written_since, kills = threading.Event(), threading.Semaphore(0), []

        def kill():
            while not stop.is_set():
                with engine.connect() as connection:
                    connection.exec_driver_sql(KILL)
                kills.append(KILL)
                for _ in range(5):  # between two kills some entries are written, however slow the machine
                    written_since.acquire()

        def write(number):
            try:
                name = ledger.append("decision", {"decision_id": f"load-{number}"}).result(60).content["decision_id"]
            except LedgerUnavailable:
                return None
            written_since.release()
            return name

        killer = threading.Thread(target=kill)
        killer.start()
        with ThreadPoolExecutor(16) as pool:
            acknowledged = [name for name in pool.map(write, range(300)) if name]
        stop.set()
        written_since.release(5)
        killer.join()
        engine.dispose()
        names = [str(entry.content["decision_id"]) for entry in ledger.read()]
        written = [name for name in names if name.startswith("load-")]
        assert kills
        assert len(acknowledged) > 20
        assert set(acknowledged) <= set(written)
        assert len(set(written)) == len(written)
        assert ledger.verify().fault is None


class TestWriteThread:
    """Every future resolves, whatever happens."""

    def test_submissions_that_race_with_close_all_resolve(self, tmp_path):
        """Eight threads append while the ledger is closed: each gets an entry that is there, or `LedgerUnavailable`."""
        ledger = created(tmp_path)
        barrier = threading.Barrier(9)

        def write(name):
            barrier.wait()
            return [ledger.append("decision", {"decision_id": f"{name}-{n}"}) for n in range(50)]

        with ThreadPoolExecutor(8) as pool:
            running = [pool.submit(write, name) for name in range(8)]
            barrier.wait()
            ledger.close()
            futures = [future for thread in running for future in thread.result(20)]
        errors = [future.exception(20) for future in futures]
        assert {type(error) for error in errors if error is not None} <= {LedgerUnavailable}
        again = opened(tmp_path)
        assert again.verify().count == sum(error is None for error in errors)
        again.close()

    def test_a_fault_of_ours_in_the_writer_leaves_nobody_waiting(self):
        """A writer that raises anything fails the batch and goes on with the next."""

        def write(items):
            if "bad" in items:
                raise ZeroDivisionError
            return items

        thread = WriteThread(write)
        assert isinstance(thread.submit(["bad"]).result(5)[0], ZeroDivisionError)
        assert thread.submit(["good"]).result(5) == ["good"]
        with pytest.raises(ZeroDivisionError):
            thread.run(lambda: 1 // 0).result(5)
        thread.close()

    def test_whoever_stops_waiting_stops_nobody_else_and_no_entry(self):
        """A future that is cancelled is written all the same, and the thread lives on."""
        gate = threading.Event()
        written = []

        def write(items):
            gate.wait(5)
            written.extend(items)
            return items

        thread = WriteThread(write)
        thread.submit(["first"])
        gone, stays = thread.submit(["gone"]), thread.submit(["stays"])
        gone.cancel()
        gate.set()
        assert stays.result(5) == ["stays"]
        assert written == ["first", "gone", "stays"]
        thread.close()
