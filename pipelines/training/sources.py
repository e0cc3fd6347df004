"""Read what a model is trained on: a labelled file, and where asked what use has labelled, both named by their digests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.ledger.encryption import NoteSafe, key_file_of
from models.ledger.store import Ledger
from pipelines.data.table import Table, read_table
from pipelines.training.labels import harvest, joined
from pipelines.training.provenance import file_sha256


@dataclass(frozen=True, slots=True)
class Source:
    """Name a file, and perhaps a ledger with the number of its entries that count."""

    data: Path
    ledger: str | None = None
    entries: int | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """Hold a table and what names it for good; `tags` also say where it lies."""

    table: Table
    identity: dict[str, Any]
    tags: dict[str, str]


def load(source: Source, *, say: Callable[[str], None] = lambda _: None) -> Loaded:
    """Read a source; `identity` is the same wherever it lies, as long as it holds the same."""
    table = read_table(source.data)
    say(f"{len(table.calls)} calls read, {len(table.rejects)} rows refused")
    identity: dict[str, Any] = {"data_sha256": file_sha256(source.data)}
    tags = {"data_path": str(source.data.resolve()), "data_sha256": str(identity["data_sha256"])}
    if source.ledger is None:
        return Loaded(table, identity, tags)
    ledger = Ledger(source.ledger, safe=NoteSafe.from_environment(key_file_of(source.ledger)))
    try:
        verdict = ledger.verify()
        count = source.entries or verdict.count
        notes = {call.call_id: call.narrative for call in table.calls if call.call_id}
        found = harvest(ledger, notes, entries=count)
    finally:
        ledger.close()
    for line in (f"ledger: {verdict}", *found.lines()):
        say(line)
    tags |= {"ledger_url": source.ledger, "ledger_entries": str(count)}
    return Loaded(joined(table, found.table), identity | {"ledger_entries": count}, tags)
