"""The HTTP interface: one router for each resource."""

from serving.api import callers, decisions, documentation, health, incidents, ledger, metrics, model, stream

ROUTERS = (
    decisions.router, incidents.router, incidents.pushes, callers.router, stream.router, ledger.router, health.router,
    model.router, metrics.router, documentation.router,
)  # fmt: skip

__all__ = ["ROUTERS"]
