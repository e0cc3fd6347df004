"""The health of the service: whether the process runs, and whether decisions can be made and written."""

import asyncio

from fastapi import APIRouter

from models.ledger.store import Ledger
from serving.api.dependencies import ServicesOf
from serving.schemas import LiveOut, ReadyOut

router = APIRouter(prefix="/v1/health", tags=["health"])
PROBE_SECONDS = 1.0
"""How long readiness waits for a write to the ledger, in seconds."""


@router.get("/live")
async def live() -> LiveOut:
    """Return that the process runs."""
    return LiveOut(status="live")


@router.get("/ready")
async def ready(services: ServicesOf) -> ReadyOut:
    """Return whether calls are scored by a model or by the rules alone, and whether a ledger is kept."""
    active = services.models.active
    bundle, challenger = active.router.bundle, active.challenger
    fault = await _ledger_fault(services.ledger) if services.ledger is not None else None
    return ReadyOut(
        status="ready" if bundle is not None and fault is None else "degraded",
        detail=active.detail if fault is None else fault,
        model=bundle.digest if bundle else "none",
        challenger=challenger.versions.model if challenger else None,
        ledger=services.ledger is not None,
    )


async def _ledger_fault(ledger: Ledger) -> str | None:
    """Return why the ledger or its anchor cannot be written now; `None` where both can."""
    try:
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(ledger.probe())), PROBE_SECONDS)
    except TimeoutError:
        return "the ledger cannot be written: its database does not answer in time"
    except Exception as error:  # noqa: BLE001  whatever stops the probe would stop a decision too
        return f"the ledger cannot be written: {type(error).__name__}"
    return ledger.alert
