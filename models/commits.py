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
        self._queue: queue.SimpleQueue[tuple[Item, Future[Done]] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> "Future[Done]":
        """Queue an item; its future is done when it is durable, or failed when it is not."""
        if self._closed:
            raise RuntimeError("the ledger is closed")
        future: Future[Done] = Future()
        self._queue.put((item, future))
        return future

    @property
    def waiting(self) -> int:
        """Return about how many items wait."""
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
            while len(taken) < _MOST and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            batch = [each for each in taken if each is not None]
            if batch:
                self._settle(batch)
            if len(batch) < len(taken):
                return

    def _settle(self, batch: "list[tuple[Item, Future[Done]]]") -> None:
        """Write a batch and tell everyone; an item that spoils a batch is found by writing each alone."""
        try:
            results = self._write([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001  whatever went wrong, everyone who waits must hear of it
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for each in batch:
                self._settle([each])
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)
