"""The application: one Router behind HTTP. It suggests, a person decides, and the ledger records both."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from models.router import Router
from serving import api, console, problems
from serving.console.refusals import PageRefusals
from serving.observability import logs, tracing
from serving.process_state import no_collection, on_hangup, switch_interval
from serving.security.hosts import SameOriginMiddleware
from serving.services import Services
from serving.settings import Settings


def create_app(settings: Settings | None = None, router: Router | None = None, *, log: bool = True) -> FastAPI:
    """Return the application; with `router`, that router answers and no folder is watched.

    With a missing or broken bundle the rules alone answer, and readiness reports it.

    Raises
    ------
    LedgerError, InvalidConfig
        The ledger cannot be opened, a setting is wrong, or keys cannot be read.

    """
    settings = settings or Settings.from_environment()
    logger = logs.json_logger() if log else None
    with no_collection():
        services = Services.open(settings, router=router, logger=logger)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        services.models.watch()
        gc.collect()
        gc.freeze()  # loaded objects stay: examining them in each collection would delay the slowest answers
        purging = [asyncio.create_task(purge()) for purge in (services.purge_daily, services.purge_hourly)]
        services.incidents.start()
        try:
            with switch_interval(), on_hangup(services.models.wake):
                yield
        finally:
            for task in purging:
                task.cancel()
            gc.unfreeze()
            services.close()

    app = FastAPI(
        title="Heartline",
        version="1",
        summary="Suggests whether an alternative-response team should answer a 911 call. It advises; it never dispatches.",
        docs_url=None,  # FastAPI's page loads scripts from another site; ours is in serving/api/documentation.py
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=settings.max_body)
    app.add_middleware(SameOriginMiddleware)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.allowed_hosts), www_redirect=False)
    app.add_middleware(problems.PlainTextRefusals, max_body=settings.max_body)
    app.add_middleware(PageRefusals)
    app.add_middleware(logs.AccessLog, logger=logger, on_fault=services.metrics.faults.labels("request").inc)
    if settings.otel:
        tracing.install(app)
    for each in api.ROUTERS:
        app.include_router(each)
    console.add_console(app)
    return app
