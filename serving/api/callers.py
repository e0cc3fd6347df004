"""A caller's earlier calls."""

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from serving.api.dependencies import LedgerReader, ServicesOf
from serving.problems import RESPONSES
from serving.schemas import CallerIn, EntryOut

router = APIRouter(prefix="/v1/callers", responses=RESPONSES, tags=["decisions"])


@router.post("")
async def earlier_calls(caller: CallerIn, _: LedgerReader, services: ServicesOf) -> list[EntryOut]:
    """Return the latest decisions on a caller's calls and what came of them."""
    ledger = services.require_ledger()
    entries = await run_in_threadpool(ledger.of_caller, caller.caller_key)
    return [EntryOut(seq=entry.seq, content=entry.content) for entry in entries]
