"""Entries of concurrent requests, handed to the ledger's thread in batches, so that the event loop never waits."""

import asyncio
from concurrent.futures import Future

from models.ledger.queries import Entry
from models.ledger.store import Ledger
from models.ledger.writer import Draft

_Batch = list[tuple[Draft, asyncio.Future[Entry]]]
_Results = list[Entry | Exception]


class WriteBatcher:
    """The queue of entries to be written, for the event loop of one process."""

    def __init__(self, ledger: Ledger) -> None:
        """Store the ledger."""
        self._ledger = ledger
        self._waiting: _Batch = []
        self._in_flight = False

    async def write(self, draft: Draft) -> Entry:
        """Return the entry once it is durable; raise what the ledger raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Entry] = loop.create_future()
        self._waiting.append((draft, future))
        if not self._in_flight:
            self._in_flight = True
            loop.call_soon(self._start, loop)  # after the requests that are ready now have added their entries
        return await future

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand all queued entries to the ledger."""
        batch, self._waiting = self._waiting, []
        try:
            written = self._ledger.submit([draft for draft, _ in batch])
        except Exception as error:  # noqa: BLE001  whatever failed, every request of the batch must be told
            self._finish(loop, batch, [error] * len(batch))
            return
        written.add_done_callback(lambda done: loop.call_soon_threadsafe(self._finish, loop, batch, _results(done, batch)))

    def _finish(self, loop: asyncio.AbstractEventLoop, batch: _Batch, results: _Results) -> None:
        """Resolve every future, and hand over the entries that were added meanwhile."""
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue  # the request was cancelled, and its entry is written nevertheless
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        if self._waiting:
            self._start(loop)
        else:
            self._in_flight = False


def _results(done: "Future[_Results]", batch: _Batch) -> _Results:
    """Return one result for each entry of a batch; the same error for all where the batch failed."""
    error = done.exception()
    if error is None:
        return done.result()
    return [error if isinstance(error, Exception) else RuntimeError("the ledger stopped")] * len(batch)
