"""The one thread that writes: a queue in front of it, and one commit for all that was queued while the last one ran."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from models.errors import LedgerUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")
Value = TypeVar("Value")

_MOST_ROWS = 512
"""The most items that share a commit; a single submission may hold more."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Items to write, or a function to run, and the future that waits for either."""

    items: Sequence[Any] = ()
    work: Callable[[], Any] | None = None
    future: "Future[Any]" = field(default_factory=Future)

    def resolve(self, value: Any, error: BaseException | None) -> None:
        """Hand over the result; whoever cancelled has gone, and the work was done all the same."""
        if self.future.cancelled():
            return
        self.future.set_result(value) if error is None else self.future.set_exception(error)


class WriteThread(Generic[Item, Result]):
    """A thread with a queue; it starts with the first job, and every job's future resolves, whatever happens."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> None:
        """Keep the writer, which returns a result or an error for each item of a batch."""
        self._write = write
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, items: Sequence[Item]) -> "Future[list[Result | Exception]]":
        """Queue items; the future holds one result or error for each once they are durable or have failed."""
        return self._put(_Job(items=items))

    def run(self, work: Callable[[], Value]) -> "Future[Value]":
        """Queue a function that writes; it runs between two batches, never beside one."""
        return self._put(_Job(work=work))

    @property
    def waiting(self) -> int:
        """Return about how many jobs wait."""
        return self._queue.qsize()

    def close(self) -> None:
        """Write what is queued and stop; what is submitted later fails with `LedgerUnavailable`."""
        with self._lock:
            closed, self._closed = self._closed, True
            if not closed and self._thread is not None:
                self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _put(self, job: _Job) -> "Future[Any]":
        """Queue a job under the lock that closing takes, so that none is left behind."""
        with self._lock:
            if not self._closed:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._loop, name="ledger", daemon=True)
                    self._thread.start()
                self._queue.put(job)
                return job.future
        job.future.set_exception(LedgerUnavailable("the ledger is closed", remedy="the service is stopping"))
        return job.future

    def _loop(self) -> None:
        """Take what has gathered and write it, until the end is queued."""
        ended = False
        while not ended:
            taken = [self._queue.get()]
            while sum(len(job.items) for job in taken if job is not None) < _MOST_ROWS and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            jobs = [job for job in taken if job is not None]
            ended = len(jobs) < len(taken)
            for job in jobs:
                job.future.set_running_or_notify_cancel()
            self._append([job for job in jobs if job.work is None])
            for job in jobs:
                if job.work is not None:
                    self._run(job, job.work)

    def _append(self, jobs: Sequence[_Job]) -> None:
        """Write the items of several jobs in one batch."""
        items = [item for job in jobs for item in job.items]
        try:
            results = list(self._write(items)) if items else []
        except Exception as error:  # noqa: BLE001  a fault of ours must not leave anyone waiting either
            results = [error] * len(items)
        places = iter(results)
        for job in jobs:
            job.resolve([next(places) for _ in job.items], None)

    @staticmethod
    def _run(job: _Job, work: Callable[[], Any]) -> None:
        """Run a function."""
        value, error = None, None
        try:
            value = work()
        except Exception as raised:  # noqa: BLE001  likewise
            error = raised
        job.resolve(value, error)
