"""Pages in the language of their reader, which may load files of this service only."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from serving.console.translations import language, texts

HERE = Path(__file__).parent
LANGUAGE, THEME = "heartline-language", "heartline-theme"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_PAGES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page; `values` are those of its template."""
    lang = language_of(request)
    theme = request.cookies.get(THEME, "")
    html = _PAGES.get_template(name).render(
        t=texts()[lang], lang=lang, theme=theme if theme in {"dark", "light"} else "", asset=asset, **values
    )
    return HTMLResponse(
        html, status_code=status, headers={"content-security-policy": POLICY, "referrer-policy": "same-origin"}
    )


def language_of(request: Request) -> str:
    """Return the language of a reader: the one they chose, or else the one that their browser prefers."""
    return language(request.cookies.get(LANGUAGE), request.headers.get("accept-language", ""))


def texts_for(request: Request) -> dict[str, Any]:
    """Return the texts in the language of a reader."""
    return texts()[language_of(request)]


@lru_cache(maxsize=32)
def asset(name: str) -> str:
    """Return the integrity hash of a script or a style sheet, by which a browser refuses a changed file."""
    digest = hashlib.sha384((HERE / "static" / name).read_bytes()).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"
