"""The keys of a ledger: keyed hashes to compare notes and persons by, and encryption for notes that a city keeps.

The hash key comes from `HEARTLINE_HASH_KEY`, or else from a file that only its owner may read; the note key comes from
`HEARTLINE_NOTE_KEY` (32 bytes in URL-safe base64, as `Fernet.generate_key` makes them) and from nowhere else.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from models.common.atomic import write_private
from models.common.identity import hash_address, hash_caller
from models.errors import InvalidConfig

HASH_KEY, NOTE_KEY = "HEARTLINE_HASH_KEY", "HEARTLINE_NOTE_KEY"
KEY_BYTES = 32
"""The fewest bytes that a hash key has."""


def key_file_of(url: str) -> Path:
    """Return where the hash key of a ledger is kept when the environment gives none.

    Beside an SQLite file; for any other database in the runs folder, so that the service and every command use one.
    """
    path = url.removeprefix("sqlite:///")
    return Path(path).with_name("ledger.key") if url.startswith("sqlite:///") and path else Path("mlruns/ledger.key")


def read_hash_key(key_file: Path, environment: Mapping[str, str] | None = None, *, create: bool = False) -> bytes:
    """Return the hash key of the environment or of a file, which is created first where `create` says so.

    Raises `InvalidConfig` where there is none, or where it is shorter than 32 bytes.
    """
    variables = os.environ if environment is None else environment
    if HASH_KEY in variables:
        return _long_enough(variables[HASH_KEY].encode(), HASH_KEY)
    if create:
        _create_key(key_file)
    try:
        return _long_enough(key_file.read_bytes(), str(key_file))
    except FileNotFoundError:
        raise InvalidConfig(
            "the hash key is missing", value=str(key_file), remedy=f"restore the file, or set {HASH_KEY}"
        ) from None
    except OSError:
        raise InvalidConfig("the hash key cannot be read", value=str(key_file), remedy="see who owns the file") from None


class NoteEncryption:
    """The hash key and, where notes are kept, the note key of one ledger."""

    def __init__(self, hash_key: bytes, note_key: bytes | None = None) -> None:
        """Keep the keys; raise `InvalidConfig` for a hash key that is too short or a note key that cannot be used."""
        self._hash_key = _long_enough(hash_key, "the hash key")
        try:
            self._fernet = Fernet(note_key) if note_key else None
        except ValueError:
            raise InvalidConfig(f"{NOTE_KEY} is no key", remedy="32 bytes in URL-safe base64") from None

    @classmethod
    def from_environment(
        cls, key_file: Path, environment: Mapping[str, str] | None = None, *, create: bool = False
    ) -> "NoteEncryption":
        """Return the keys that `read_hash_key` and `HEARTLINE_NOTE_KEY` give; raise `InvalidConfig` as they do."""
        variables = os.environ if environment is None else environment
        note_key = variables.get(NOTE_KEY, "").encode() or None
        return cls(read_hash_key(key_file, variables, create=create), note_key)

    @property
    def can_encrypt(self) -> bool:
        """Return whether notes can be encrypted."""
        return self._fernet is not None

    def fingerprint(self, note: str) -> str:
        """Return the keyed hash of a note: the same for the same note, useless without the key."""
        return hmac.new(self._hash_key, note.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def hash_caller(self, caller: str) -> str:
        """Return the keyed hash of a caller, whichever way the number or name is written."""
        return hash_caller(caller, key=self._hash_key)

    def hash_address(self, address: str) -> str:
        """Return the keyed hash of an address, whichever way it is written."""
        return hash_address(address, key=self._hash_key)

    def derive(self, purpose: str) -> bytes:
        """Return a key of 32 bytes for another purpose, the same in every process that holds this one."""
        return hmac.new(self._hash_key, f"heartline:{purpose}".encode(), hashlib.sha256).digest()

    def encrypt(self, note: str) -> bytes:
        """Return a note encrypted; raise `InvalidConfig` where there is no key."""
        return self._cipher().encrypt(note.encode("utf-8", "surrogatepass"))

    def decrypt(self, ciphertext: bytes) -> str:
        """Return a note in plain text; raise `InvalidConfig` where there is no key or another one."""
        try:
            return self._cipher().decrypt(ciphertext).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise InvalidConfig(f"{NOTE_KEY} does not open this note", remedy="use the key it was encrypted with") from None

    def _cipher(self) -> Fernet:
        """Return the cipher; raise `InvalidConfig` where there is no key."""
        if self._fernet is None:
            raise InvalidConfig(f"{NOTE_KEY} is not set", remedy="set it, or do not keep notes")
        return self._fernet


def _long_enough(key: bytes, name: str) -> bytes:
    """Return a hash key; raise `InvalidConfig` where it is too short."""
    if len(key) < KEY_BYTES:
        raise InvalidConfig(f"{name} is too short", value=f"{len(key)} bytes", remedy=f"give {KEY_BYTES} bytes or more")
    return key


def _create_key(path: Path) -> None:
    """Create a complete key file, readable by its owner alone; of several processes at once, all use the key of one."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        write_private(staged, secrets.token_bytes(KEY_BYTES))
        with suppress(FileExistsError):
            path.hardlink_to(staged)
    finally:
        staged.unlink(missing_ok=True)
