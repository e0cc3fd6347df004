"""Decisions, what people decided after them, and what happened on scene."""

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

    `final=false` says that the note is still being typed; `attended=false` that nobody is taking the call who could still
    ask the safety questions, as when past calls are scored.
    """
    answer = await services.decisions.decide(
        call.to_call(),
        principal,
        via="http",
        final=final,
        caller=call.caller_key,
        address=call.address_key,
        attended=attended,
    )
    return Response(answer.to_json(), media_type="application/json")


@router.post("/{decision_id}/feedback", tags=["decisions"])
async def feedback(
    decision_id: str, said: FeedbackIn, principal: Typist, services: ServicesOf, idempotency_key: IdempotencyKey = None
) -> EntryOut:
    """Keep what a person decided; a correction is kept beside it and replaces nothing."""
    decision = (await find_decision(services, decision_id)).content
    agreed = agreement(decision, said.human.value)
    content = said.model_dump(mode="json", exclude={"comment"}) | {
        "decision_id": decision_id, "call_id": decision["call_id"], "actor": principal.name, "agreed": agreed,
    }  # fmt: skip
    entry = await services.decisions.write("feedback", content, note=said.comment, key=own_key(idempotency_key, principal))
    await services.incidents.tell_judgement(entry)
    services.metrics.feedback.labels("hidden" if agreed is None else str(agreed).lower(), said.reason).inc()
    return EntryOut(seq=entry.seq, content=entry.content, repeated=entry.repeated)


@router.post("/{decision_id}/outcome", tags=["decisions"])
async def outcome(
    decision_id: str, reported: OutcomeIn, principal: OutcomeReporter, services: ServicesOf,
    idempotency_key: IdempotencyKey = None,
) -> EntryOut:  # fmt: skip
    """Keep what happened on scene, or why nobody went."""
    decision = (await find_decision(services, decision_id)).content
    about = {"decision_id": decision_id, "call_id": decision["call_id"], "actor": principal.name}
    content = reported.model_dump(mode="json") | about
    entry = await services.decisions.write("outcome", content, key=own_key(idempotency_key, principal))
    return EntryOut(seq=entry.seq, content=entry.content, repeated=entry.repeated)


@router.get("/{decision_id}", tags=["ledger"])
async def history(decision_id: str, _: LedgerReader, services: ServicesOf) -> list[EntryOut]:
    """Return a decision and everything that was written about it since."""
    entries = await run_in_threadpool(services.require_ledger().of_decision, decision_id)
    if not entries:
        raise HTTPException(404, "There is no such decision.")
    return [EntryOut(seq=entry.seq, content=entry.content) for entry in entries]
