"""The anchor of a ledger, kept apart from it: how many entries there were and the last hash, signed, in a file or printed.

Who cuts the tail of the database does not hold the key and cannot write a shorter anchor. Who holds database, key and anchor
can: only a copy of an anchor that lies outside their reach shows that (`heartline ledger witness`).
"""

import fcntl
import hmac
import json
import os
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from models.common.instants import instant_text
from models.errors import LedgerError, LedgerMissing
from models.ledger.hash_chain import START, Anchor

_WIDTH = 256
"""The anchor is one line of one width, in bytes, so that it is always replaced as a whole."""


def anchor_file_of(url: str) -> Path | None:
    """Return where the anchor of a ledger is kept by default: beside an SQLite file, else nowhere."""
    path = url.removeprefix("sqlite:///")
    return Path(path).with_suffix(".anchor") if url.startswith("sqlite:///") and path else None


def signed_line(anchor: Anchor, *, key: bytes) -> str:
    """Return an anchor as one line of JSON with the time and a keyed signature (HMAC-SHA256)."""
    at = instant_text(datetime.now(UTC))
    mac = _mac(anchor.count, anchor.head, at, key)
    return json.dumps({"count": anchor.count, "head": anchor.head, "at": at, "mac": mac})


def read_line(line: str, *, key: bytes) -> Anchor:
    """Return the anchor of a signed line; raise `LedgerError` where it cannot be read or another key signed it.

    The first release wrote anchors without a signature; such a line is read as it stands.
    """
    try:
        record = json.loads(line)
        anchor, at, mac = Anchor(int(record["count"]), str(record["head"])), str(record["at"]), record.get("mac")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LedgerError("the anchor cannot be read", remedy="restore it from a copy") from None
    if mac is not None and not hmac.compare_digest(str(mac), _mac(anchor.count, anchor.head, at, key)):
        raise LedgerError("the anchor is not signed with this key", remedy="restore the anchor, or the key, from a copy")
    return anchor


class AnchorFile:
    """The anchor of one ledger; `where` is a path, `-` for standard output, or `None`. Use from one thread at a time."""

    def __init__(self, where: Path | str | None, *, key: bytes) -> None:
        """Keep the place and the signing key; nothing is opened or created."""
        self.path = Path(where) if where not in {None, "-", ""} else None
        self._key, self._prints = key, where == "-"

    @property
    def missing(self) -> bool:
        """Return whether the file should be there and is not."""
        return self.path is not None and not self.path.is_file()

    def create(self) -> None:
        """Write the anchor of an empty ledger; raise `FileExistsError` where there is a file."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(self._line(Anchor(0, START)))

    def read(self) -> Anchor | None:
        """Return the anchor; `None` without a file to read. Raises `LedgerMissing`, or `LedgerError` for a broken one."""
        if self.path is None:
            return None
        try:
            return read_line(self.path.read_text(encoding="utf-8"), key=self._key)
        except FileNotFoundError:
            raise LedgerMissing("the anchor is missing", value=str(self.path), remedy="restore it from a copy") from None

    def advance(self, anchor: Anchor) -> None:
        """Write how far the ledger has come, unless another process has written more; raise `OSError` or `LedgerError`.

        A file that is missing is not created again, and one that cannot be read is not written over.
        """
        if self._prints:
            sys.stdout.write(signed_line(anchor, key=self._key) + "\n")
            sys.stdout.flush()
        if self.path is None:
            return
        with os.fdopen(os.open(self.path, os.O_RDWR), "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # of two processes the one that has come further has the last word
            if read_line(file.read(_WIDTH).decode(), key=self._key).count < anchor.count:
                os.pwrite(file.fileno(), self._line(anchor), 0)

    def _line(self, anchor: Anchor) -> bytes:
        """Return the whole content of the file."""
        return signed_line(anchor, key=self._key).ljust(_WIDTH - 1).encode() + b"\n"


def _mac(count: int, head: str, at: str, key: bytes) -> str:
    """Return the signature of an anchor."""
    return hmac.new(key, f"{count}\n{head}\n{at}".encode(), sha256).hexdigest()
