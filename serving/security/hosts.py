"""Refusal of requests that another site's page makes with a user's cookie.

Starlette's TrustedHostMiddleware checks the Host header, which stops DNS rebinding; this one compares the Origin with it.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.problems import problem

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "none"})


class SameOriginMiddleware:
    """Middleware that answers 403 to a request that, by the browser's headers, another site's page makes."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection."""
        if scope["type"] in {"http", "websocket"} and _foreign(scope):
            response = problem(403, "The request cannot be answered", "Requests from another site's page are refused.")
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _foreign(scope: Scope) -> bool:
    """Return whether another site's page makes the request; a link from another site may be followed."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
        return True
    changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
    return changes and headers.get("sec-fetch-site", "none") not in _OWN_SITE
