"""Counters and gauges for Prometheus."""

from fastapi import APIRouter, Response

from serving.api.dependencies import MetricsReader, ServicesOf
from serving.problems import RESPONSES

router = APIRouter(responses=RESPONSES, tags=["health"])


@router.get("/metrics")
async def metrics(_: MetricsReader, services: ServicesOf) -> Response:
    """Return counters and gauges for Prometheus."""
    champion = services.models.active.router
    text = services.metrics.expose(
        model=champion.versions.model,
        program=champion.versions.program,
        profile=champion.bundle.manifest["training"].get("profile") if champion.bundle else None,
        waiting=services.ledger.waiting if services.ledger else 0,
    )
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
