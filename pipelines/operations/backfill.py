"""Scoring of history, part by part: in one process, or on Dask's workers.

Each part of the input becomes one part of the output, written aside and moved into place when it is whole: a part that
is there is done, so that a killed run resumes and nothing is written twice. Answers depend on nothing but the call and
the versions: one process and many give the same bytes.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from models.call import Call
from models.classifier.bundle import read_manifest
from models.decision import Decision, Versions
from models.errors import InvalidCall, InvalidData
from models.programs.call_types import canonical
from models.programs.program import load_program
from models.router import Router
from models.signals import load_lexicon
from models.text.normalize import TEXT_VERSION
from models.veto import rulebook
from pipelines.data.readers import records
from pipelines.data.table import read_row
from pipelines.data.writers import flat
from pipelines.training.provenance import file_sha256

_MARK = "_decided_by.json"
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def parts(source: Path) -> list[Path]:
    """Return the Parquet parts of a folder, in order, or the one file; raise `InvalidData` where there are none."""
    found = sorted(source.rglob("*.parquet")) if source.is_dir() else [source]
    if not found:
        raise InvalidData("no part to decide", value=str(source), remedy="give a folder of Parquet files, or one file")
    return found


def plan(source: Path, to: Path) -> list[tuple[Path, Path]]:
    """Return the parts that are still to be decided, each with where it goes."""
    root = source.parent if source.is_file() else source
    pairs = [(part, to / part.relative_to(root).with_suffix(".parquet")) for part in parts(source)]
    return [(part, target) for part, target in pairs if not target.exists()]


def decide_part(part: Path, target: Path, *, place: str, bundle: str, program: str) -> int:
    """Decide one part, put its answers in place when they are whole, and return its number of calls.

    `place` is the part's path in the folder that is decided.
    """
    table = pd.DataFrame.from_records(list(rows(part, bundle=Path(bundle), program=program, place=place)))
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_suffix(f".{os.getpid()}.new")
    table.to_parquet(staged, index=False)
    staged.replace(target)
    return len(table)


def on_dask(
    pairs: list[tuple[Path, Path]], *, to: Path, bundle: str, program: str, scheduler: str | None, workers: int
) -> Iterator[int]:
    """Decide parts on Dask's workers, here or at a scheduler's address; yield each part's number of calls once done."""
    from distributed import Client, LocalCluster, as_completed  # noqa: PLC0415  1 s to import, needed with --engine dask only

    cluster = None
    if scheduler is None:
        cluster = _untyped(LocalCluster)(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    client = _untyped(Client)(scheduler or cluster)
    try:
        futures = [
            client.submit(decide_part, part, target, place=_place(target, to), bundle=bundle, program=program, pure=False)
            for part, target in pairs
        ]
        for done in _untyped(as_completed)(futures):
            yield done.result()
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def run(
    source: Path,
    to: Path,
    *,
    bundle: Path,
    program: str,
    engine: str = "local",
    scheduler: str | None = None,
    workers: int = 2,
    track: Callable[[Iterator[int], int], Iterable[int]] = lambda done, _: done,
) -> tuple[int, int]:
    """Decide the parts that are not decided yet; return the numbers of parts and of calls.

    Raises `InvalidData` for an unknown engine, and for a folder that holds the answers of another model, rulebook, program
    or text version.
    """
    pairs = plan(source, to)
    if engine == "dask":
        done = on_dask(pairs, to=to, bundle=str(bundle), program=program, scheduler=scheduler, workers=workers)
    elif engine == "local":
        done = (
            decide_part(part, target, place=_place(target, to), bundle=str(bundle), program=program)
            for part, target in pairs
        )
    else:
        raise InvalidData("no such engine", value=engine, remedy="local or dask")
    _mark(to, bundle, program)
    for unfinished in to.rglob("*.new"):  # left by a killed run
        unfinished.unlink()
    return len(pairs), sum(track(done, len(pairs)))


def rows(part: Path, *, bundle: Path, program: str, place: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield a row for each call of a file: time, place, answer, and the decision as JSON.

    A decision's id is made from the part's content, its path `place` (its name where none is given) and the row, so that it
    is the same in every run and no other part's, in whatever folder that lies.
    """
    router = _router(str(bundle), program)
    origin = f"{file_sha256(part)}:{place or part.name}"
    for number, record in enumerate(records(part)):
        try:
            call = read_row(record)
            decision = router.decide(call)
        except InvalidCall as error:
            call = Call(narrative="", call_id=str(record.get("call_id") or "") or None)
            decision = router.refuse(error, call_id=call.call_id)
        yield row(call, reproducible(decision, f"{origin}:{number}"))


def reproducible(decision: Decision, place: str) -> Decision:
    """Return a decision without what differs between runs: its id is made from its place, its latency is 0."""
    decision_id = hashlib.sha256(f"{place}:{decision.call_id}:{decision.versions}".encode()).hexdigest()[:32]
    return replace(decision, decision_id=decision_id, latency_ms=0.0)


def row(call: Call, decision: Decision) -> dict[str, Any]:
    """Return the columns that a retrospective needs."""
    available = decision.availability
    return {
        "received_at": call.received_at.isoformat() if call.received_at else None,
        "zone": call.zone,
        "call_type": canonical(call.call_type).name,
        "vetoed": decision.vetoed,
        "on_duty": available.on_duty if available and call.received_at else None,
        "in_zone": available.in_zone if available else None,
        **flat(decision),
    }


@lru_cache(maxsize=1)
def _router(bundle: str, program: str) -> Router:
    """Return a router, loaded once in each process; its clock is fixed, so that calls without a time get equal answers."""
    loaded = Router.load(Path(bundle), program=program)
    return Router(bundle=loaded.bundle, program=loaded.program, rulebook=loaded.rulebook, now=lambda: _NO_TIME)


def _mark(to: Path, bundle: Path, program: str) -> None:
    """Record which versions decide into a folder, so that a resumed run does not mix two models' answers."""
    manifest = read_manifest(bundle)
    versions = Versions(
        model=str(manifest["digest"]),
        rulebook=rulebook.load().version,
        signals=load_lexicon().version,
        program=load_program(program).version,
        text=TEXT_VERSION,
        certified_on=str(manifest["training"].get("certified_on", "unknown")),
    )
    record, mark = json.dumps(asdict(versions), indent=2), to / _MARK
    to.mkdir(parents=True, exist_ok=True)
    if not mark.exists():
        mark.write_text(record, encoding="utf-8")
    elif mark.read_text(encoding="utf-8") != record:
        raise InvalidData("other parts decided what is here", value=str(to), remedy="give another folder, or empty this one")


def _place(target: Path, to: Path) -> str:
    """Return the path of a part's answers in the output folder, which is that of the part in its own."""
    return target.relative_to(to).as_posix()


def _untyped(thing: Any) -> Any:
    """Return a part of a library that ships no types."""
    return thing
