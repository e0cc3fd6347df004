"""Incidents of a CAD system: linked, extended by notes, and answered; and the changes that could not be sent to CAD."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, create_model

from models.call import MAX_NARRATIVE
from models.decision import Recommendation, RiskBand
from models.decision import Response as Unit
from serving.api.dependencies import Administrator, CadReader, ServicesOf, Typist
from serving.incidents.pushes import judgement_of
from serving.incidents.service import Answered
from serving.problems import RESPONSES
from serving.schemas import AvailabilityOut, CallIn, DecisionOut, VersionsOut

router = APIRouter(prefix="/v1/incidents", responses=RESPONSES, tags=["incidents"])
pushes = APIRouter(prefix="/v1/pushes", responses=RESPONSES, tags=["incidents"])

_PLAIN = r"^[^\x00-\x1f\x7f]+$"
IncidentId = Annotated[str, Path(max_length=200, pattern=_PLAIN, description="The CAD incident number.")]
_FIELDS: dict[str, Any] = {
    name: (field.annotation, field) for name, field in CallIn.model_fields.items() if name not in {"narrative", "call_id"}
}


class _Closing(BaseModel):
    """The field that an incident has besides the fields of a call."""

    model_config = ConfigDict(extra="forbid", strict=True)

    closed: bool = Field(default=False, description="Whether the call is over: the answer is then the final one.")


IncidentIn = create_model(
    "IncidentIn", __base__=_Closing, __doc__="The known fields of an incident; a missing field is unknown.", **_FIELDS
)


class NoteIn(BaseModel):
    """One note of CAD; a note that is sent again under the same id counts once."""

    model_config = ConfigDict(extra="forbid", strict=True)

    note_id: str = Field(min_length=1, max_length=200, pattern=_PLAIN, description="CAD's own id of the note.")
    text: str = Field(max_length=MAX_NARRATIVE)


class IncidentOut(BaseModel):
    """An incident and the newest answer to it; `changed` is false where the request changed nothing."""

    model_config = ConfigDict(extra="forbid")

    incident_id: str
    revision: int
    notes: int
    closed: bool
    changed: bool
    decision: DecisionOut


class IncidentDecisionOut(BaseModel):
    """A decision on an incident as the ledger holds it, without the note.

    `shown` is what a person was shown; where a trial hides the suggestion, it is null and the suggestion's fields are empty.
    `revision` counts the changes of the incident that CAD sent; it is null for an answer on the call page.
    """

    model_config = ConfigDict(extra="forbid")

    seq: int
    decision_id: str
    decided_at: str
    final: bool
    via: str
    revision: int | None
    shown: Recommendation | None
    response: Unit | None
    with_ems: bool
    risk_band: RiskBand
    codes: list[str]
    rules: list[str]
    questions: list[str]
    availability: AvailabilityOut | None
    versions: VersionsOut


class JudgementOut(BaseModel):
    """A person's judgement of a decision; a withdrawn one no longer counts."""

    model_config = ConfigDict(extra="forbid")

    seq: int
    decision_id: str
    at: str
    human: Recommendation
    response: Unit | None
    reason: str
    withdrawn: bool


class DecisionsOut(BaseModel):
    """A page of the decisions on an incident and of people's judgements of them, each in order.

    `next` is the cursor of the next page, and `more` is whether there is one already.
    """

    decisions: list[IncidentDecisionOut]
    judgements: list[JudgementOut]
    next: int
    more: bool


class DeadLetterOut(BaseModel):
    """A suggestion or judgement that could not be sent, without its content."""

    push_id: str
    incident_id: str
    revision: int
    made_at: str
    attempts: int
    fault: str | None


@router.put("/{incident_id}", response_model=IncidentOut)
async def put(incident_id: IncidentId, incident: IncidentIn, principal: Typist, services: ServicesOf) -> Response:  # type: ignore[valid-type]  # created from the fields of a call
    """Link an incident, or change its fields, and answer it; repeating the request changes nothing."""
    fields = incident.model_dump(mode="json", exclude={"closed"}, exclude_none=True)  # type: ignore[attr-defined]  # likewise
    closed = incident.closed  # type: ignore[attr-defined]  # likewise
    return _out(await services.incidents.put(incident_id, fields, principal, closed=closed))


@router.post("/{incident_id}/notes", response_model=IncidentOut)
async def add_note(incident_id: IncidentId, note: NoteIn, principal: Typist, services: ServicesOf) -> Response:
    """Append a note to an incident and answer it; a note that is sent again counts once."""
    answered = await services.incidents.add_note(incident_id, note.note_id, note.text, principal)
    if answered is None:
        raise HTTPException(404, "There is no such incident: link it with PUT first.")
    return _out(answered)


@router.get("/{incident_id}/decisions")
async def decisions(
    incident_id: IncidentId,
    _: CadReader,
    services: ServicesOf,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DecisionsOut:
    """Return the decisions on an incident after a cursor, oldest first, and people's judgements of them."""
    ledger = services.require_ledger()
    entries = await run_in_threadpool(ledger.search, call_id=incident_id, after=after, limit=limit)
    if not entries and not after and await services.incidents.get(incident_id) is None:
        raise HTTPException(404, "There is no such incident.")
    return DecisionsOut(
        decisions=[_decision(entry.seq, entry.content) for entry in entries if entry.content["kind"] == "decision"],
        judgements=[
            JudgementOut(**judgement_of(entry.seq, entry.content))
            for entry in entries
            if entry.content["kind"] == "feedback"
        ],
        next=entries[-1].seq if entries else after,
        more=len(entries) == limit,
    )


@pushes.get("/dead")
async def dead_letters(_: Administrator, services: ServicesOf) -> list[DeadLetterOut]:
    """Return the suggestions and judgements that could not be sent, oldest first."""
    return [
        DeadLetterOut(**{name: getattr(letter, name) for name in DeadLetterOut.model_fields})
        for letter in await services.incidents.dead_letters()
    ]


@pushes.post("/{push_id}/resend", status_code=202)
async def resend(
    push_id: Annotated[str, Path(max_length=64, pattern=r"^[0-9a-f]+$")], _: Administrator, services: ServicesOf
) -> None:
    """Send a dead letter again, with the full number of attempts."""
    if not await services.incidents.resend(push_id):
        raise HTTPException(404, "There is no such dead letter.")


def _out(answered: Answered) -> Response:
    """Return an answered incident as JSON; the decision's JSON is inserted unchanged."""
    incident = answered.incident
    fields = {
        "incident_id": incident.incident_id, "revision": incident.revision, "notes": len(incident.notes),
        "closed": incident.closed, "changed": answered.changed,
    }  # fmt: skip
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return Response(f'{text[:-1]},"decision":{answered.answer}}}', media_type="application/json")


def _decision(seq: int, content: dict[str, Any]) -> IncidentDecisionOut:
    """Return a decision of the ledger, without its suggestion where a trial hides it."""
    hidden = bool(content["hidden"])
    return IncidentDecisionOut(
        seq=seq,
        shown=content["shown"],
        revision=content.get("revision"),
        response=None if hidden else content["response"],
        with_ems=not hidden and content["with_ems"],
        risk_band=RiskBand.UNKNOWN if hidden else content["risk_band"],
        codes=[] if hidden else content["codes"],
        rules=[] if hidden else [rule["rule_id"] for rule in content["rules"]],
        availability=None if hidden else content["availability"],
        **{name: content[name] for name in ("decision_id", "decided_at", "final", "via", "questions", "versions")},
    )
