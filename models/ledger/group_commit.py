"""Write what many requests bring in one commit: each waits only until the commit that holds its row is durable."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")

_MOST = 512


class GroupCommit(Generic[Item, Done]):
    """Hand batches to a writer, one after another, from one thread."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Done]]) -> None:
        """Start the thread; `write` gets a batch and returns one result for each of its items, or raises for all."""
        self._write = write
        self._queue: queue.SimpleQueue[tuple[Sequence[Item], Future[list[Done | Exception]]] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, items: Sequence[Item]) -> "Future[list[Done | Exception]]":
        """Queue items; the future is done when each is durable, or has failed: then its place holds the exception."""
        if self._closed:
            raise RuntimeError("the ledger is closed")
        future: Future[list[Done | Exception]] = Future()
        self._queue.put((items, future))
        return future

    @property
    def waiting(self) -> int:
        """Return about how many groups of items wait."""
        return self._queue.qsize()

    def close(self) -> None:
        """Write what is queued and stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        """Take what has gathered while the last batch was written, and write it."""
        while True:
            taken = [self._queue.get()]
            while sum(len(each[0]) for each in taken if each is not None) < _MOST and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            groups = [each for each in taken if each is not None]
            results = iter(self.settled([item for items, _ in groups for item in items]))
            for items, future in groups:
                future.set_result([next(results) for _ in items])
            if len(groups) < len(taken):
                return

    def settled(self, batch: Sequence[Item]) -> list[Done | Exception]:
        """Write a batch now, in the caller's thread; an item that spoils it is found by writing each alone."""
        if not batch:
            return []
        try:
            return list(self._write(batch))
        except Exception as error:  # noqa: BLE001  whatever went wrong, everyone who waits must hear of it
            return [error] if len(batch) == 1 else [result for item in batch for result in self.settled([item])]
