"""Seal rows one to the next with SHA-256, and tell what was done to them: an edit, a deletion, a cut tail.

Each row's seal covers its number, the seal before it and its content as canonical JSON. An anchor, kept apart from the
rows, holds how many rows there were and the last seal; without it, rows cut from the end could not be missed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

START = "0" * 64
COLUMNS = ("kind", "entry_id", "at", "call_id", "decision_id", "idempotency_key")
"""What a row repeats of its content so that it can be searched; it must say the same."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Hold how many rows there were and the seal of the last."""

    count: int
    head: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold what a verification found. `fault` is edited, deleted, cut or rewritten, or `None` where all is well."""

    count: int
    head: str
    fault: str | None = None
    at: int | None = None

    def __str__(self) -> str:
        """Say it in a sentence."""
        if self.fault is None:
            return f"{self.count} entries, unbroken, head {self.head}"
        said = {
            "edited": f"entry {self.at} was edited",
            "deleted": f"one or more entries before entry {self.at} were deleted",
            "cut": f"the tail was cut: {self.count} entries are left of the {self.at} that the anchor counts",
            "rewritten": f"entries up to {self.at} are not those that the anchor saw",
        }
        return said[self.fault]


def canonical(content: Mapping[str, Any]) -> str:
    """Return content as canonical JSON: keys sorted, nothing to choose."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def seal(number: int, previous: str, payload: str) -> str:
    """Return the seal of a row in hexadecimal."""
    return hashlib.sha256(f"{number}\n{previous}\n{payload}".encode()).hexdigest()


def verify(rows: Iterable[Any], anchor: Anchor | None) -> Verdict:
    """Walk rows in order of their numbers and say the first thing that is wrong."""
    count, head = 0, START
    seen_anchor = anchor is None or anchor.count == 0
    for row in rows:
        number = int(row["seq"])
        if row["hash"] != seal(number, row["previous_hash"], row["payload"]) or not _repeats(row):
            return Verdict(count, head, "edited", number)
        if number != count + 1 or row["previous_hash"] != head:
            return Verdict(count, head, "deleted" if number != count + 1 else "edited", number)
        count, head = number, row["hash"]
        if anchor is not None and count == anchor.count:
            if head != anchor.head:
                return Verdict(count, head, "rewritten", count)
            seen_anchor = True
    if not seen_anchor and anchor is not None:
        return Verdict(count, head, "cut", anchor.count)
    return Verdict(count, head)


def _repeats(row: Mapping[str, Any]) -> bool:
    """Tell whether the searchable columns say what the content says."""
    try:
        content = json.loads(row["payload"])
    except ValueError:
        return False
    return all(content.get(name) == row[name] for name in COLUMNS)
