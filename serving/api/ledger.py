"""The ledger: entries by incident number and time, and its verification."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from serving.api.dependencies import Evaluator, LedgerReader, ServicesOf
from serving.problems import RESPONSES
from serving.schemas import EntryOut, VerdictOut

router = APIRouter(prefix="/v1/ledger", responses=RESPONSES, tags=["ledger"])
Instant = Annotated[str | None, Query(max_length=40, pattern=r"^\d{4}-\d\d-\d\d([T ][0-9:.+\-Z ]*)?$")]


@router.get("")
async def search(
    _: LedgerReader,
    services: ServicesOf,
    call_id: Annotated[str | None, Query(max_length=200)] = None,
    since: Instant = None,
    until: Instant = None,
    after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[EntryOut]:
    """Return entries by CAD incident number and by time; `after` is the `seq` of the last entry of the previous page."""
    ledger = services.require_ledger()
    entries = await run_in_threadpool(ledger.search, call_id=call_id, since=since, until=until, after=after, limit=limit)
    return [EntryOut(seq=entry.seq, content=entry.content) for entry in entries]


@router.get("/verify")
async def verify(_: Evaluator, services: ServicesOf) -> VerdictOut:
    """Check every hash of the ledger against its anchor."""
    verdict = await run_in_threadpool(services.require_ledger().verify)
    return VerdictOut(whole=verdict.fault is None, entries=verdict.count, said=str(verdict))
