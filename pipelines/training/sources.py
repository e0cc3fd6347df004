"""What a model is trained on: a labelled file, and on request what use has labelled, both named by their digests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from models.call import FIELDS
from models.classifier.bundle import Bundle
from models.errors import InvalidData, LedgerBroken
from models.ledger.anchor import anchor_file_of
from models.ledger.encryption import NoteEncryption, key_file_of
from models.ledger.hash_chain import Verdict
from models.ledger.store import Ledger
from models.programs.files import ProgramSource
from models.programs.program import load_program
from pipelines.corpus.synthesise import LABELS as CORPUS_LABELS
from pipelines.corpus.synthesise import synthesise
from pipelines.data.file_digest import file_sha256
from pipelines.data.table import Table, read_table, unread
from pipelines.data.writers import write_frame
from pipelines.settings import from_flat
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
    for line in (*unread(table), f"{len(table.calls)} calls read, {len(table.rejects)} rows refused"):
        say(line)
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


def corpus_of(base: Bundle, *, given: Path | None, runs: Path, program: ProgramSource, say: Callable[[str], None]) -> Path:
    """Return the file of the calls that a base learnt from: the one given, a kept one, or one written by its settings.

    What is written is kept in the runs folder by its digest, so that a release finds it. Raises `InvalidData` where the
    base learnt from a city's own calls, which nobody can write again.
    """
    training = base.manifest["training"]
    wanted = str(training.get("data_sha256", ""))
    path = given or runs / f"corpus-{wanted[:16]}.csv"
    if path.is_file():
        if file_sha256(path) != wanted:
            say("these synthetic calls are not the ones that the base learnt from; the manifest names both")
        return path
    if base.certified_on == "local" and "adapted" not in training:
        raise InvalidData(
            "the base learnt from calls that are not synthetic", value=base.digest[:16], remedy="name them with --training"
        )
    settings = from_flat(training["config"]).synthesise
    frame = pd.DataFrame.from_records(
        list(synthesise(settings, program=load_program(program))), columns=[*FIELDS, *CORPUS_LABELS]
    )
    unfinished = runs / "corpus-unfinished.csv"
    write_frame(frame, unfinished)
    digest = file_sha256(unfinished)
    say(f"{len(frame)} synthetic calls written again" + ("" if digest == wanted else ", not the same as the base's"))
    return unfinished.rename(runs / f"corpus-{digest[:16]}.csv")


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
