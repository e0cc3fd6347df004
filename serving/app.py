"""Put the Router behind HTTP. It suggests; a person decides; the ledger remembers."""

import gc
import secrets
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from models.ledger.encryption import NoteSafe, key_file_of
from models.ledger.store import Ledger
from models.router import Router
from serving import console
from serving.api import problems, routes
from serving.decisions.service import Desk
from serving.model_manager import Live
from serving.model_registry import fetcher
from serving.observability import logs, tracing
from serving.observability.metrics import Metrics
from serving.security.authentication import Gatekeeper
from serving.security.sessions import Cookies
from serving.settings import Settings

NO_LEDGER = "none"
_SWITCH_SECONDS = 0.0005
"""How long the thread that writes the ledger may wait for the one that decides; Python's own 5 ms would be seen."""


def create_app(settings: Settings | None = None, router: Router | None = None, *, log: bool = True) -> FastAPI:
    """Make the application; a missing or broken bundle leaves the rules running and says so in readiness.

    With `router` that one answers and nothing is watched. Raises `LedgerError` or `InvalidConfig` where what must not be
    missing is: a ledger that cannot be opened, keys that cannot be read.
    """
    settings = settings or Settings.from_environment()
    fetch = fetcher(settings.registry, name="heartline", cache=settings.cache) if settings.registry else None
    ledger = _ledger(settings)
    live = Live(settings, fetch=fetch, router=router)
    desk = Desk(live, ledger, Metrics(), hide_share=settings.hide_share, hide_seed=settings.hide_seed)
    cookies = Cookies(ledger.safe.derive("cookie") if ledger else secrets.token_bytes(32))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        desk.live.watch()
        sys.setswitchinterval(_SWITCH_SECONDS)
        gc.collect()
        gc.freeze()  # what is loaded stays; walking it again and again would be seen in the slowest answers
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, lambda *_: desk.live.wake())
        yield
        desk.live.close()
        desk.close()

    app = FastAPI(
        title="Heartline",
        version="1",
        summary="Suggests whether an alternative-response team should answer a 911 call. It advises; it never dispatches.",
        docs_url=None,  # the page of documentation loads its scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.gatekeeper, app.state.desk = Gatekeeper(settings, cookies), desk
    app.add_middleware(problems.BodyLimit, limit=settings.max_body)
    app.add_middleware(logs.Access, logger=logs.set_up() if log else None)
    if settings.otel:
        tracing.set_up(app)
    problems.install(app)
    routes.add_decisions(app, desk)
    routes.add_ledger(app, desk)
    routes.add_operations(app, desk)
    console.add_pages(app, desk, settings)
    console.add_evaluator(app, desk)
    return app


def _ledger(settings: Settings) -> Ledger | None:
    """Open the ledger, unless it is switched off by name."""
    if settings.ledger == NO_LEDGER:
        return None
    return Ledger(
        settings.ledger,
        safe=NoteSafe.from_environment(key_file_of(settings.ledger) or Path("mlruns/ledger.key")),
        anchor=settings.anchor or None,
        keep_notes=settings.keep_notes,
        note_days=settings.note_days,
    )
