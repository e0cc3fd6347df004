"""The person who opens a page, and their browser's position; people without access are sent to sign in or refused."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request, Response

from serving.decisions.open_calls import Position
from serving.security.principal import Principal
from serving.security.sessions import SHIFT_SECONDS
from serving.services import Services

TYPING = frozenset({"call_taker", "clinician"})
EVALUATING = frozenset({"evaluator"})
LABELLING = frozenset({"labeller"})
ADJUDICATING = frozenset({"evaluator"})
SUPERVISING = frozenset({"clinician", "evaluator", "administrator"})
POSITION = "heartline-position"


class NeedsSignIn(Exception):
    """A page that needs signing in was opened without it."""


class PageRefused(Exception):
    """A page was opened by a person without one of its roles."""

    def __init__(self, roles: frozenset[str]) -> None:
        """Store the roles that may open the page."""
        super().__init__()
        self.roles = roles


def visitor(request: Request, roles: frozenset[str]) -> Principal:
    """Return the person who opens a page; raise `NeedsSignIn` without valid credentials, `PageRefused` without a role."""
    services: Services = request.app.state.services
    try:
        principal = services.authenticator.authenticate(request)
    except HTTPException as error:
        if error.status_code != 401:
            raise
        raise NeedsSignIn from None
    if not roles & principal.roles:
        raise PageRefused(roles)
    return principal


def opened_by(roles: frozenset[str]) -> Callable[[Request], Awaitable[Principal]]:
    """Return a dependency that gives the person who opens a page, and raises what `visitor` raises."""

    async def check(request: Request) -> Principal:
        return visitor(request, roles)

    return check


CallTaker = Annotated[Principal, Depends(opened_by(TYPING))]
Evaluator = Annotated[Principal, Depends(opened_by(EVALUATING))]
Supervisor = Annotated[Principal, Depends(opened_by(SUPERVISING))]


def display_name(principal: Principal) -> str:
    """Return a person's name without the prefix of the key or the provider."""
    return principal.name.rsplit(":", 1)[-1]


def position(request: Request, principal: Principal) -> Position | None:
    """Return the position of a browser, `None` before it has loaded the call page."""
    secret = request.cookies.get(POSITION, "")
    return Position(principal.name, secret) if len(secret) >= 20 else None


def keep_position(request: Request, answer: Response) -> None:
    """Set the cookie with the secret of a browser's position, unless it has one."""
    if len(request.cookies.get(POSITION, "")) >= 20:
        return
    answer.set_cookie(
        POSITION,
        secrets.token_urlsafe(24),
        max_age=SHIFT_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
