"""What a model is trained on: a labelled file, and on request what use has labelled, both named by their digests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import LedgerBroken
from models.ledger.anchor import anchor_file_of
from models.ledger.encryption import NoteEncryption, key_file_of
from models.ledger.hash_chain import Verdict
from models.ledger.store import Ledger
from pipelines.data.file_digest import file_sha256
from pipelines.data.table import Table, read_table
from pipelines.training.labels import joined, labels_of


@dataclass(frozen=True, slots=True)
class Source:
    """A file, and perhaps a ledger with the number of its first entries that count and the place of its anchor."""

    data: Path
    ledger: str | None = None
    entries: int | None = None
    anchor: Path | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table and what names its content for good; `tags` also say where it lies."""

    table: Table
    identity: dict[str, Any]
    tags: dict[str, str]


def load(source: Source, *, say: Callable[[str], None] = lambda _: None) -> Loaded:
    """Return the calls of a source; `identity` is the same wherever they lie, as long as they are the same.

    Raises `LedgerBroken` where the ledger is not whole and no number of entries before the fault is given.
    """
    table = read_table(source.data)
    say(f"{len(table.calls)} calls read, {len(table.rejects)} rows refused")
    identity: dict[str, Any] = {"data_sha256": file_sha256(source.data)}
    tags = {"data_path": str(source.data.resolve()), "data_sha256": str(identity["data_sha256"])}
    if source.ledger is None:
        return Loaded(table, identity, tags)
    ledger = Ledger(
        source.ledger,
        encryption=NoteEncryption.from_environment(key_file_of(source.ledger)),
        anchor=source.anchor or anchor_file_of(source.ledger),
        read_only=True,
    )
    try:
        verdict = ledger.verify()
        count = _trusted(verdict, source.entries)
        notes = {call.call_id: call.narrative for call in table.calls if call.call_id}
        labels = labels_of(ledger, notes, entries=count)
        both = joined(table, labels.table, ledger)
    finally:
        ledger.close()
    for line in (f"ledger: {verdict}", *labels.lines()):
        say(line)
    tags |= {"ledger_url": source.ledger, "ledger_entries": str(count)}
    return Loaded(both, identity | {"ledger_entries": count}, tags)


def _trusted(verdict: Verdict, entries: int | None) -> int:
    """Return how many entries to train on; raise `LedgerBroken` where they are not known to be whole.

    Entries before a named place stay whole whatever follows them; where triggers or the anchor are gone, `entries` says that
    somebody looked.
    """
    if verdict.fault is None:
        return verdict.count if entries is None else entries
    if entries is None or entries > verdict.count or (verdict.fault == "rewritten" and entries >= verdict.count):
        raise LedgerBroken(
            f"the ledger is not trained on: {verdict}", remedy="see why; --up-to SEQ takes the entries before"
        )
    return entries
