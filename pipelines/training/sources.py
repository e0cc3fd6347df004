"""The sources of training: a labelled file and, on request, the labels of a ledger, both identified by digests."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import make_url

from models.call import FIELDS
from models.classifier.bundle import Bundle
from models.errors import InvalidConfig, InvalidData, LedgerBroken
from models.ledger.anchor import anchor_file_of
from models.ledger.encryption import NoteEncryption, key_file_of
from models.ledger.hash_chain import Verdict
from models.ledger.store import Ledger
from models.programs.files import ProgramSource
from models.programs.program import load_program
from pipelines.corpus.synthesise import LABELS as CORPUS_LABELS
from pipelines.corpus.synthesise import synthesise
from pipelines.data.file_digest import file_sha256
from pipelines.data.rows import Notice
from pipelines.data.table import Table, read_table, unread
from pipelines.data.writers import write_frame
from pipelines.settings import from_flat
from pipelines.training.labels import joined, labels_of


@dataclass(frozen=True, slots=True)
class Source:
    """A file, a ledger, or both; of a ledger, how many of its first entries count, and the path of its anchor."""

    data: Path | None
    ledger: str | None = None
    entries: int | None = None
    anchor: Path | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table, what identifies its content wherever it lies, and `tags`, which also hold the paths."""

    table: Table
    identity: dict[str, Any]
    tags: dict[str, str]


def load(source: Source, *, notice: Notice = lambda _: None) -> Loaded:
    """Return the calls of a source; equal calls have equal identities, wherever their files lie.

    Raises `LedgerBroken` where the ledger is not whole and no number of entries before the fault is given.
    """
    table, identity, tags = Table(), dict[str, Any](), dict[str, str]()
    if source.data is not None:
        table = read_table(source.data)
        for line in (*unread(table), f"{len(table.calls)} calls read, {len(table.rejects)} rows refused"):
            notice(line)
        identity = {"data_sha256": file_sha256(source.data)}
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
        both = joined(table, labels.table, ledger) if table.calls else labels.table
    finally:
        ledger.close()
    for line in (f"ledger: {verdict}", *labels.lines()):
        notice(line)
    tags |= {"ledger_url": without_password(source.ledger), "ledger_entries": str(count)}
    return Loaded(both, identity | {"ledger_entries": count}, tags)


def without_password(url: str) -> str:
    """Return a database URL as it may be recorded: with three asterisks in place of a password."""
    return make_url(url).render_as_string(hide_password=True)


def recorded_ledger(tags: Mapping[str, str]) -> str | None:
    """Return the URL of the ledger that a run was trained from, with the password of the environment's URL.

    Raises `InvalidConfig` where a password is needed and `HEARTLINE_LEDGER` does not name that ledger.
    """
    recorded = tags.get("ledger_url")
    if recorded is None or make_url(recorded).password != "***":  # noqa: S105  a placeholder
        return recorded
    url = os.environ.get("HEARTLINE_LEDGER", "")
    if not url or without_password(url) != recorded:
        raise InvalidConfig(
            "the ledger's password is not recorded", value=recorded, remedy="set HEARTLINE_LEDGER to its URL"
        )
    return url


def corpus_of(base: Bundle, *, named: Path | None, runs: Path, program: ProgramSource, notice: Notice) -> Path:
    """Return the file of the calls that a base was fitted on: `named`, one in the runs folder, or one written anew.

    Synthetic calls are written anew by the base's settings, and kept in the runs folder under their digest, where a release
    looks for them. Raises `InvalidData` where the base was fitted on a city's own calls, which cannot be written anew.
    """
    training = base.manifest["training"]
    expected = str(training.get("data_sha256", ""))
    path = named or runs / f"corpus-{expected[:16]}.csv"
    if path.is_file():
        if file_sha256(path) != expected:
            notice("these synthetic calls are not those that the base was fitted on; the manifest names both")
        return path
    if base.certified_on == "local" and "adapted" not in training:
        raise InvalidData(
            "the base was fitted on calls that are not synthetic", value=base.digest[:16], remedy="name them with --training"
        )
    settings = from_flat(training["config"]).synthesise
    frame = pd.DataFrame.from_records(
        list(synthesise(settings, program=load_program(program))), columns=[*FIELDS, *CORPUS_LABELS]
    )
    unfinished = runs / "corpus-unfinished.csv"
    write_frame(frame, unfinished)
    digest = file_sha256(unfinished)
    notice(f"{len(frame)} synthetic calls written anew" + ("" if digest == expected else ", not the same as the base's"))
    return unfinished.rename(runs / f"corpus-{digest[:16]}.csv")


def _trusted(verdict: Verdict, entries: int | None) -> int:
    """Return how many entries to train on; raise `LedgerBroken` where they are not known to be whole.

    Entries before a fault whose place is known are whole. Where triggers or the anchor are missing, `entries` states that a
    person has checked so many.
    """
    if verdict.fault is None:
        return verdict.count if entries is None else entries
    if entries is None or entries > verdict.count or (verdict.fault == "rewritten" and entries >= verdict.count):
        raise LedgerBroken(
            f"the ledger is not trained on: {verdict}", remedy="find the cause; --up-to SEQ uses the entries before it"
        )
    return entries
