"""Decisions on long notes in a separate process, because in this one Python's global lock would delay all other requests.

The process is started with the first long note. It loads the active bundle from the archive and checks its digest.
"""

import asyncio
import os
import threading
import unicodedata
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from models.call import MAX_NARRATIVE, Call
from models.classifier import bundle as bundles
from models.decision import Decision
from models.errors import InvalidCall
from models.programs.files import ProgramSource
from models.programs.program import load_program
from models.router import Router, matcher_of
from serving.fair_queue import FairQueue, Overloaded
from serving.model_manager import ActiveModels

INLINE_BYTES = 1000
"""Notes up to this size are decided on the event loop, where that takes about a millisecond."""
THREAD_BYTES = 8000
"""Notes up to this size are decided in a thread while the process is still starting."""
SECONDS, START_SECONDS = 20.0, 60.0
"""How long a note may take, and how long the process may take to start."""
MOST_WAITING = 16
NICE = 5
"""The niceness of the process, by which requests go first where all processors are busy."""
_TOO_SLOW = InvalidCall("it took too long to read", field="narrative", remedy="shorten it")
_BUSY = InvalidCall("too many long notes wait", field="narrative", remedy="shorten it or send it again")


def is_long(note: str) -> bool:
    """Return whether a note is too long for the event loop."""
    return len(note) > INLINE_BYTES or (not note.isascii() and len(note.encode("utf-8", "replace")) > INLINE_BYTES)


class LongNotes:
    """The process that decides long notes; a note that waits or takes too long gets REVIEW with that reason."""

    def __init__(self, program: ProgramSource) -> None:
        """Keep what names the program; nothing is started yet."""
        self._program = program
        self._pool: ProcessPoolExecutor | None = None
        self._ready: Future[None] | None = None
        self._lock = threading.Lock()
        self._queue = FairQueue(places=1, most_waiting=MOST_WAITING)

    async def decide(self, call: Call, active: ActiveModels, *, person: str = "", attended: bool = False) -> Decision:
        """Return the decision on a call with a long note by the active models; persons take turns."""
        if active.router.bundle is not None and active.folder is None:
            return await asyncio.to_thread(active.router.decide, call, attended=attended)
        _, ready = await self._started()
        if not ready.done() and len(call.narrative.encode("utf-8", "replace")) <= THREAD_BYTES:
            return await asyncio.to_thread(active.router.decide, call, attended=attended)
        try:
            await asyncio.wait_for(self._queue.enter(person), START_SECONDS)
        except (TimeoutError, Overloaded):
            return active.router.refuse(_BUSY, call_id=call.call_id)
        try:
            return await self._decide(call, active, attended=attended)
        finally:
            self._queue.leave()

    async def _decide(self, call: Call, active: ActiveModels, *, attended: bool) -> Decision:
        """Return the decision of the process; REVIEW where it takes too long, does not start or has ended."""
        bundle = active.router.bundle
        digest = bundle.digest if bundle is not None else None
        pool, ready = await self._started()
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(ready)), START_SECONDS)
            future = pool.submit(_decide_in_process, active.folder, digest, self._program, call, attended)
            return await asyncio.wait_for(asyncio.wrap_future(future), SECONDS)
        except (TimeoutError, BrokenProcessPool, RuntimeError):
            self._stop(pool)
            return active.router.refuse(_TOO_SLOW, call_id=call.call_id)

    async def _started(self) -> "tuple[ProcessPoolExecutor, Future[None]]":
        """Return the process and the future of its start; a new process is started in a thread, because that takes long."""
        return self._start() if self._pool is not None else await asyncio.to_thread(self._start)

    def _start(self) -> tuple[ProcessPoolExecutor, "Future[None]"]:
        """Return the process and the future of its start; start it where there is none."""
        with self._lock:
            if self._pool is None or self._ready is None:
                self._pool = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))
                self._ready = self._pool.submit(_warm, self._program)
            return self._pool, self._ready

    def _stop(self, pool: ProcessPoolExecutor) -> None:
        """End a process that hangs or has failed; the next long note starts another."""
        with self._lock:
            if self._pool is pool:
                self._pool = self._ready = None
        for process in list((pool._processes or {}).values()):  # noqa: SLF001  the executor has no way to end a hung worker
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._stop(self._pool)


def _warm(program: ProgramSource) -> None:
    """Lower the priority of the process, and load what every decision needs before the first one."""
    with suppress(OSError):  # a sandbox may refuse it
        os.nice(NICE)
    _router(None, None, program)


@lru_cache(maxsize=2)
def _router(folder: Path | None, digest: str | None, program: ProgramSource) -> Router:
    """Return the router of a bundle; raise `BundleError` where it is not the one with this digest."""
    bundle = bundles.load(folder, expected_digest=digest) if folder is not None and digest is not None else None
    loaded = load_program(program)
    return Router(bundle=bundle, program=loaded, matcher=matcher_of(loaded))


def _decide_in_process(
    folder: Path | None,
    digest: str | None,
    program: ProgramSource,
    call: Call,
    attended: bool,  # noqa: FBT001  a pool passes positional arguments
) -> Decision:
    """Return the decision on a call; REVIEW where its normalised note is longer than a note may be."""
    router = _router(folder, digest, program)
    if not call.narrative.isascii() and len(unicodedata.normalize("NFKC", call.narrative)) > MAX_NARRATIVE:
        fault = InvalidCall("too long when its letters are written out", field="narrative", remedy="shorten it")
        return router.refuse(fault, call_id=call.call_id)
    return router.decide(call, attended=attended)
