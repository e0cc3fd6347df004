"""The routes of the call page about CAD: the fields and notes of a linked incident, and the values that CAD uses."""

from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request

from serving.console.visitors import TYPING, visitor
from serving.services import Services


def add_incidents(app: FastAPI, services: Services) -> None:
    """Add the routes; they are for call-takers and clinicians."""

    @app.get("/console/incident", include_in_schema=False)
    async def incident(
        request: Request,
        number: Annotated[str, Query(min_length=1, max_length=200)],
        after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """Return an incident's fields and its notes from number `after` on; raise 404 where it is not linked."""
        visitor(request, TYPING)
        linked = None if services.ledger is None else await services.incidents.get(number)
        if linked is None:
            raise HTTPException(404, "There is no such incident.")
        return {
            "fields": {name: value for name, value in linked.fields.items() if not isinstance(value, bool)},
            "notes": [note.text for note in linked.notes[after:]],
            "count": len(linked.notes),
        }

    @app.get("/console/seen", include_in_schema=False)
    async def seen(request: Request) -> dict[str, Any]:
        """Return the call types and zones that CAD has recently sent, for the suggestions of their fields."""
        visitor(request, TYPING)
        return await services.incidents.seen()
