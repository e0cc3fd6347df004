"""The chain of rows: each row's hash covers the one before, so that an edit, a deletion or a cut tail is found and named.

A row's hash covers its number, the hash before it and its content as canonical JSON. Version 1, of the first release, is
plain SHA-256: whoever can write the database can write a whole new chain. Version 2 is HMAC-SHA256 with a key that is kept
apart from the database. An anchor, kept apart from the rows, holds how many rows there were and the last hash; without it,
rows cut from the end would not be missed.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.common.instants import instant_text, parse_instant
from models.errors import HeartlineError

START = "0" * 64
COLUMNS = ("kind", "entry_id", "at", "call_id", "decision_id", "idempotency_key")
"""What a row repeats of its content so that it can be searched; it must say the same."""

PLAIN, VERSION = 1, 2
"""The version without a key, and the version of the hashes that a ledger writes now."""

_FAULTS = {
    "edited": "entry {at} was edited, or the key is not the one it was written with",
    "deleted": "one or more entries before entry {at} were deleted",
    "cut": "the tail was cut: {count} entries are left of the {at} that the anchor counts",
    "rewritten": "entries up to {at} are not those that the anchor counts",
    "downgraded": "entry {at} carries a hash without a key after entries that carry one",
    "unguarded": "{count} entries, the chain is unbroken, but the database no longer forbids changes: its triggers are gone",
    "unanchored": "{count} entries, the chain is unbroken, but the anchor is missing: a cut tail would not be seen",
}


@dataclass(frozen=True, slots=True)
class Anchor:
    """How many rows there were, and the hash of the last."""

    count: int
    head: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification: `fault` names the first thing that is wrong, or is `None`; `at` is the entry."""

    count: int
    head: str
    fault: str | None = None
    at: int | None = None

    def __str__(self) -> str:
        """Return the result as a sentence."""
        if self.fault is None:
            return f"{self.count} entries, unbroken, head {self.head}"
        return _FAULTS[self.fault].format(at=self.at, count=self.count)


def canonical(content: Mapping[str, Any]) -> str:
    """Return content as canonical JSON: keys sorted, no spaces, no escapes that could be chosen."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def row_hash(number: int, previous: str, payload: str, *, key: bytes, version: int = VERSION) -> str:
    """Return the hash of a row in hexadecimal; version 1 (`PLAIN`) uses no key."""
    text = f"{number}\n{previous}\n{payload}".encode()
    return hashlib.sha256(text).hexdigest() if version == PLAIN else hmac.new(key, text, hashlib.sha256).hexdigest()


def verify(rows: Iterable[Any], anchor: Anchor | None, *, key: bytes) -> Verdict:
    """Return the first fault of rows in the order of their numbers; `anchor` must have been read before the rows were."""
    count, head, version = 0, START, PLAIN
    for row in rows:
        fault = _fault(row, count, head, version, key)
        if fault is not None:
            return Verdict(count, head, fault, int(row["seq"]))
        count, head, version = int(row["seq"]), row["hash"], int(row["hash_version"])
        if anchor is not None and count == anchor.count and head != anchor.head:
            return Verdict(count, head, "rewritten", count)
    if anchor is not None and count < anchor.count:
        return Verdict(count, head, "cut", anchor.count)
    return Verdict(count, head)


def _fault(row: Mapping[str, Any], count: int, head: str, version: int, key: bytes) -> str | None:
    """Return what is wrong with a row that follows `count` rows, or `None`."""
    number, own = int(row["seq"]), int(row["hash_version"])
    expected = row_hash(number, row["previous_hash"], row["payload"], key=key, version=own)
    if not hmac.compare_digest(expected, row["hash"]) or not _repeats(row):
        return "edited"
    if number != count + 1:
        return "deleted"
    if row["previous_hash"] != head:
        return "edited"
    return "downgraded" if own < version else None


def _repeats(row: Mapping[str, Any]) -> bool:
    """Return whether the searchable columns say what the content says."""
    try:
        content = json.loads(row["payload"])
        same_time = row["at"] == instant_text(parse_instant(content["at"]))
    except (ValueError, KeyError, TypeError, HeartlineError):
        return False
    return same_time and all(content.get(name) == row[name] for name in COLUMNS if name != "at")
