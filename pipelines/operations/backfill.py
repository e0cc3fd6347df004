"""Scoring of history, part by part: in one process, in several, or on Dask's workers.

Each file of the input becomes one part of the output, or several where it is long. A part is written under another name and
renamed once it is complete: an existing part is done, so that a killed run resumes and nothing is written twice. Answers
depend only on the call and the versions, so that any number of processes gives the same bytes. Memory does not grow with the
history.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa

from models.call import Call
from models.classifier.bundle import read_manifest
from models.common.extras import needs
from models.decision import Decision, Versions
from models.errors import InvalidData
from models.programs.call_types import CallTypes
from models.programs.files import ProgramSource
from models.programs.program import load_program
from models.reasons import Detail
from models.router import Router, matcher_of
from models.signals import detector_of
from models.text.normalize import TEXT_VERSION
from pipelines.data.file_digest import file_sha256
from pipelines.data.formats.tables import parquet_records, parquet_rows
from pipelines.data.readers import records
from pipelines.data.rows import Record
from pipelines.data.writers import DECISION_COLUMNS, ParquetRows, flat
from pipelines.operations.batch import decide_records

LONGEST_PART = 50_000
"""The most rows of a Parquet file in one part of the output; a longer file becomes several parts."""

_MARK = "_decided_by.json"
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = {
    "received_at": pa.string(),
    "zone": pa.string(),
    "call_type": pa.string(),
    "vetoed": pa.bool_(),
    "on_duty": pa.bool_(),
    "in_zone": pa.bool_(),
} | DECISION_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of an input file, from `first` on and at most `rows` of them, and the file for their answers.

    `place` is the path of the file's answers in the output folder, from which the ids of the decisions are made.
    """

    source: Path
    target: Path
    place: str
    first: int = 0
    rows: int | None = None

    def records(self, call_types: CallTypes) -> Iterator[Record]:
        """Yield the rows unchanged; `call_types` are the program's."""
        if self.source.suffix.lower() == ".parquet":
            return parquet_records(self.source, first=self.first, rows=self.rows)
        return islice(
            records(self.source, call_types=call_types), self.first, None if self.rows is None else self.first + self.rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """The parts of a run that determine its answers: the folder of a bundle, a program, and the detail of the reasons."""

    bundle: str
    program: ProgramSource
    detail: Detail = "all"


def parts(source: Path) -> list[Path]:
    """Return the Parquet parts of a folder, in order, or the one file; raise `InvalidData` where there are none."""
    files = sorted(source.rglob("*.parquet")) if source.is_dir() else [source]
    if not files:
        raise InvalidData("no Parquet file in the folder", value=str(source), remedy="give a folder of them, or one file")
    return files


def planned(source: Path, to: Path) -> list[Part]:
    """Return every part of the output; raise `InvalidData` where the input has no file or cannot be read."""
    root = source.parent if source.is_file() else source
    return [part for file in parts(source) for part in _parts_of(file, (to / file.relative_to(root)).with_suffix(""), to=to)]


def plan(source: Path, to: Path) -> list[Part]:
    """Return the parts that are not decided yet."""
    return [part for part in planned(source, to) if not part.target.exists()]


def decide_part(part: Part, deciding: Deciding) -> int:
    """Decide one part, write its file once its answers are complete, and return its number of calls."""
    part.target.parent.mkdir(parents=True, exist_ok=True)
    staged = part.target.with_suffix(f".{os.getpid()}.new")
    with ParquetRows(staged, _COLUMNS) as table:
        table.add_all(part_rows(part, deciding))
    staged.replace(part.target)
    return table.written


def in_processes(todo: list[Part], deciding: Deciding, *, jobs: int) -> Iterator[int]:
    """Decide parts in processes of this machine; yield each part's number of calls once it is done."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(decide_part, part, deciding) for part in todo]
        try:
            for done in as_completed(futures):
                yield done.result()
        finally:
            for future in futures:
                future.cancel()


def on_dask(todo: list[Part], deciding: Deciding, *, scheduler: str | None, workers: int) -> Iterator[int]:
    """Decide parts on Dask's workers, local ones or a scheduler's; yield each part's number of calls once it is done."""
    with needs("--engine dask"):
        from distributed import Client, LocalCluster, as_completed  # noqa: PLC0415  1 s to import, for --engine dask only

    cluster = None
    if scheduler is None:
        cluster = _untyped(LocalCluster)(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    client = _untyped(Client)(scheduler or cluster)
    try:
        futures = [client.submit(decide_part, part, deciding, pure=False) for part in todo]
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
    program: ProgramSource,
    detail: Detail = "all",
    engine: str = "local",
    scheduler: str | None = None,
    workers: int = 2,
    jobs: int = 1,
    track: Callable[[Iterator[int], int], Iterable[int]] = lambda done, _: done,
) -> tuple[int, int]:
    """Decide the parts that are not decided yet; return their number and that of their calls.

    `jobs` are processes of this machine, `workers` those of a local Dask. Raises `InvalidData` for an unknown engine, and
    where the folder holds answers of another model, rulebook, program or text version, or with another detail of reasons.
    """
    todo = plan(source, to)
    deciding = Deciding(bundle=str(bundle), program=program, detail=detail)
    if engine == "dask":
        done = on_dask(todo, deciding, scheduler=scheduler, workers=workers)
    elif engine != "local":
        raise InvalidData("no such engine", value=engine, remedy="local or dask")
    elif jobs > 1 and len(todo) > 1:
        done = in_processes(todo, deciding, jobs=min(jobs, len(todo)))
    else:
        done = (decide_part(part, deciding) for part in todo)
    _mark(to, deciding)
    for unfinished in to.rglob("*.new"):  # left by a killed run
        unfinished.unlink()
    return len(todo), sum(track(done, len(todo)))


def rows(file: Path, *, bundle: Path, program: ProgramSource, detail: Detail = "all") -> Iterator[dict[str, Any]]:
    """Yield a row for each call of a file: time, zone, answer, and the decision as JSON."""
    part = Part(source=file, target=file, place=file.name)
    return part_rows(part, Deciding(bundle=str(bundle), program=program, detail=detail))


def part_rows(part: Part, deciding: Deciding) -> Iterator[dict[str, Any]]:
    """Yield a row for each call of a part.

    A decision's id is made from the file's content, its place and the number of the row, so that it is the same in every run
    and differs between files.
    """
    router = _router(deciding.bundle, deciding.program)
    origin = f"{_digest_of(part.source, part.source.stat().st_mtime_ns)}:{part.place}"
    decided = decide_records(router, part.records(router.program.call_types), detail=deciding.detail)
    for number, (call, decision, _) in enumerate(decided, start=part.first):
        yield row(call, reproducible(decision, f"{origin}:{number}"), call_types=router.program.call_types)


def reproducible(decision: Decision, place: str) -> Decision:
    """Return a decision that is equal in every run: its id is made from its place, its latency is 0."""
    name = f"{place}:{decision.call_id}:{_named(decision.versions)}"
    return replace(decision, decision_id=hashlib.sha256(name.encode()).hexdigest()[:32], latency_ms=0.0)


def row(call: Call, decision: Decision, *, call_types: CallTypes) -> dict[str, Any]:
    """Return the columns of a decided call that a retrospective needs."""
    available = decision.availability
    return {
        "received_at": call.received_at.isoformat() if call.received_at else None,
        "zone": call.zone,
        "call_type": call_types.canonical(call.call_type).name,
        "vetoed": decision.vetoed,
        "on_duty": available.on_duty if available and call.received_at else None,
        "in_zone": available.in_zone if available else None,
        **flat(decision),
    }


def _parts_of(file: Path, target: Path, *, to: Path) -> Iterator[Part]:
    """Yield the parts of the output that a file becomes; `target` is the path of its answers without a suffix."""
    single = target.with_name(f"{target.name}.parquet")
    place = single.relative_to(to).as_posix()
    size = parquet_rows(file) if file.suffix.lower() == ".parquet" else 0
    if size <= LONGEST_PART:
        yield Part(source=file, target=single, place=place)
        return
    for first in range(0, size, LONGEST_PART):
        path = target.with_name(f"{target.name}.rows-{first:09d}.parquet")
        yield Part(source=file, target=path, place=place, first=first, rows=LONGEST_PART)


@lru_cache(maxsize=64)
def _digest_of(file: Path, changed_ns: int) -> str:  # noqa: ARG001  a changed file has another digest
    """Return a file's SHA-256, computed once for all its parts."""
    return file_sha256(file)


@lru_cache(maxsize=4)
def _named(versions: Versions) -> str:
    """Return versions as text, once for all decisions with the same versions."""
    return str(versions)


@lru_cache(maxsize=1)
def _router(bundle: str, program: ProgramSource) -> Router:
    """Return a router, loaded once per process, with a fixed clock, so that calls without a time get equal answers."""
    loaded = Router.load(Path(bundle), program=program)
    return Router(bundle=loaded.bundle, program=loaded.program, matcher=loaded.matcher, now=lambda: _NO_TIME)


def _mark(to: Path, deciding: Deciding) -> None:
    """Record in the folder what determines its answers; raise `InvalidData` where it holds answers of other parts."""
    manifest, program = read_manifest(Path(deciding.bundle)), load_program(deciding.program)
    versions = Versions(
        model=str(manifest["digest"]),
        rulebook=matcher_of(program).version,
        signals=detector_of(program.signals).version,
        program=program.version,
        text=TEXT_VERSION,
        certified_on=str(manifest["training"].get("certified_on", "unknown")),
    )
    record, mark = json.dumps(asdict(versions) | {"reasons": deciding.detail}, indent=2), to / _MARK
    to.mkdir(parents=True, exist_ok=True)
    if not mark.exists():
        mark.write_text(record, encoding="utf-8")
    elif mark.read_text(encoding="utf-8") != record:
        raise InvalidData(
            "the folder holds answers of another model or rulebook", value=str(to), remedy="give another folder, or empty it"
        )


def _untyped(thing: Any) -> Any:
    """Return an object of a library without types as `Any`."""
    return thing
