"""The routes of the call page besides the stream: its open calls, the units on duty, and call types."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from models.programs.call_types import UNMAPPED
from serving.console.units import units_now
from serving.console.visitors import TYPING, position, visitor
from serving.decisions.open_calls import Position
from serving.services import Services

CallKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]


class StateIn(BaseModel):
    """The state of a call on the page; the fields named here are shown in the call list, all are stored encrypted."""

    model_config = ConfigDict(extra="allow")

    incident: str = Field("", max_length=200)
    shown: str = Field("", max_length=40)
    closed: bool = False
    practice: bool = False
    opened_at: float = Field(ge=0, le=1e11)
    __pydantic_extra__: dict[str, JsonValue]


def add_calls(app: FastAPI, services: Services) -> None:
    """Add the routes; each is for call-takers and clinicians, at their own position."""
    open_calls = services.open_calls

    @app.get("/console/calls", include_in_schema=False)
    async def calls(request: Request) -> dict[str, Any]:
        """Return the calls of this position."""
        return {"calls": await run_in_threadpool(open_calls.of, _position(request))}

    @app.put("/console/calls/{call_key}", include_in_schema=False, status_code=204)
    async def save(request: Request, call_key: CallKey, state: StateIn) -> Response:
        """Store the present state of a call."""
        await run_in_threadpool(open_calls.save, _position(request), call_key, state.model_dump(mode="json"))
        return Response(status_code=204)

    @app.delete("/console/calls/{call_key}", include_in_schema=False, status_code=204)
    async def forget(request: Request, call_key: CallKey) -> Response:
        """Delete a call."""
        await run_in_threadpool(open_calls.forget, _position(request), call_key)
        return Response(status_code=204)

    @app.get("/console/units", include_in_schema=False)
    async def units(request: Request, zone: Annotated[str, Query(max_length=200)] = "") -> dict[str, Any]:
        """Return which units are on duty in a zone now."""
        visitor(request, TYPING)
        program = services.models.active.router.program
        return {"units": units_now(program, at=datetime.now(UTC), zone=zone or None)}

    @app.get("/console/call-type", include_in_schema=False)
    async def call_type(request: Request, name: Annotated[str, Query(max_length=200)]) -> dict[str, Any]:
        """Return the known call type as which the program reads a call type, and whether that is a guess."""
        visitor(request, TYPING)
        read_as = services.models.active.router.program.call_types.canonical(name)
        known = read_as.name != UNMAPPED
        return {"name": read_as.name, "known": known, "guessed": read_as.guessed and known}


def _position(request: Request) -> Position:
    """Return the position of a request; raise 401 without credentials, 403 without a role, 409 before the page."""
    at = position(request, visitor(request, TYPING))
    if at is None:
        raise HTTPException(409, "Load the call page first.")
    return at
