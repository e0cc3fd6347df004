"""An application behind the guarded protocol, which waits a few seconds for headers and not ten."""

from fastapi import FastAPI

from serving.security import connections

HEADER_SECONDS = 3.0


def app():
    """Return an application without a route of its own; only the process that serves it waits less."""
    connections.HEADER_SECONDS = HEADER_SECONDS
    return FastAPI()
