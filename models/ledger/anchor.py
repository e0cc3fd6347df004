"""Keep a ledger's anchor apart from it: how many entries there were and the last seal, in a file or on standard output."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from models.errors import LedgerError
from models.ledger.hash_chain import Anchor

_WIDTH = 160
"""The anchor is one line of one width, so that it is always replaced as a whole."""


class AnchorFile:
    """Hold the anchor of one ledger; `where` is a path, `-` for standard output, or nothing."""

    def __init__(self, where: Path | str | None) -> None:
        """Keep the place; the file is made with the first entry."""
        self.path = Path(where) if where not in {None, "-"} else None
        self._out = where == "-"
        self._file: int | None = None

    def read(self) -> Anchor | None:
        """Return what the file says, where there is one; raise `LedgerError` where it cannot be read."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            return Anchor(int(said["count"]), str(said["head"]))
        except (ValueError, KeyError, TypeError):
            raise LedgerError("the anchor cannot be read", value=str(self.path), remedy="restore it from a copy") from None

    def set(self, anchor: Anchor) -> None:
        """Say how far the ledger has come, unless another process has said more already."""
        line = json.dumps({"count": anchor.count, "head": anchor.head, "at": datetime.now(UTC).isoformat()})
        if self._out:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        if self.path is None:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        known = os.pread(self._file, _WIDTH, 0)
        if not known or int(json.loads(known)["count"]) < anchor.count:
            os.pwrite(self._file, line.ljust(_WIDTH - 1).encode() + b"\n", 0)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
