"""The call page, on which a call is answered while it is typed, and the same page for practice."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from models.call import Answer, CallerParty, Source
from models.decision import PROGRAM_UNITS
from models.ledger.records import ADVERSE_EVENTS, OVERRIDE_REASONS, UNSERVED_REASONS
from models.router import Router
from serving.api.dependencies import ServicesOf
from serving.console.keys import keys
from serving.console.render import language_of, page, texts_for
from serving.console.visitors import SUPERVISING, CallTaker, display_name, keep_position
from serving.security.principal import Principal
from serving.services import Services

router = APIRouter(include_in_schema=False)


@router.get("/")
async def call(request: Request, person: CallTaker, services: ServicesOf) -> Response:
    """Show the page on which a call is typed and answered."""
    return _call_page(request, services, person, practice=False)


@router.get("/practice")
async def practice(request: Request, person: CallTaker, services: ServicesOf) -> Response:
    """Show the call page with invented calls; nothing that is typed on it is recorded."""
    return _call_page(request, services, person, practice=True)


def _call_page(request: Request, services: Services, principal: Principal, *, practice: bool) -> Response:
    """Return the page for the person who opens it."""
    active, language = services.models.active.router, language_of(request)
    values = _script_values(active, principal, language=language, practice=practice)
    answer = page(
        request, "call.html", script_values=values, practice=practice, principal=principal, person=display_name(principal),
        clinician="clinician" in principal.roles, supervises=bool(SUPERVISING & principal.roles),
        signed_in=services.settings.authenticated,
        keys={key.command: key.key for key in keys(language)}, key_table=keys(language), answers=list(Answer),
        sources=list(Source), parties=list(CallerParty), types=values["call_types"], zones=values["zones"],
        reasons=[reason for reason in OVERRIDE_REASONS if reason != "agree"], events=ADVERSE_EVENTS,
        unserved=UNSERVED_REASONS, responses=[unit.value for unit in PROGRAM_UNITS], degraded=active.bundle is None,
        certified_on=_certified_on(active, texts_for(request)), invented=invented_calls() if practice else [],
    )  # fmt: skip
    answer.headers["cache-control"] = "no-store"  # a page from the browser's cache would show an old call
    keep_position(request, answer)
    return answer


def _script_values(router: Router, principal: Principal, *, language: str, practice: bool) -> dict[str, Any]:
    """Return the values that the page's scripts need, as plain JSON values."""
    units = router.program.units_on(None).values()
    return {
        "time_zone": str(router.program.time_zone),
        "lang": language,
        "person": display_name(principal),
        "practice": practice,
        "keys": [{"command": key.command, "key": key.key, "alt": key.alt} for key in keys(language)],
        "zones": sorted({zone for unit in units for zone in unit.zones or ()}),
        "call_types": sorted(name.capitalize() for name in router.program.call_types.names),
    }


def _certified_on(router: Router, t: dict[str, Any]) -> str:
    """Return the banner for a model that is not certified on a city's own calls; empty for one that is."""
    return str(t.get(f"certified_{router.versions.certified_on}", ""))


@lru_cache(maxsize=1)
def invented_calls() -> list[dict[str, str]]:
    """Return the invented calls of the practice page."""
    calls: list[dict[str, str]] = tomllib.loads(Path(__file__).with_name("practice.toml").read_text(encoding="utf-8"))[
        "calls"
    ]
    return calls
