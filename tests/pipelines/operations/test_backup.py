"""A ledger is backed up while it is written, and a restored one verifies with its keys and its anchor."""

import json
import shutil
import stat
import subprocess
import threading
import uuid
from datetime import UTC, datetime, timedelta

import postgres
import pytest
import sqlalchemy as sa
from command import heartline
from ledgers import ENCRYPTION, HASH_KEY, NOTE_KEY, change, created, fill, opened, sqlite_url

from models.common import api_keys
from models.errors import InvalidConfig, InvalidData, LedgerBroken, LedgerError
from models.ledger import database
from pipelines.operations.backup import Places, back_up, restore


def places(folder, url=None):
    """Return the places of a deployment in a folder."""
    return Places(
        ledger=url or sqlite_url(folder),
        anchor=folder / "ledger.anchor",
        key_file=folder / "ledger.key",
        api_keys=folder / "keys.json",
    )


def deployed(folder, url=None, **options):
    """Return a new ledger with its files, as a service keeps them in a folder."""
    folder.mkdir()
    (folder / "ledger.key").write_bytes(HASH_KEY)
    api_keys.create(folder / "keys.json", name="desk", roles=["clinician"])
    return created(url or folder, anchor=folder / "ledger.anchor", **options)


class Load:
    """Writers that append to a ledger until the load is ended; `acknowledged` counts what is durable."""

    def __init__(self, ledger):
        """Keep the ledger; nothing is written yet."""
        self._ledger, self._stop, self.acknowledged = ledger, threading.Event(), 0
        self._thread = threading.Thread(target=self._write)
        self.started = threading.Event()

    def _write(self):
        """Append batches, and count each once it is durable."""
        while not self._stop.is_set():
            fill(self._ledger, 20, start=self.acknowledged)
            self.acknowledged += 20
            self.started.set()

    def __enter__(self):
        """Start writing, and wait for the first acknowledged batch."""
        self._thread.start()
        assert self.started.wait(20)
        return self

    def __exit__(self, *_):
        """Stop writing."""
        self._stop.set()
        self._thread.join()


def test_a_backup_under_load_is_one_state_that_holds_all_that_was_acknowledged(tmp_path):
    """All entries that were durable before the backup are restored and verify, while writing goes on with a whole chain."""
    ledger = deployed(tmp_path / "here")
    with Load(ledger) as load:
        for number in range(3):
            before = load.acknowledged
            manifest = back_up(tmp_path / f"backup{number}", places(tmp_path / "here"))
            assert manifest.entries >= before
        during = load.acknowledged
    assert ledger.verify().fault is None
    assert load.acknowledged >= during > 20
    ledger.close()
    for number in range(3):
        place = places(tmp_path / f"there{number}")
        manifest = restore(tmp_path / f"backup{number}", place)
        again = opened(tmp_path / f"there{number}", anchor=place.anchor)
        verdict = again.verify()
        assert (verdict.fault, verdict.count, verdict.head) == (None, manifest.entries, manifest.head)
        assert again.anchored().count == manifest.entries
        assert fill(again, 1)[0].seq == manifest.entries + 1
        assert again.verify().fault is None
        again.close()
        assert place.key_file.read_bytes() == HASH_KEY
        assert api_keys.read(place.api_keys)[0].name == "desk"
        files = [place.key_file, place.api_keys, place.anchor, tmp_path / f"there{number}" / "ledger.db"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.slow
@pytest.mark.skipif(postgres.binaries() is None or shutil.which("pg_dump") is None, reason=postgres.MISSING)
def test_postgresql_is_backed_up_under_load_and_restored_into_an_empty_database(tmp_path):
    """The dump is one snapshot whose last entry its anchor names, and the guards stand after it is restored."""
    with postgres.running() as (base, _, _):
        urls = []
        engine = sa.create_engine(base.replace("postgresql", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for _ in range(2):
                name = f"t{uuid.uuid4().hex}"
                connection.execute(sa.text(f"CREATE DATABASE {name}"))
                urls.append(base.replace("/postgres", f"/{name}"))
        engine.dispose()
        ledger = deployed(tmp_path / "here", urls[0])
        with Load(ledger) as load:
            before = load.acknowledged
            manifest = back_up(tmp_path / "backup", places(tmp_path / "here", urls[0]))
        ledger.close()
        assert manifest.entries >= before
        place = places(tmp_path / "there", urls[1])
        restore(tmp_path / "backup", place)
        again = opened(urls[1], anchor=place.anchor)
        assert (again.verify().fault, again.verify().count) == (None, manifest.entries)
        again.close()
        with pytest.raises(LedgerError, match="already"):
            restore(tmp_path / "backup", places(tmp_path / "other", urls[1]))


class TestRefusals:
    """A damaged ledger is neither backed up nor restored, and existing files are never replaced."""

    @pytest.fixture
    def backup(self, tmp_path):
        """Return a backup of five entries."""
        ledger = deployed(tmp_path / "here")
        fill(ledger, 5)
        ledger.close()
        back_up(tmp_path / "backup", places(tmp_path / "here"))
        return tmp_path / "backup"

    @pytest.mark.parametrize("name", ["ledger.db", "ledger.anchor", "ledger.key", "keys.json"])
    def test_a_changed_file_is_named(self, backup, tmp_path, name):
        """A backup with one more byte in a file is not restored."""
        with (backup / name).open("ab") as file:
            file.write(b" ")
        with pytest.raises(InvalidData, match=name):
            restore(backup, places(tmp_path / "there"))
        assert not (tmp_path / "there").exists()

    def test_a_changed_file_with_its_digest_is_found_by_the_signature(self, backup, tmp_path):
        """Replaced API keys with a matching digest are refused, because the manifest is signed with the ledger's key."""
        api_keys.create(backup / "keys.json", name="intruder", roles=["administrator"])
        manifest = json.loads((backup / "manifest.json").read_text())
        sums = subprocess.run(["sha256sum", backup / "keys.json"], capture_output=True, text=True, check=True)
        manifest["files"]["keys.json"] = sums.stdout.split()[0]
        (backup / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(InvalidData, match="signed"):
            restore(backup, places(tmp_path / "there"))

    def test_a_ledger_that_is_there_is_not_replaced(self, backup, tmp_path):
        """The deployment that was backed up keeps its files."""
        with pytest.raises(LedgerError, match="already"):
            restore(backup, places(tmp_path / "here"))

    def test_another_key_that_is_there_is_not_replaced(self, backup, tmp_path):
        """A key is named before anything is written."""
        (tmp_path / "there").mkdir()
        (tmp_path / "there" / "ledger.key").write_bytes(b"z" * 32)
        with pytest.raises(InvalidConfig, match="another key"):
            restore(backup, places(tmp_path / "there"))
        assert [path.name for path in (tmp_path / "there").iterdir()] == ["ledger.key"]

    def test_a_backup_without_keys_needs_the_key_to_be_restored(self, tmp_path):
        """It holds neither key nor API keys, and is restored where the key is."""
        ledger = deployed(tmp_path / "here")
        fill(ledger, 2)
        ledger.close()
        manifest = back_up(tmp_path / "backup", places(tmp_path / "here"), with_keys=False)
        assert set(manifest.files) == {"ledger.db", "ledger.anchor"}
        with pytest.raises(InvalidConfig, match="key is missing"):
            restore(tmp_path / "backup", places(tmp_path / "there"))
        assert restore(tmp_path / "backup", places(tmp_path / "there"), environment={"HEARTLINE_HASH_KEY": "k" * 32})

    def test_a_ledger_that_does_not_verify_is_not_backed_up(self, tmp_path):
        """An edited row is named, and no folder is left."""
        ledger = deployed(tmp_path / "here")
        fill(ledger, 3)
        change(ledger, "UPDATE entries SET payload = replace(payload, '\"n\":1', '\"n\":9') WHERE seq = 2")
        ledger.close()
        with pytest.raises(LedgerBroken, match="entry 2 was edited"):
            back_up(tmp_path / "backup", places(tmp_path / "here"))
        assert [path.name for path in tmp_path.iterdir()] == ["here"]

    def test_a_ledger_of_another_release_is_not_migrated_by_a_backup(self, tmp_path):
        """It is to be backed up by the release that wrote it."""
        deployed(tmp_path / "here").close()
        engine = database.open_engine(sqlite_url(tmp_path / "here"))
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
        engine.dispose()
        with pytest.raises(InvalidConfig, match="another release"):
            back_up(tmp_path / "backup", places(tmp_path / "here"))


def test_notes_whose_time_is_over_do_not_come_back(tmp_path):
    """A backup may be older than the last purge; what is restored is purged at once."""
    ledger = deployed(tmp_path / "here", keep_notes=True)
    over = datetime.now(UTC) - timedelta(days=100)
    drafts = [ledger.draft("decision", {"decision_id": name}, note="asleep in doorway") for name in ("old", "new")]
    drafts[0] = type(drafts[0])(drafts[0].content, drafts[0].note, over.isoformat())
    ledger.submit(drafts).result(20)
    ledger.close()
    environment = {"HEARTLINE_NOTE_KEY": NOTE_KEY.decode()}
    back_up(tmp_path / "backup", places(tmp_path / "here"), environment=environment)
    restore(tmp_path / "backup", places(tmp_path / "there"), environment=environment)
    again = opened(tmp_path / "there", encryption=ENCRYPTION)
    assert (again.note("old"), again.note("new")) == (None, "asleep in doorway")
    again.close()


def test_the_commands_back_up_and_restore(tmp_path, monkeypatch):
    """The commands back up the ledger of a runs folder, restore it, and refuse a second backup in one folder."""
    for name in ("HEARTLINE_LEDGER", "HEARTLINE_ANCHOR", "HEARTLINE_KEYS", "HEARTLINE_HASH_KEY"):
        monkeypatch.delenv(name, raising=False)
    ledger = deployed(tmp_path / "here")
    fill(ledger, 4)
    ledger.close()
    here = ["--runs", str(tmp_path / "here"), "--keys", str(tmp_path / "here" / "keys.json")]
    code, out, err = heartline("backup", "--out", str(tmp_path / "backup"), *here)
    assert (code, "4 entries backed up" in out) == (0, True), err
    assert heartline("backup", "--out", str(tmp_path / "backup"), *here)[0] == 2
    code, out, err = heartline("restore", str(tmp_path / "backup"), "--ledger", sqlite_url(tmp_path / "there"))
    assert (code, "4 entries" in out) == (0, True), err
    assert heartline("ledger", "verify", "--ledger", sqlite_url(tmp_path / "there"))[0] == 0
