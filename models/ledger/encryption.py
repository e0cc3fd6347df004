"""Keep notes private: a keyed hash to compare them by, and encryption for those that a city chooses to keep.

The hash key comes from `HEARTLINE_HASH_KEY`, or else from a file that only its owner may read; the note key from
`HEARTLINE_NOTE_KEY` (32 bytes in URL-safe base64, as `Fernet.generate_key` makes them) and from nowhere else.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from models.errors import InvalidConfig

HASH_KEY, NOTE_KEY = "HEARTLINE_HASH_KEY", "HEARTLINE_NOTE_KEY"


def key_file_of(url: str) -> Path | None:
    """Return where the hash key of a ledger lies that no environment gives: beside an SQLite file, else nowhere."""
    path = url.removeprefix("sqlite:///")
    return Path(path).with_name("ledger.key") if url.startswith("sqlite:///") and path else None


class NoteSafe:
    """Hash notes with a key, and seal and open them where there is a key for that."""

    def __init__(self, hash_key: bytes, note_key: bytes | None = None) -> None:
        """Keep the keys; raise `InvalidConfig` for a note key that is none."""
        self._hash_key = hash_key
        try:
            self._fernet = Fernet(note_key) if note_key else None
        except ValueError:
            raise InvalidConfig(f"{NOTE_KEY} is no key", remedy="32 bytes in URL-safe base64") from None

    @classmethod
    def from_environment(cls, key_file: Path | None, environment: Mapping[str, str] | None = None) -> "NoteSafe":
        """Read the keys; where no hash key is set, make one in `key_file`, which only its owner may read."""
        given = os.environ if environment is None else environment
        note_key = given.get(NOTE_KEY, "").encode() or None
        if given.get(HASH_KEY):
            return cls(given[HASH_KEY].encode(), note_key)
        if key_file is None:
            return cls(secrets.token_bytes(32), note_key)
        if not key_file.exists():
            key_file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(32))
        return cls(key_file.read_bytes(), note_key)

    @property
    def can_keep(self) -> bool:
        """Tell whether notes can be sealed."""
        return self._fernet is not None

    def fingerprint(self, note: str) -> str:
        """Return the keyed hash of a note: the same for the same note, useless without the key."""
        return hmac.new(self._hash_key, note.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def derive(self, purpose: str) -> bytes:
        """Return a key for another purpose, the same in every process that holds this one."""
        return hmac.new(self._hash_key, f"heartline:{purpose}".encode(), hashlib.sha256).digest()

    def seal(self, note: str) -> bytes:
        """Encrypt a note; raise `InvalidConfig` where there is no key."""
        return self._sealer().encrypt(note.encode("utf-8", "surrogatepass"))

    def open(self, sealed: bytes) -> str:
        """Decrypt a note; raise `InvalidConfig` where there is no key or another one."""
        try:
            return self._sealer().decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise InvalidConfig(f"{NOTE_KEY} does not open this note", remedy="use the key it was sealed with") from None

    def _sealer(self) -> Fernet:
        """Return the cipher."""
        if self._fernet is None:
            raise InvalidConfig(f"{NOTE_KEY} is not set", remedy="set it, or do not keep notes")
        return self._fernet
