"""The interactive documentation of the interface at /docs: Swagger UI, served from swagger_ui/."""

from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)
router.mount("/docs/static", StaticFiles(directory=Path(__file__).with_name("swagger_ui")))
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Swagger UI sets styles on its elements, so inline styles are allowed; scripts are loaded from this service only."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: interface</title>
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
<script defer src="/docs/static/swagger-ui-bundle.js"></script>
<script defer src="/docs/static/start.js"></script>
</head>
<body><div id="swagger-ui"></div></body>
</html>
"""


@router.get("/docs")
async def documentation(request: Request) -> HTMLResponse:
    """Return the page; it reads /openapi.json."""
    return HTMLResponse(_PAGE.format(title=escape(request.app.title)), headers={"content-security-policy": _POLICY})
