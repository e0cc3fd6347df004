"""HTTP connections that may not stay silent: uvicorn's protocol with time-outs and a limit per address.

uvicorn counts a connection that never sends a request against its limit for ever; two thousand of them would shut everyone
out. Its `http` setting takes this class by name.
"""

from asyncio import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 10.0
BODY_SECONDS = 30.0
SILENT_PER_ADDRESS = 200
"""How many connections of one address may be without a complete request; the oldest is closed for the next."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection with time-outs."""

    _silent: ClassVar[dict[str, dict["GuardedProtocol", None]]] = {}
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the headers of the first request."""
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
        """Forget the connection."""
        self._end_silence()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a request."""
        super().on_message_begin()
        self._wait(HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        """Begin to wait for the body."""
        super().on_headers_complete()
        self._wait(BODY_SECONDS)

    def on_message_complete(self) -> None:
        """Wait no longer: the request is complete."""
        self._end_silence()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Wait no longer: the WebSocket has time-outs of its own."""
        self._end_silence()
        super().handle_websocket_upgrade()

    def _wait(self, seconds: float) -> None:
        """Close the connection unless something completes in time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self.transport.close)

    def _end_silence(self) -> None:
        """Stop waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        address = self.client[0] if self.client else ""
        silent = self._silent.get(address, {})
        silent.pop(self, None)
        if not silent:
            self._silent.pop(address, None)
