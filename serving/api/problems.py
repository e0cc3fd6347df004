"""Turn every fault into an RFC 9457 problem that names the fault and never repeats what was sent."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from models.errors import LedgerError

MEDIA_TYPE = "application/problem+json"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def problem(status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None) -> JSONResponse:
    """Make a problem response."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": errors or []}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer refused requests, unknown paths and our own faults as problems."""

    @app.exception_handler(RequestValidationError)
    async def refused(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [{"field": _place(entry), "fault": _fault(entry)} for entry in error.errors()]
        return problem(422, "The call cannot be read", "Mend the named fields and send it again.", errors)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        answer = problem(error.status_code, "The request cannot be answered", str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(SQLAlchemyError)
    async def unreachable(_: Request, error: SQLAlchemyError) -> JSONResponse:
        return problem(503, "The ledger cannot be read", f"{type(error).__name__}. Try again.")

    @app.exception_handler(LedgerError)
    async def unwritten(_: Request, error: LedgerError) -> JSONResponse:
        return problem(503, "It could not be written down", f"{error}. Treat the call as REVIEW.")

    @app.exception_handler(Exception)
    async def fault(_: Request, __: Exception) -> JSONResponse:
        return problem(500, "The service failed", "Treat the call as REVIEW.")


def _place(entry: dict[str, Any]) -> str:
    """Name the field; a name that we do not know is not repeated, because it may be part of a note."""
    if entry["type"] in {"extra_forbidden", "json_invalid"}:
        return "body"
    return ".".join(str(part) for part in entry["loc"])


def _fault(entry: dict[str, Any]) -> str:
    """Say what is wrong without the value."""
    if entry["type"] == "extra_forbidden":
        return "unknown field"
    if entry["type"] == "json_invalid":
        return "body is not JSON"
    return str(entry["msg"])


class BodyLimit:
    """Refuse bodies over a limit with 413, by their announced length or while they are read."""

    def __init__(self, app: Any, limit: int) -> None:
        """Wrap an ASGI application."""
        self.app, self.limit = app, limit

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Read the whole body first, up to the limit; then hand it on."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > self.limit:
                await self._refuse(send)
                return
            if not message.get("more_body", False):
                break
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self.app(scope, replay, send)

    async def _refuse(self, send: Send) -> None:
        """Send a 413 problem and close the connection, because the rest of the body is not read."""
        detail = f"Send at most {self.limit} bytes."
        body = {"type": "about:blank", "title": "The body is too large", "status": 413, "detail": detail, "errors": []}
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})
