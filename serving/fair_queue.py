"""A bounded queue that is fair: whoever has least in it waits least, and whoever fills it is refused first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.errors import HeartlineError


class Overloaded(HeartlineError):
    """Too much waits already; it can be sent again after `RETRY_SECONDS`."""


RETRY_SECONDS = 1
_Key = tuple[str, bool]
"""A person, and whether the queue may refuse what stands in this line."""


class FairQueue:
    """A number of places to work at, with a line before them for each person; use it from one event loop.

    A place that falls free goes to the persons in turn, however many requests each has waiting. Where `most_waiting` wait, a
    request of another person takes the place in line of the newest request of whoever has most waiting.
    """

    def __init__(self, *, places: int, most_waiting: int) -> None:
        """Begin with every place free and nobody waiting."""
        self._free, self._most_waiting = places, most_waiting
        self._lines: dict[_Key, deque[asyncio.Future[None]]] = {}
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Return how many requests wait for a place."""
        return self._waiting

    async def enter(self, person: str, *, bounded: bool = True) -> None:
        """Wait for a place; raise `Overloaded` where too many wait. Whoever entered calls `leave` when the work is done.

        What is not `bounded` is never refused: its number is limited elsewhere.
        """
        if self._free > 0:  # then nobody waits
            self._free -= 1
            return
        key = (person, bounded)
        if bounded and self._waiting >= self._most_waiting:
            self._make_room(key)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(key, deque()).append(turn)
        self._waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave()  # it was this one's turn, and it has gone
            else:
                self._forget(key, turn)
            raise

    @asynccontextmanager
    async def place(self, person: str, *, bounded: bool = True) -> AsyncIterator[None]:
        """Hold a place while some work is done; raises what `enter` raises."""
        await self.enter(person, bounded=bounded)
        try:
            yield
        finally:
            self.leave()

    def leave(self) -> None:
        """Give the place to the next person in turn, or leave it free."""
        while self._lines:
            key = next(iter(self._lines))
            line = self._lines.pop(key)
            turn = line.popleft()
            self._waiting -= 1
            if line:
                self._lines[key] = line  # at the end: everyone else comes first
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _make_room(self, key: _Key) -> None:
        """Refuse the newest request of whoever has most waiting; raise `Overloaded` where that is this person."""
        bounded = [each for each in self._lines if each[1]]
        longest = max(bounded, key=lambda each: len(self._lines[each]), default=key)
        if len(self._lines.get(longest, ())) <= len(self._lines.get(key, ())) + 1:
            raise _overloaded()
        refused = self._lines[longest][-1]
        self._forget(longest, refused)
        if not refused.done():
            refused.set_exception(_overloaded())

    def _forget(self, key: _Key, turn: asyncio.Future[None]) -> None:
        """Take a request out of its line, where it still stands in one."""
        line = self._lines.get(key, deque())
        if turn in line:
            line.remove(turn)
            self._waiting -= 1
        if not line:
            self._lines.pop(key, None)


def _overloaded() -> Overloaded:
    """Return the refusal."""
    return Overloaded("too many requests wait", remedy="send it again in a second")
