"""Decisions, people's judgements of them, and outcomes of calls."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.concurrency import run_in_threadpool

from models.ledger.records import agreement
from serving.api.dependencies import (
    IdempotencyKey,
    LedgerReader,
    OutcomeReporter,
    ServicesOf,
    Typist,
    find_decision,
    own_key,
)
from serving.decisions.service import Request
from serving.problems import RESPONSES
from serving.schemas import CallIn, DecisionOut, EntryOut, FeedbackIn, OutcomeIn

router = APIRouter(prefix="/v1/decisions", responses=RESPONSES)


@router.post("", response_model=DecisionOut, tags=["decisions"])
async def decide(
    call: CallIn,
    principal: Typist,
    services: ServicesOf,
    final: Annotated[bool, Query()] = True,  # noqa: FBT002  a query
    attended: Annotated[bool, Query()] = True,  # noqa: FBT002  a query
) -> Response:
    """Suggest an answer to one call, with reasons, a risk and who is on duty; it is in the ledger before it is sent.

    `final=false` means that the note is still being typed; `attended=false` that no person can still ask the safety
    questions, as when past calls are scored.
    """
    request = Request(via="http", final=final, caller=call.caller_key, address=call.address_key, attended=attended)
    answer = await services.decisions.decide(call.to_call(), principal, request)
    return Response(answer.to_json(), media_type="application/json")


@router.post("/{decision_id}/feedback", tags=["decisions"])
async def feedback(
    decision_id: str, judgement: FeedbackIn, principal: Typist, services: ServicesOf, idempotency_key: IdempotencyKey = None
) -> EntryOut:
    """Record what a person decided; a correction is recorded too and replaces nothing."""
    decision = (await find_decision(services, decision_id)).content
    agreed = agreement(decision, judgement.human.value)
    content = judgement.model_dump(mode="json", exclude={"comment"}) | {
        "decision_id": decision_id, "call_id": decision["call_id"], "actor": principal.name, "agreed": agreed,
    }  # fmt: skip
    key = own_key(idempotency_key, principal)
    entry = await services.decisions.write("feedback", content, note=judgement.comment, key=key)
    await services.incidents.push_judgement(entry)
    services.metrics.feedback.labels("hidden" if agreed is None else str(agreed).lower(), judgement.reason).inc()
    return EntryOut(seq=entry.seq, content=entry.content, repeated=entry.repeated)


@router.post("/{decision_id}/outcome", tags=["decisions"])
async def outcome(
    decision_id: str, reported: OutcomeIn, principal: OutcomeReporter, services: ServicesOf,
    idempotency_key: IdempotencyKey = None,
) -> EntryOut:  # fmt: skip
    """Record what happened on scene, or why nobody went."""
    decision = (await find_decision(services, decision_id)).content
    content = reported.model_dump(mode="json") | {
        "decision_id": decision_id, "call_id": decision["call_id"], "actor": principal.name,
    }  # fmt: skip
    entry = await services.decisions.write("outcome", content, key=own_key(idempotency_key, principal))
    return EntryOut(seq=entry.seq, content=entry.content, repeated=entry.repeated)


@router.get("/{decision_id}", tags=["ledger"])
async def history(decision_id: str, _: LedgerReader, services: ServicesOf) -> list[EntryOut]:
    """Return a decision with all later entries about it."""
    entries = await run_in_threadpool(services.require_ledger().of_decision, decision_id)
    if not entries:
        raise HTTPException(404, "There is no such decision.")
    return [EntryOut(seq=entry.seq, content=entry.content) for entry in entries]
