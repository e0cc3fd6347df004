"""The supervisor's board: the open calls of all positions, the units on duty, and today's overrides."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from serving.api.dependencies import ServicesOf
from serving.console.call_table import call_table
from serving.console.filters import Filters
from serving.console.render import page
from serving.console.units import units_now
from serving.console.visitors import Supervisor
from serving.services import Services

router = APIRouter(include_in_schema=False)


@router.get("/board")
async def board(request: Request, _: Supervisor, services: ServicesOf) -> Response:
    """Show the present state of the board: no note, and no names but those of the positions."""
    program, now = services.models.active.router.program, datetime.now(UTC)
    open_calls = await run_in_threadpool(services.open_calls.everywhere)
    overrides = await run_in_threadpool(_overrides_today, services, now)
    return page(
        request, "board.html", open_calls=[_row(call) for call in open_calls], overrides=overrides.most_common(),
        units=units_now(program, at=now, zone=None), zone=str(program.time_zone),
        at=now.astimezone(program.time_zone).strftime("%H:%M:%S %Z"),
    )  # fmt: skip


def _row(call: Any) -> dict[str, Any]:
    """Return the row of an open call, with its age and the time since its last change in seconds."""
    now = time.time()
    return {
        "person": call.person.rsplit(":", 1)[-1], "incident": call.incident, "shown": call.shown, "practice": call.practice,
        "age": max(0, int(now - call.opened_at)), "idle": max(0, int(now - call.saved_at)),
    }  # fmt: skip


def _overrides_today(services: Services, now: datetime) -> Counter[tuple[str, str]]:
    """Return the number of today's overrides by shown answer and reason; practice calls are not in the ledger."""
    if services.ledger is None:
        return Counter()
    program = services.models.active.router.program
    zone = program.time_zone
    begin, _ = Filters.read({"since": str(now.astimezone(zone).date())}, time_zone=zone, now=now).instants(zone)
    table = call_table(services.ledger.read(since=begin.isoformat()), time_zone=str(zone), call_types=program.call_types)
    overrode = table[(table["agreed"] == False).fillna(False).astype(bool)]  # noqa: E712  may be missing
    return Counter(zip(overrode["answer"], overrode["reason"], strict=True))
