"""Write one line of JSON for each request: who, what, how long; never a note, never a key. Set security headers too."""

import logging
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000"),
)


def set_up() -> Any:
    """Return a logger that writes lines of JSON to standard error."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"),
                    structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )  # fmt: skip
    return structlog.get_logger()


class Access:
    """Give each request an id, log its end, and add the headers that keep a browser careful."""

    def __init__(self, app: App, logger: Any) -> None:
        """Wrap an ASGI application; without a logger nothing is written."""
        self.app, self.logger = app, logger

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Handle one request or connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        request_id, started, status = uuid.uuid4().hex, time.perf_counter(), 0

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = list(message.get("headers", []))
                own = {name.lower() for name, _ in given}
                ours = [(name, value) for name, value in HEADERS if name not in own]  # a page names its own sources
                message["headers"] = [*given, *ours, (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, marked)
        finally:
            if self.logger is not None:
                route = getattr(scope.get("route"), "path", "unknown")
                self.logger.info(
                    "request",
                    request_id=request_id,
                    kind=scope["type"],
                    method=scope.get("method"),
                    route=route,
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 3),
                )
