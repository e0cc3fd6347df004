"""The pages of the console, added to the application."""

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from serving.console import board, call_page, calls_api, dashboard, incidents, labelling, sign_in
from serving.console.render import HERE

ROUTERS = (
    call_page.router, calls_api.router, incidents.router, sign_in.router, dashboard.router, board.router, labelling.router,
)  # fmt: skip


def add_console(app: FastAPI) -> None:
    """Add every page with its routes, the static files, and the pages for people without access."""
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    for router in ROUTERS:
        app.include_router(router)
    sign_in.add_refusals(app)
