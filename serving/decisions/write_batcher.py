"""Gather what the requests of one moment want written, and write it at once, in one commit.

A synced local file is written from the event loop itself: the threads of one Python process share one lock, and handing a
batch to another thread and back costs more than the writing. Whatever may take longer goes to the ledger's thread.
"""

import asyncio
from concurrent.futures import Future

from models.ledger.store import Ledger
from models.ledger.writer import Draft, Entry

Landed = list[Entry | Exception]


class Gather:
    """Hold what waits to be written by the event loop of one process."""

    def __init__(self, ledger: Ledger) -> None:
        """Keep the ledger."""
        self._ledger = ledger
        self._waiting: list[tuple[Draft, asyncio.Future[Entry]]] = []
        self._flying = False

    @property
    def waiting(self) -> int:
        """Return how many entries are not yet durable."""
        return len(self._waiting)

    async def write(self, draft: Draft) -> Entry:
        """Return the entry once it is durable; raise what the database raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Entry] = loop.create_future()
        self._waiting.append((draft, future))
        if not self._flying:
            self._flying = True
            loop.call_soon(self._launch, loop)  # after the requests that are ready now have added theirs
        return await future

    def _launch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand over all that waits."""
        batch, self._waiting = self._waiting, []
        try:
            now = self._ledger.write_now([draft for draft, _ in batch])
            if now is not None:
                self._land(loop, batch, now)
                return
            written = self._ledger.append_drafts([draft for draft, _ in batch])
        except RuntimeError as error:
            self._land(loop, batch, [error] * len(batch))
            return
        written.add_done_callback(lambda done: self._landing(loop, batch, done))

    def _landing(
        self, loop: asyncio.AbstractEventLoop, batch: list[tuple[Draft, asyncio.Future[Entry]]], done: "Future[Landed]"
    ) -> None:
        """Go back to the event loop's thread."""
        loop.call_soon_threadsafe(self._land, loop, batch, done.result())

    def _land(
        self, loop: asyncio.AbstractEventLoop, batch: list[tuple[Draft, asyncio.Future[Entry]]], results: Landed
    ) -> None:
        """Tell everyone, and hand over what has gathered meanwhile."""
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue  # whoever waited has gone
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        if self._waiting:
            self._launch(loop)
        else:
            self._flying = False
