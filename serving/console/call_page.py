"""Serve the call page, and let people in by the key that their administrator gave them."""

from typing import Annotated

from fastapi import FastAPI, Form, HTTPException, Request, Response
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from models.call import Answer, CallerParty, Source
from models.ledger.records import OVERRIDE_REASONS
from models.programs.call_types import program_types
from serving.console.render import HERE, LANGUAGE, THEME, page
from serving.console.translations import LANGUAGES
from serving.decisions.service import Desk
from serving.security.authentication import Gatekeeper, Principal
from serving.security.sessions import COOKIE, SHIFT_SECONDS
from serving.settings import Settings

_YEAR = 365 * 86_400
TYPING, JUDGING = frozenset({"call_taker", "clinician"}), frozenset({"evaluator"})


class NeedsSignIn(Exception):
    """Say that a page is only for those who have signed in."""


def visitor(request: Request, roles: frozenset[str]) -> Principal:
    """Return who looks at a page; raise `NeedsSignIn` for strangers and 403 for those without the role."""
    keeper: Gatekeeper = request.app.state.gatekeeper
    try:
        principal = keeper.who(request)
    except HTTPException as error:
        if error.status_code != 401:
            raise
        raise NeedsSignIn from None
    if not roles & principal.roles:
        raise HTTPException(403, f"This page needs one of the roles: {', '.join(sorted(roles))}.")
    return principal


def add_pages(app: FastAPI, desk: Desk, settings: Settings) -> None:
    """Add the call page, the door and what they load."""
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

    @app.exception_handler(NeedsSignIn)
    async def to_the_door(_: Request, __: NeedsSignIn) -> Response:
        return RedirectResponse("/sign-in", status_code=303)

    @app.get("/", include_in_schema=False)
    async def call(request: Request) -> Response:
        """Show the page on which a call is typed and answered."""
        principal = visitor(request, TYPING)
        router = desk.live.standing.router
        zones = sorted({zone for unit in router.program.units_on(None).values() for zone in unit.zones or ()})
        return page(
            request,
            "call.html",
            answers=list(Answer),
            sources=list(Source),
            parties=list(CallerParty),
            types=sorted(kind.replace("_", " ").capitalize() for kind in program_types()),
            zones=zones,
            reasons=[reason for reason in OVERRIDE_REASONS if reason != "agree"],
            degraded=router.bundle is None,
            principal=principal,
            signed_in=settings.authenticated,
        )

    @app.get("/sign-in", include_in_schema=False)
    async def door(request: Request) -> Response:
        """Ask for a key."""
        return page(request, "sign_in.html", bad=False)

    @app.post("/sign-in", include_in_schema=False)
    async def enter(request: Request, secret: Annotated[str, Form(max_length=8192)] = "") -> Response:
        """Let in whoever holds a key or a token, for a shift."""
        keeper: Gatekeeper = request.app.state.gatekeeper
        principal = keeper.known(secret.strip())
        if principal is None:
            return page(request, "sign_in.html", status=401, bad=True)
        to = "/" if TYPING & principal.roles else "/evaluator"
        answer = RedirectResponse(to, status_code=303)
        answer.set_cookie(
            COOKIE,
            keeper.cookies.make(principal.name, principal.roles),
            max_age=SHIFT_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @app.post("/sign-out", include_in_schema=False)
    async def leave() -> Response:
        """End a session at this browser."""
        answer = RedirectResponse("/sign-in", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    @app.post("/preferences", include_in_schema=False)
    async def prefer(
        request: Request, language: Annotated[str, Form()] = "", theme: Annotated[str, Form()] = ""
    ) -> Response:
        """Remember a language or a theme in the browser, and nothing else."""
        back = request.headers.get("referer", "/").split(request.headers.get("host", " "))[-1]
        answer = RedirectResponse(back if back.startswith("/") and not back.startswith("//") else "/", status_code=303)
        if language in LANGUAGES:
            answer.set_cookie(LANGUAGE, language, max_age=_YEAR, samesite="strict")
        if theme in {"dark", "light"}:
            answer.set_cookie(THEME, theme, max_age=_YEAR, samesite="strict")
        return answer
