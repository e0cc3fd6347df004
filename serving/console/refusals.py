"""Refusals as pages: where a browser asked for a page, the fault is shown as a page with links to go on."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.console.render import page
from serving.problems import MEDIA_TYPE

_TEXTS = {404: "page_missing", 405: "page_missing", 429: "page_busy"}
_OWN_ANSWERS = ("/v1/", "/console/", "/metrics", "/openapi")


class PageRefusals:
    """Middleware that sends a page in place of a problem document where a browser asked for a page."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if not _wants_page(scope):
            await self.app(scope, receive, send)
            return
        refused: int | None = None

        async def as_page(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and _is_problem(message):
                refused = int(message["status"])
            elif refused is None:
                await send(message)

        await self.app(scope, receive, as_page)
        if refused is not None:
            text = "other_site" if refused == 403 else _TEXTS.get(refused, "page_fault")
            await page(Request(scope), "fault.html", status=refused, text=text)(scope, receive, send)


def _wants_page(scope: Scope) -> bool:
    """Return whether a request is a browser's for a page, and not a script's for data."""
    if scope["type"] != "http" or scope["path"].startswith(_OWN_ANSWERS):
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


def _is_problem(message: Message) -> bool:
    """Return whether a response is a problem document."""
    return MEDIA_TYPE in Headers(raw=message["headers"]).get("content-type", "")
