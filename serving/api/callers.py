"""A caller's earlier calls."""

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from serving.api.dependencies import LedgerReader, ServicesOf
from serving.problems import RESPONSES
from serving.schemas import CallerIn, EntryOut

router = APIRouter(prefix="/v1/callers", responses=RESPONSES, tags=["decisions"])


@router.post("")
async def earlier_calls(caller: CallerIn, _: LedgerReader, services: ServicesOf, response: Response) -> list[EntryOut]:
    """Return the latest 20 decisions on a caller's calls with their outcomes; X-Total-Calls is the number of all calls."""
    ledger = services.require_ledger()
    entries = await run_in_threadpool(ledger.of_caller, caller.caller_key)
    response.headers["X-Total-Calls"] = str(await run_in_threadpool(ledger.count_calls_of, caller.caller_key))
    return [EntryOut(seq=entry.seq, content=entry.content) for entry in entries]
