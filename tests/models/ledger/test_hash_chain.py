"""What was done to a ledger is named: an edit, a deletion, a cut tail, another chain, missing guards, a missing anchor."""

import shutil
import sqlite3
import threading

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from ledgers import ENCRYPTION, change, created, fill, opened
from sqlalchemy.exc import DBAPIError

from models.errors import LedgerError, LedgerUnavailable
from models.ledger import hash_chain as chain
from models.ledger.anchor import read_line
from models.ledger.database import forget_deleted
from models.ledger.hash_chain import Anchor


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET kind = 'x'", "DELETE FROM entries", "DELETE FROM entries WHERE seq=1"]
)
def test_the_database_itself_refuses_changes(ledger, statement):
    """Neither an update nor a deletion gets through, whoever asks."""
    fill(ledger, 2)
    with pytest.raises(DBAPIError, match="append-only"), ledger._engine.begin() as connection:
        connection.execute(sa.text(statement))
    assert ledger.verify().fault is None


@pytest.mark.parametrize("same", ["seq = 2", "entry_id", "idempotency_key"])
def test_insert_or_replace_is_refused(tmp_path, same):
    """A row cannot be replaced by its number, its id or its idempotency key."""
    ledger = created(tmp_path)
    ledger.append("decision", {"decision_id": "a"}, idempotency_key="k").result(10)
    fill(ledger, 2)
    columns = "kind, entry_id, at, call_id, decision_id, idempotency_key, payload, previous_hash, hash, hash_version"
    number = "2" if same == "seq = 2" else "9"
    name = "entry_id" if same == "entry_id" else "'new'"
    key = "idempotency_key" if same == "idempotency_key" else "NULL"
    values = columns.replace("entry_id", name).replace("idempotency_key", key)
    source = "1" if same == "idempotency_key" else "2"
    statement = (
        f"INSERT OR REPLACE INTO entries (seq, {columns}) SELECT {number}, {values} FROM entries WHERE seq = {source}"  # noqa: S608
    )
    with sqlite3.connect(tmp_path / "ledger.db") as plain, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute(statement)
    assert ledger.verify().count == 3
    ledger.close()


@pytest.mark.parametrize(
    ("statement", "fault", "at"),
    [
        ("UPDATE entries SET payload = replace(payload, '\"n\":3', '\"n\":9') WHERE seq = 4", "edited", 4),
        ("UPDATE entries SET call_id = 'other' WHERE seq = 4", "edited", 4),
        ("UPDATE entries SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 4", "edited", 4),
        ("UPDATE entries SET hash = previous_hash WHERE seq = 4", "edited", 4),
        ("UPDATE entries SET hash_version = 1 WHERE seq = 4", "edited", 4),
        ("DELETE FROM entries WHERE seq = 4", "deleted", 5),
        ("DELETE FROM entries WHERE seq = 1", "deleted", 2),
        ("DELETE FROM entries WHERE seq > 7", "cut", 10),
        ("DELETE FROM entries", "cut", 10),
    ],
)
def test_what_was_done_to_it_is_told_apart(ledger, statement, fault, at):
    """An edit, a deletion and a cut tail are three things, and the place is named."""
    fill(ledger, 10)
    change(ledger, statement)
    verdict = ledger.verify()
    assert (verdict.fault, verdict.at) == (fault, at)
    assert str(at) in str(verdict)


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize("decided", [1, 5, 6])
def test_a_cut_tail_never_heals_itself(ledger, url, tmp_path, decided, reopened):
    """After the last five of twenty rows are deleted no further entry is written, and verify goes on saying so."""
    fill(ledger, 20)
    change(ledger, "DELETE FROM entries WHERE seq > 15")
    writing = opened(url, anchor=tmp_path / "ledger.anchor") if reopened else ledger
    for number in range(decided):
        with pytest.raises(LedgerUnavailable, match="lost entries"):
            writing.append("decision", {"n": number}).result(10)
    assert (ledger.verify().fault, ledger.verify().at) == ("cut", 20)
    with pytest.raises(LedgerUnavailable):
        writing.probe().result(10)
    writing.close()


def test_a_lost_log_is_a_cut_tail(tmp_path):
    """Acknowledged decisions that lay in a write-ahead log that is lost are missed, not forgotten."""
    ledger = created(tmp_path / "a", anchor=tmp_path / "ledger.anchor")
    fill(ledger, 4)
    assert forget_deleted(ledger._engine)
    fill(ledger, 16, start=4)
    (tmp_path / "b").mkdir()
    shutil.copy(tmp_path / "a" / "ledger.db", tmp_path / "b" / "ledger.db")
    ledger.close()
    again = opened(tmp_path / "b", anchor=tmp_path / "ledger.anchor")
    assert (again.verify().fault, again.verify().count) == ("cut", 4)
    with pytest.raises(LedgerUnavailable, match="lost entries"):
        fill(again, 1, start=20)
    again.close()


def test_a_ledger_written_anew_does_not_match_its_anchor(ledger, tmp_path):
    """Who holds the key and forges every hash still meets the anchor."""
    fill(ledger, 5)
    anchor = ledger.anchored()
    forged = created(tmp_path / "forged")
    fill(forged, 6, forged=True)
    assert forged.verify().fault is None
    assert forged.verify(anchor).fault == "rewritten"
    forged.close()


def test_without_the_key_no_chain_can_be_written(ledger):
    """Rows whose hashes are recomputed by plain SHA-256, as the first release wrote them, are found."""
    fill(ledger, 3)
    with ledger._engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT seq, previous_hash, payload FROM entries ORDER BY seq").all()
    last, previous = rows[2], rows[2].previous_hash
    payload = last.payload.replace('"n":2', '"n":9')
    plain = chain.row_hash(3, previous, payload, key=b"", version=1)
    forged = (
        "UPDATE entries SET payload = replace(payload, '\"n\":2', '\"n\":9'), hash = '{}', hash_version = {} WHERE seq = 3"
    )
    change(ledger, forged.format(plain, 2))
    assert ledger.verify().fault == "edited"
    change(ledger, "UPDATE entries SET hash_version = 1 WHERE seq = 3")
    assert ledger.verify().fault == "downgraded"


def test_missing_triggers_are_found(ledger):
    """A whole chain in a database that no longer forbids changes is not unbroken."""
    fill(ledger, 2)
    change(ledger, rearm=False)
    assert ledger.verify().fault == "unguarded"


class TestAnchor:
    """The anchor is signed, advances only over rows that match it, and its faults are alerts."""

    def test_a_missing_anchor_is_never_unbroken(self, ledger, tmp_path):
        """Verify says that the anchor is missing, and nothing creates it again."""
        fill(ledger, 2)
        (tmp_path / "ledger.anchor").unlink()
        assert ledger.verify().fault == "unanchored"
        fill(ledger, 1)
        assert ledger.verify().fault == "unanchored"
        assert not (tmp_path / "ledger.anchor").exists()

    def test_a_failure_after_the_commit_is_an_alert_and_the_entry_is_there(self, url, tmp_path):
        """The entry is acknowledged, the alert says what failed, and it ends when the anchor follows again."""
        alerts = []
        anchor = tmp_path / "ledger.anchor"
        ledger = created(url, anchor=anchor, on_alert=alerts.append)
        fill(ledger, 1)
        kept = anchor.read_bytes()
        anchor.unlink()
        anchor.mkdir()
        assert fill(ledger, 1, start=1)[0].seq == 2
        assert "anchor" in ledger.alert
        anchor.rmdir()
        anchor.write_bytes(kept)
        assert fill(ledger, 1, start=2)[0].seq == 3
        assert ledger.alert is None
        assert alerts[-1] is None
        assert ledger.anchored().count == 3
        ledger.close()

    def test_an_anchor_that_cannot_be_read_is_not_taken_for_none_and_not_written_over(self, ledger, tmp_path):
        """Verify raises; entries are written with an alert."""
        fill(ledger, 1)
        (tmp_path / "ledger.anchor").write_text("{")
        with pytest.raises(LedgerError, match="anchor"):
            ledger.verify()
        fill(ledger, 1, start=1)
        assert ledger.alert is not None
        assert (tmp_path / "ledger.anchor").read_text() == "{"

    def test_a_shorter_anchor_cannot_be_forged_without_the_key(self, ledger, tmp_path):
        """Who cuts the tail and writes an anchor for what is left is found out by its signature."""
        fill(ledger, 5)
        with ledger._engine.connect() as connection:
            head = connection.exec_driver_sql("SELECT hash FROM entries WHERE seq = 3").scalar()
        line = (tmp_path / "ledger.anchor").read_text()
        forged = line.replace('"count": 5', '"count": 3').replace(ledger.anchored().head, head)
        (tmp_path / "ledger.anchor").write_text(forged)
        change(ledger, "DELETE FROM entries WHERE seq > 3")
        with pytest.raises(LedgerError, match="not signed with this key"):
            ledger.verify()

    def test_it_may_go_to_standard_output(self, tmp_path, capsys):
        """A log collector sees signed lines with the count and the head."""
        ledger = created(tmp_path, anchor="-")
        fill(ledger, 1)
        ledger.close()
        line = capsys.readouterr().out.splitlines()[-1]
        assert read_line(line, key=ENCRYPTION.derive("anchor")).count == 1

    def test_a_signed_head_can_be_kept_elsewhere_and_checked_later(self, ledger):
        """A witness's line names the entries of its day, and a chain that was rewritten since does not match it."""
        fill(ledger, 3)
        witness = read_line(ledger.signed_head(), key=ENCRYPTION.derive("anchor"))
        fill(ledger, 3, start=3)
        assert ledger.verify(witness).fault is None
        assert ledger.verify(Anchor(3, "0" * 64)).fault == "rewritten"

    def test_verifying_while_others_write_raises_no_false_alarm(self, ledger):
        """Thirty verifications beside a writer that never pauses find nothing."""
        stop = threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                ledger.append("decision", {"n": number}).result(10)
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            assert {ledger.verify().fault for _ in range(30)} == {None}
        finally:
            stop.set()
            writer.join()


@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9)), max_size=4)
)
def test_the_hash_changes_with_content_number_and_key(content):
    """Canonical JSON gives equal content equal hashes, and other content, another number or another key other ones."""
    try:
        payload = chain.canonical(content)
        payload.encode()
    except UnicodeEncodeError:
        return
    first = chain.row_hash(1, chain.START, payload, key=b"a")
    assert first == chain.row_hash(1, chain.START, chain.canonical(dict(reversed(content.items()))), key=b"a")
    assert first != chain.row_hash(2, chain.START, payload, key=b"a")
    assert first != chain.row_hash(1, chain.START, payload + " ", key=b"a")
    assert first != chain.row_hash(1, chain.START, payload, key=b"b")
