"""Notes are kept only where the setting says so, encrypted, and are gone from the files when their time is over."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from ledgers import created

from models.errors import LedgerUnavailable
from models.ledger.schema import notes


def test_notes_are_encrypted_and_purged_and_the_chain_stays_whole(ledger):
    """A kept note opens with the key, is not in the database in plain words, and goes when its time is over."""
    ledger.append("decision", {"decision_id": "d"}, note="male asleep in doorway").result(10)
    assert ledger.note("d") == "male asleep in doorway"
    with ledger._engine.connect() as connection:
        assert b"doorway" not in connection.execute(sa.select(notes.c.ciphertext)).scalar()
    assert ledger.purge() == 0
    assert ledger.purge(datetime.now(UTC) + timedelta(days=91)) == 1
    assert ledger.note("d") is None
    assert ledger.verify().fault is None


def test_a_note_is_kept_only_where_the_setting_says_so(url):
    """By default nothing but the keyed hash stays."""
    ledger = created(url)
    ledger.append("decision", {"decision_id": "d"}, note="words").result(10)
    assert ledger.note("d") is None
    ledger.close()


def test_a_purged_note_is_gone_from_the_file_and_its_log(tmp_path):
    """Not one byte of its ciphertext is left in the database or the write-ahead log, while the service goes on."""
    ledger = created(tmp_path, keep_notes=True)
    for number in range(60):
        note = f"note {number} " * (5 + 37 * number % 200)
        ledger.append("decision", {"decision_id": f"{37 * number % 61}"}, note=note).result(10)
    with ledger._engine.begin() as connection:
        over = sa.update(notes).where(notes.c.decision_id > "3").values(delete_after="2020-01-01T00:00:00.000000Z")
        connection.execute(over)
        query = sa.select(notes.c.ciphertext).where(notes.c.decision_id > "3")
        ciphertexts = list(connection.execute(query).scalars())
    pieces = [each[at : at + 48] for each in ciphertexts for at in range(40, len(each) - 48, 48)]

    def left():
        raw = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
        return sum(piece in raw for piece in pieces)

    assert left() == len(pieces) > 500
    assert ledger.purge() == len(ciphertexts)
    assert left() == 0
    assert ledger.note("11")
    ledger.append("decision", {"decision_id": "later"}).result(10)
    ledger.close()
    assert left() == 0


def test_a_log_that_a_reader_holds_is_not_called_purged(tmp_path):
    """While a reader's snapshot keeps the log, purging says so; afterwards it does the rest."""
    ledger = created(tmp_path, keep_notes=True, busy_seconds=0.2)
    ledger.append("decision", {"decision_id": "d"}, note="words").result(10)
    reader = ledger._engine.raw_connection()
    reader.cursor().execute("BEGIN")
    reader.cursor().execute("SELECT count(*) FROM notes").fetchone()
    with pytest.raises(LedgerUnavailable, match="log still holds"):
        ledger.purge(datetime.now(UTC) + timedelta(days=91))
    reader.rollback()
    reader.close()
    assert ledger.purge(datetime.now(UTC) + timedelta(days=91)) == 0
    assert (tmp_path / "ledger.db-wal").stat().st_size == 0
    ledger.close()
