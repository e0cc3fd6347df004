"""Keys come from the environment or from a file for its owner alone, are long enough, and are one for all processes."""

import multiprocessing

import pytest
from ledgers import ENCRYPTION

from models.errors import InvalidConfig
from models.ledger.encryption import NoteEncryption, key_file_of, read_hash_key

KEY = b"k" * 32


class TestHashKey:
    """Where the hash key comes from."""

    def test_it_is_created_once_on_demand_and_for_its_owner_only(self, tmp_path):
        """The file may be read by nobody else, and gives the same hashes again."""
        path = tmp_path / "k" / "ledger.key"
        one, other = (NoteEncryption.from_environment(path, {}, create=True) for _ in range(2))
        assert one.fingerprint("a") == other.fingerprint("a") != one.fingerprint("b")
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(path.parent.iterdir()) == [path]

    def test_a_missing_key_is_not_created_in_silence(self, tmp_path):
        """A ledger whose key is lost would be unreadable with another one."""
        with pytest.raises(InvalidConfig, match="missing"):
            NoteEncryption.from_environment(tmp_path / "ledger.key", {})
        assert not (tmp_path / "ledger.key").exists()

    @pytest.mark.parametrize("content", [b"", b"k" * 31])
    def test_an_empty_or_short_key_is_refused(self, tmp_path, content):
        """From a file, from the environment and from code alike, also where a key may be created."""
        (tmp_path / "ledger.key").write_bytes(content)
        for create in (False, True):
            with pytest.raises(InvalidConfig, match="too short"):
                read_hash_key(tmp_path / "ledger.key", {}, create=create)
        with pytest.raises(InvalidConfig, match="too short"):
            read_hash_key(tmp_path / "none", {"HEARTLINE_HASH_KEY": content.decode()})
        with pytest.raises(InvalidConfig, match="too short"):
            NoteEncryption(content)

    def test_the_environments_key_goes_first(self, tmp_path):
        """No file is created where a key is given."""
        encryption = NoteEncryption.from_environment(tmp_path / "l.key", {"HEARTLINE_HASH_KEY": KEY.decode()}, create=True)
        assert not (tmp_path / "l.key").exists()
        assert encryption.fingerprint("a") == NoteEncryption(KEY).fingerprint("a")
        assert not encryption.can_encrypt

    def test_workers_that_start_at_once_agree_on_one_key(self, tmp_path):
        """Of eight processes that each may create the key, all end with the same."""
        spawn = multiprocessing.get_context("fork")
        queue, barrier = spawn.Queue(), spawn.Barrier(8)

        def start():
            barrier.wait()
            queue.put(read_hash_key(tmp_path / "ledger.key", {}, create=True))

        workers = [spawn.Process(target=start) for _ in range(8)]
        for worker in workers:
            worker.start()
        keys = {queue.get(timeout=30) for _ in workers}
        for worker in workers:
            worker.join()
        assert len(keys) == 1

    def test_a_server_database_has_one_place_for_its_key_too(self):
        """The service and every command read the same file, whatever database the ledger is in."""
        assert key_file_of("sqlite:////var/lib/heartline/ledger.db").as_posix() == "/var/lib/heartline/ledger.key"
        assert key_file_of("postgresql://host/heartline").as_posix() == "mlruns/ledger.key"


def test_a_wrong_note_key_opens_nothing():
    """Another key, a missing one and one that is none are all refused."""
    from cryptography.fernet import Fernet  # noqa: PLC0415

    ciphertext = ENCRYPTION.encrypt("words")
    assert ENCRYPTION.decrypt(ciphertext) == "words"
    with pytest.raises(InvalidConfig, match="does not open"):
        NoteEncryption(KEY, Fernet.generate_key()).decrypt(ciphertext)
    with pytest.raises(InvalidConfig, match="no key"):
        NoteEncryption(KEY, b"short")
    with pytest.raises(InvalidConfig, match="not set"):
        NoteEncryption(KEY).encrypt("words")
