"""One line of JSON for each request, without notes and keys; and the security headers of every answer."""

import logging
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import unexpected

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=31536000",
}
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})


def json_logger() -> Any:
    """Return a logger that writes lines of JSON to standard error."""
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


class AccessLog:
    """Middleware that gives each request an id and security headers, logs its end, and answers 500 where it failed."""

    def __init__(self, app: ASGIApp, logger: Any, on_fault: Callable[[], None] = lambda: None) -> None:
        """Wrap an application; without a logger nothing is written; `on_fault` is called for each failure."""
        self.app, self.logger, self.on_fault = app, logger, on_fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        request_id, started, status = uuid.uuid4().hex, time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] in _STARTS:
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)  # a page sets its own policy
                headers["x-request-id"] = request_id
            await send(message)

        fault = None
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001  whatever failed, the client gets an answer and the log a line
            fault = _describe(error)
            self.on_fault()
            if status == 0 and scope["type"] == "http":
                await unexpected()(scope, receive, send_with_headers)
            status = status if scope["type"] == "websocket" else 500
        finally:
            self._log(scope, request_id, status, time.perf_counter() - started, fault)

    def _log(self, scope: Scope, request_id: str, status: int, seconds: float, fault: str | None) -> None:
        """Write the line of one request."""
        if self.logger is None:
            return
        more = {} if fault is None else {"fault": fault}
        self.logger.info(
            "request",
            request_id=request_id,
            kind=scope["type"],
            method=scope.get("method"),
            route=getattr(scope.get("route"), "path", "unknown"),
            status=status,
            ms=round(seconds * 1000, 3),
            **more,
        )


def _describe(error: Exception) -> str:
    """Return an exception's type and place, without its message, which may hold a part of a note."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__
