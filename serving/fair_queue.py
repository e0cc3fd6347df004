"""A bounded and fair queue: persons take turns, and the person with the most waiting requests is refused first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.errors import HeartlineError


class Overloaded(HeartlineError):
    """A request that was refused because too many wait; it can be sent again after `RETRY_SECONDS`."""


RETRY_SECONDS = 1
_Key = tuple[str, bool]
"""A person, and whether the queue may refuse requests of this line."""


class FairQueue:
    """A number of places for concurrent work, with a line of waiting requests for each person; for one event loop.

    A free place goes to the persons in turn, however many requests each has waiting. Where `most_waiting` requests wait, a
    new request replaces the newest one of the person with the most waiting requests.
    """

    def __init__(self, *, places: int, most_waiting: int) -> None:
        """Start with all places free and no request waiting."""
        self._free, self._most_waiting = places, most_waiting
        self._lines: dict[_Key, deque[asyncio.Future[None]]] = {}
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Return how many requests wait for a place."""
        return self._waiting

    async def enter(self, person: str, *, bounded: bool = True) -> None:
        """Wait for a place; raise `Overloaded` where too many wait. The caller must call `leave` when its work is done.

        A request that is not `bounded` is never refused: the number of these is limited elsewhere.
        """
        if self._free > 0:  # then no request waits
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
                self.leave()  # it was cancelled after it had been given the place
            else:
                self._forget(key, turn)
            raise

    @asynccontextmanager
    async def place(self, person: str, *, bounded: bool = True) -> AsyncIterator[None]:
        """Return a context in which the caller has a place; entering it raises what `enter` raises."""
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
                self._lines[key] = line  # at the end, after all other persons
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _make_room(self, key: _Key) -> None:
        """Refuse the newest request of the person with the most waiting; raise `Overloaded` where that is this person."""
        bounded = [each for each in self._lines if each[1]]
        longest = max(bounded, key=lambda each: len(self._lines[each]), default=key)
        if len(self._lines.get(longest, ())) <= len(self._lines.get(key, ())) + 1:
            raise _overloaded()
        refused = self._lines[longest][-1]
        self._forget(longest, refused)
        if not refused.done():
            refused.set_exception(_overloaded())

    def _forget(self, key: _Key, turn: asyncio.Future[None]) -> None:
        """Remove a request from its line, if it is still in it."""
        line = self._lines.get(key, deque())
        if turn in line:
            line.remove(turn)
            self._waiting -= 1
        if not line:
            self._lines.pop(key, None)


def _overloaded() -> Overloaded:
    """Return the error of a refused request."""
    return Overloaded("too many requests wait", remedy="send it again in a second")
