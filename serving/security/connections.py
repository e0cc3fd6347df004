"""uvicorn's HTTP protocol with time-outs for idle connections and a limit per address.

uvicorn has no time-out for a connection that never sends a request; two thousand of them would reach its limit and lock all
users out. Its `http` setting takes this class by name.
"""

from asyncio import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 10.0
BODY_SECONDS = 30.0
SILENT_PER_ADDRESS = 200
"""How many connections of one address may lack a complete request; a further one closes the oldest."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection with time-outs."""

    _silent: ClassVar[dict[str, dict["GuardedProtocol", None]]] = {}
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the time-out for the headers of the first request."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        silent = self._silent.setdefault(address, {})
        if len(silent) >= SILENT_PER_ADDRESS:
            oldest = next(iter(silent))
            oldest._end_silence()  # noqa: SLF001  of our own class
            oldest.transport.close()
        silent[self] = None
        self._wait(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time-out of a closed connection."""
        self._end_silence()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start the time-out for the headers of a request."""
        super().on_message_begin()
        self._wait(HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        """Start the time-out for the body."""
        super().on_headers_complete()
        self._wait(BODY_SECONDS)

    def on_message_complete(self) -> None:
        """Stop the time-out: the request is complete."""
        self._end_silence()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Stop the time-out: the WebSocket has its own."""
        self._end_silence()
        super().handle_websocket_upgrade()

    def _wait(self, seconds: float) -> None:
        """Close the connection after a time, unless the time-out is stopped or restarted."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self.transport.close)

    def _end_silence(self) -> None:
        """Stop the time-out, and no longer count the connection as silent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        address = self.client[0] if self.client else ""
        silent = self._silent.get(address, {})
        silent.pop(self, None)
        if not silent:
            self._silent.pop(address, None)
