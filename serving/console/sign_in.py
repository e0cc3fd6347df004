"""Signing in and out, the reader's preferences, and the pages for people without access."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Form, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from serving.api.dependencies import ServicesOf
from serving.console.render import LANGUAGE, THEME, page
from serving.console.translations import LANGUAGES
from serving.console.visitors import LABELLING, POSITION, TYPING, NeedsSignIn, PageRefused, position
from serving.problems import problem
from serving.security.principal import Principal
from serving.security.sessions import COOKIE
from serving.services import Services

_YEAR = 365 * 86_400


router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def ask(request: Request) -> Response:
    """Show the form for a key."""
    return page(request, "sign_in.html", fault="")


@router.post("/sign-in")
async def enter(request: Request, services: ServicesOf, secret: Annotated[str, Form(max_length=8192)] = "") -> Response:
    """Start a session for the owner of a valid key or token."""
    principal = services.authenticator.identify_secret(secret.strip())
    if principal is None:
        return page(request, "sign_in.html", status=401, fault="bad_key")
    answer = RedirectResponse(_first_page(principal), status_code=303)
    cookie, seconds = services.authenticator.sign_in(principal)
    answer.set_cookie(
        COOKIE, cookie, max_age=seconds, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return answer


@router.post("/sign-out")
async def leave(request: Request, services: ServicesOf) -> Response:
    """End a session, and delete the open calls of its browser."""
    try:
        principal = services.authenticator.authenticate(request)
    except HTTPException:
        principal = None  # the session has ended already
    if principal is not None:
        await run_in_threadpool(_forget_calls, services, request, principal)
    services.authenticator.sign_out(request)
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(COOKIE)
    answer.delete_cookie(POSITION)
    return answer


def _first_page(principal: Principal) -> str:
    """Return the page that a person works on first."""
    if TYPING & principal.roles:
        return "/"
    return "/label" if LABELLING & principal.roles else "/dashboard"


def add_refusals(app: FastAPI) -> None:
    """Add handlers that redirect to the sign-in page, and that show people without a role which roles they need."""

    @app.exception_handler(NeedsSignIn)
    async def to_sign_in(request: Request, _: NeedsSignIn) -> Response:
        if request.url.path.startswith("/console/"):
            return problem(401, "The request cannot be answered", "Sign in again.")
        return RedirectResponse("/sign-in", status_code=303)

    @app.exception_handler(PageRefused)
    async def refuse(request: Request, refusal: PageRefused) -> Response:
        if request.url.path.startswith("/console/"):
            return problem(403, "The request cannot be answered", f"This needs one of: {', '.join(sorted(refusal.roles))}.")
        return page(request, "refused.html", status=403, roles=sorted(refusal.roles))


@router.post("/preferences")
async def prefer(request: Request, language: Annotated[str, Form()] = "", theme: Annotated[str, Form()] = "") -> Response:
    """Store a language or a theme in a cookie, and return to the page."""
    back = request.headers.get("referer", "/").split(request.headers.get("host", " "))[-1]
    answer = RedirectResponse(back if back.startswith("/") and not back.startswith("//") else "/", status_code=303)
    if language in LANGUAGES:
        answer.set_cookie(LANGUAGE, language, max_age=_YEAR, samesite="strict")
    if theme in {"dark", "light"}:
        answer.set_cookie(THEME, theme, max_age=_YEAR, samesite="strict")
    return answer


def _forget_calls(services: Services, request: Request, principal: Principal) -> None:
    """Delete the open calls of a browser."""
    at = position(request, principal)
    if at is not None:
        services.open_calls.forget(at)
