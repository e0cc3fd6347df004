"""Errors as RFC 9457 problems, which name the fault and never repeat the request."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import InvalidEntry, InvalidInstant, LedgerConflict, LedgerError
from serving.fair_queue import RETRY_SECONDS, Overloaded
from serving.schemas import ProblemOut

MEDIA_TYPE = "application/problem+json"
_DESCRIPTIONS = {
    400: "The body is not JSON", 401: "No valid key or token", 403: "Not allowed for this role", 404: "Not found",
    409: "The idempotency key was used for another request", 413: "The body is too large", 422: "A field is wrong",
    429: "Too many requests", 500: "The service failed", 503: "It could not be recorded, or too many requests wait",
}  # fmt: skip
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut, "content": {MEDIA_TYPE: {}}, "description": text} for status, text in _DESCRIPTIONS.items()
}
"""The problems that a route may answer with, for the OpenAPI document."""


def problem(status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None) -> JSONResponse:
    """Return a problem response."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": errors or []}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Add handlers that answer refused requests, unknown paths and errors of the service as problems."""

    @app.exception_handler(RequestValidationError)
    async def invalid_request(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [{"field": _field(entry), "fault": _fault(entry)} for entry in error.errors()]
        return problem(422, "The call cannot be read", "Correct the named fields and send it again.", errors)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        response = problem(error.status_code, "The request cannot be answered", str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Overloaded)
    async def overloaded(_: Request, error: Overloaded) -> JSONResponse:
        response = problem(503, "The service is overloaded", f"{error}. Until then treat the call as REVIEW.")
        response.headers["retry-after"] = str(RETRY_SECONDS)
        return response

    @app.exception_handler(LedgerConflict)
    async def conflict(_: Request, error: LedgerConflict) -> JSONResponse:
        return problem(409, "The idempotency key is taken", f"{error}.")

    @app.exception_handler(InvalidEntry)
    @app.exception_handler(InvalidInstant)
    async def invalid_value(_: Request, error: InvalidEntry | InvalidInstant) -> JSONResponse:
        return problem(422, "The request cannot be read", f"{error.fault}. {error.remedy}".strip())

    @app.exception_handler(LedgerError)
    async def ledger_error(_: Request, error: LedgerError) -> JSONResponse:
        return problem(503, "It could not be recorded", f"{error}. Treat the call as REVIEW.")


def unexpected() -> JSONResponse:
    """Return the problem for an error of the service, without any detail of it."""
    return problem(500, "The service failed", "Treat the call as REVIEW.")


class PlainTextRefusals:
    """Middleware that turns plain-text refusals of Starlette (unknown host, body too large) into problems."""

    def __init__(self, app: ASGIApp, *, max_body: int) -> None:
        """Wrap an application; `max_body` is named in the refusal of a larger body."""
        self.app, self.max_body = app, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection."""
        refused: JSONResponse | None = None

        async def send_problem(message: Message) -> None:
            nonlocal refused
            if message["type"].endswith("response.start") and message["status"] in {400, 413} and _is_text(message):
                refused = self._problem(message["status"])
            if refused is None:
                await send(message)
            elif message["type"].endswith("response.body") and not message.get("more_body", False):
                await refused(scope, receive, send)

        await self.app(scope, receive, send_problem)

    def _problem(self, status: int) -> JSONResponse:
        """Return the problem for a status."""
        if status == 400:
            return problem(400, "The request cannot be answered", "The Host header is not one of this service's hosts.")
        response = problem(413, "The body is too large", f"Send at most {self.max_body} bytes.")
        response.headers["connection"] = "close"  # the rest of the body is not read
        return response


def _is_text(message: Message) -> bool:
    """Return whether a response that starts is plain text."""
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")


def _field(entry: dict[str, Any]) -> str:
    """Return the field's name; an unknown name is not repeated, because it may be part of a note."""
    if entry["type"] in {"extra_forbidden", "json_invalid"}:
        return "body"
    return ".".join(str(part) for part in entry["loc"])


def _fault(entry: dict[str, Any]) -> str:
    """Return the fault, without the value."""
    if entry["type"] == "extra_forbidden":
        return "unknown field"
    if entry["type"] == "json_invalid":
        return "body is not JSON"
    return str(entry["msg"])
