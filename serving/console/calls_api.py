"""The routes of the call page besides the stream: its open calls, the units on duty, and call types."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from models.programs.call_types import UNMAPPED
from serving.api.dependencies import ServicesOf
from serving.console.units import units_now
from serving.console.visitors import CallTaker, position
from serving.decisions.open_calls import Position

router = APIRouter(include_in_schema=False)
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


async def _position(request: Request, person: CallTaker) -> Position:
    """Return the position of a request; raise 409 before the call page was loaded."""
    at = position(request, person)
    if at is None:
        raise HTTPException(409, "Load the call page first.")
    return at


PositionOf = Annotated[Position, Depends(_position)]


@router.get("/console/calls")
async def calls(at: PositionOf, services: ServicesOf) -> dict[str, Any]:
    """Return the calls of this position."""
    return {"calls": await run_in_threadpool(services.open_calls.of, at)}


@router.put("/console/calls/{call_key}", status_code=204)
async def save(at: PositionOf, call_key: CallKey, state: StateIn, services: ServicesOf) -> Response:
    """Store the present state of a call."""
    await run_in_threadpool(services.open_calls.save, at, call_key, state.model_dump(mode="json"))
    return Response(status_code=204)


@router.delete("/console/calls/{call_key}", status_code=204)
async def forget(at: PositionOf, call_key: CallKey, services: ServicesOf) -> Response:
    """Delete a call."""
    await run_in_threadpool(services.open_calls.forget, at, call_key)
    return Response(status_code=204)


@router.get("/console/units")
async def units(_: CallTaker, services: ServicesOf, zone: Annotated[str, Query(max_length=200)] = "") -> dict[str, Any]:
    """Return which units are on duty in a zone now."""
    program = services.models.active.router.program
    return {"units": units_now(program, at=datetime.now(UTC), zone=zone or None)}


@router.get("/console/call-type")
async def call_type(_: CallTaker, services: ServicesOf, name: Annotated[str, Query(max_length=200)]) -> dict[str, Any]:
    """Return the known call type as which the program reads a call type, and whether that is a guess."""
    read_as = services.models.active.router.program.call_types.canonical(name)
    known = read_as.name != UNMAPPED
    return {"name": read_as.name, "known": known, "guessed": read_as.guessed and known}
