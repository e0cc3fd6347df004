"""The routes of the call page about CAD: the fields and notes of a linked incident, and the values that CAD uses."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from serving.api.dependencies import ServicesOf
from serving.console.visitors import CallTaker

router = APIRouter(include_in_schema=False)


@router.get("/console/incident")
async def incident(
    _: CallTaker,
    services: ServicesOf,
    number: Annotated[str, Query(min_length=1, max_length=200)],
    after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """Return an incident's fields and its notes from number `after` on; raise 404 where it is not linked."""
    linked = None if services.ledger is None else await services.incidents.get(number)
    if linked is None:
        raise HTTPException(404, "There is no such incident.")
    return {
        "fields": {name: value for name, value in linked.fields.items() if not isinstance(value, bool)},
        "notes": [note.text for note in linked.notes[after:]],
        "count": len(linked.notes),
    }


@router.get("/console/seen")
async def seen(_: CallTaker, services: ServicesOf) -> dict[str, Any]:
    """Return the call types and zones that CAD has recently sent, for the suggestions of their fields."""
    return await services.incidents.seen()
