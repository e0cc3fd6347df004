"""The evaluation dashboard: suggestions, people's decisions, outcomes, and the verification of the ledger."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from models.errors import InvalidConfig
from models.ledger.store import Ledger
from serving.api.dependencies import ServicesOf
from serving.console import charts
from serving.console.call_table import call_table
from serving.console.exports import MEDIA, export
from serving.console.filters import CHOSEN, Filters
from serving.console.panels import counts, panels
from serving.console.render import page, texts_for
from serving.console.unasked import unasked_panel
from serving.console.visitors import Evaluator
from serving.security.principal import Principal
from serving.services import Services

if TYPE_CHECKING:
    import pandas as pd

_MOST_CALLS = 500


router = APIRouter(include_in_schema=False)


@router.get("/evaluator")
async def moved() -> Response:
    """Redirect an old address to the dashboard."""
    return RedirectResponse("/dashboard", status_code=308)


@router.get("/dashboard")
async def overview(request: Request, principal: Evaluator, services: ServicesOf) -> Response:
    """Show the figures of a period: errors first, then agreement, answers, vetoes, calibration, time and overrides."""
    filters, t = _filters(request, services), texts_for(request)
    everything = await run_in_threadpool(_calls, services, filters, principal)
    table = filters.apply(everything)
    shown = await run_in_threadpool(
        panels, table, filters, t=t, rulebook=services.models.active.router.matcher.rulebook, named=_named(principal)
    )
    shown.append(unasked_panel(table, filters, t))
    return page(
        request, "dashboard.html", **_common(services, filters, everything, principal), panels=shown,
        counts=counts(table, everything, filters, t), patterns=charts.PATTERNS, kinds=charts.KINDS, empty=table.empty,
    )  # fmt: skip


@router.get("/dashboard/calls")
async def calls(request: Request, principal: Evaluator, services: ServicesOf) -> Response:
    """List the calls behind a count."""
    filters = _filters(request, services)
    everything = await run_in_threadpool(_calls, services, filters, principal)
    table = filters.apply(everything)
    rows = table.sort_values("decided_at", ascending=False).head(_MOST_CALLS)
    records = rows.astype("object").where(rows.notna(), None).to_dict("records")
    return page(
        request,
        "calls.html",
        **_common(services, filters, everything, principal),
        calls=records,
        found=len(table),
        most=_MOST_CALLS,
    )


@router.get("/dashboard/verify")
async def verify(request: Request, _: Evaluator, services: ServicesOf) -> Response:
    """Show whether the ledger is whole."""
    verdict = await run_in_threadpool(services.require_ledger().verify)
    return page(request, "verdict.html", verdict=verdict, at=datetime.now(UTC).isoformat(timespec="seconds"))


@router.get("/dashboard/decisions/{decision_id}")
async def history(request: Request, decision_id: str, principal: Evaluator, services: ServicesOf) -> Response:
    """Show the history of one decision: the suggestion, the versions, the person, the outcome."""
    ledger = services.require_ledger()
    entries = await run_in_threadpool(ledger.of_decision, decision_id)
    if not entries:
        raise HTTPException(404, "There is no such decision.")
    name = _persons(ledger, principal)
    shown = [
        entry.content | {"actor": name(str(entry.content["actor"]))} if entry.content.get("actor") else entry.content
        for entry in entries
    ]
    note = await run_in_threadpool(_note, ledger, decision_id)
    return page(request, "history.html", entries=list(zip([entry.seq for entry in entries], shown, strict=True)), note=note)


@router.get("/dashboard/export.{kind}")
async def download(request: Request, kind: str, principal: Evaluator, services: ServicesOf) -> Response:
    """Send the filtered calls of a period as CSV or Parquet, one row each, with those left while typing."""
    if kind not in MEDIA:
        raise HTTPException(404, "Exports are csv and parquet.")
    filters = _filters(request, services)
    everything = Filters(since=filters.since, until=filters.until, typing=True, values=filters.values)
    table = everything.apply(await run_in_threadpool(_calls, services, filters, principal))
    body = await run_in_threadpool(export, table, kind)
    name = f'attachment; filename="heartline-{filters.since}-{filters.until}.{kind}"'
    return Response(body, media_type=MEDIA[kind], headers={"content-disposition": name})


def _filters(request: Request, services: Services) -> Filters:
    """Return the filters of a request, in the program's zone."""
    return Filters.read(request.query_params, time_zone=services.models.active.router.program.time_zone)


def _calls(services: Services, filters: Filters, principal: Principal) -> pd.DataFrame:
    """Return every call of a period, with all later entries about it."""
    import pandas as pd  # noqa: PLC0415  60 MB that only the dashboard needs

    ledger, program = services.require_ledger(), services.models.active.router.program
    begin, end = filters.instants(program.time_zone)
    table = call_table(
        ledger.read(since=begin.isoformat()),
        call_types=program.call_types,
        time_zone=str(program.time_zone),
        person=_persons(ledger, principal),
        shifts=services.settings.shifts,
    )
    return table[pd.to_datetime(table["decided_at"], utc=True, format="ISO8601") < end]


def _named(principal: Principal) -> bool:
    """Return whether a person may see the names of others."""
    return "administrator" in principal.roles


def _persons(ledger: Ledger, principal: Principal) -> Callable[[str], str]:
    """Return a function from a person's name to the name to show: the name for administrators, else a keyed pseudonym."""
    if _named(principal):
        return lambda name: name.rsplit(":", 1)[-1]
    key = ledger.encryption.derive("pseudonym")
    return lambda name: f"P-{hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:6]}"


def _common(services: Services, filters: Filters, everything: pd.DataFrame, principal: Principal) -> dict[str, Any]:
    """Return the values of every page of the dashboard: the filters and their choices."""
    columns = {"call_type": "heart_type", "unit": "response"}
    choices = {name: sorted(map(str, everything[columns.get(name, name)].dropna().unique())) for name in CHOSEN}
    zone = services.models.active.router.program.time_zone
    return {"filters": filters, "choices": choices, "zone": str(zone), "principal": principal}


def _note(ledger: Ledger, decision_id: str) -> str | None:
    """Return a decision's note, `None` where it was not kept or this service cannot decrypt it."""
    try:
        return ledger.note(decision_id)
    except InvalidConfig:
        return None
