"""Who looks at a page, and at which browser; strangers go to the sign-in page and others are told why they may not."""

import secrets

from fastapi import HTTPException, Request, Response

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
    """The page is only for those who have signed in."""


class PageRefused(Exception):
    """The page is not for this person; a page says so, with a way out."""

    def __init__(self, roles: frozenset[str]) -> None:
        """Name the roles that may see the page."""
        super().__init__()
        self.roles = roles


def visitor(request: Request, roles: frozenset[str]) -> Principal:
    """Return who looks at a page; raise `NeedsSignIn` for strangers and `PageRefused` for those without the role."""
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


def display_name(principal: Principal) -> str:
    """Return the name that a person knows themselves by, without the key's or the provider's prefix."""
    return principal.name.rsplit(":", 1)[-1]


def position(request: Request, principal: Principal) -> Position | None:
    """Return the position of a browser, or nothing where its session has not begun."""
    secret = request.cookies.get(POSITION, "")
    return Position(principal.name, secret) if len(secret) >= 20 else None


def keep_position(request: Request, answer: Response) -> None:
    """Give a browser the secret of its session, where it has none yet."""
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
