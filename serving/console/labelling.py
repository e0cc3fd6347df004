"""The labelling page: one call at a time with the guide beside it and a key for each answer; and the queue of disputes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from models.labelling.label import Judgement, Label
from models.labelling.progress import progress
from models.labelling.store import Item, LabelStore
from serving.api.dependencies import ServicesOf
from serving.console.render import page
from serving.console.visitors import ADJUDICATING, LABELLING, display_name, visitor
from serving.security.principal import Principal
from serving.services import Services

router = APIRouter(include_in_schema=False)
SHOWN_FIELDS = ("call_type", "priority", "source", "zone", "caller_party", "language", "calls_30d", "weapons_answer",
                "violence_answer", "medical_answer")  # fmt: skip
LONGEST_SECONDS = 3600


class LabelIn(BaseModel):
    """One person's answer to one call."""

    model_config = ConfigDict(extra="forbid")

    eligible: bool | None
    weapon: bool = False
    violence: bool = False
    medical: bool = False
    self_harm: bool = False
    call_type: str | None = Field(default=None, max_length=200)
    seconds: float = Field(ge=0)


Disputes = Annotated[bool, Query(description="Whether disputes are adjudicated, which is for another role than labelling.")]


async def _person(request: Request, disputes: Disputes = False) -> Principal:  # noqa: FBT002  a query
    """Return the person who labels or adjudicates; raise what `visitor` raises for others."""
    return visitor(request, ADJUDICATING if disputes else LABELLING)


Person = Annotated[Principal, Depends(_person)]


@router.get("/label")
async def label(
    request: Request,
    principal: Person,
    services: ServicesOf,
    disputes: Disputes = False,  # noqa: FBT002  a query
) -> Response:
    """Show the page."""
    store = services.labels
    answer = page(
        request, "label.html", ready=store is not None, disputes=disputes, person=display_name(principal),
        adjudicates=bool(ADJUDICATING & principal.roles), labels=bool(LABELLING & principal.roles),
        guide=[] if store is None else [part for part in store.project.guide.split("\n\n") if part.strip()],
        types=sorted(name.capitalize() for name in services.models.active.router.program.call_types.names),
        signed_in=services.settings.authenticated,
    )  # fmt: skip
    answer.headers["cache-control"] = "no-store"
    return answer


@router.get("/console/label/next")
async def following(
    response: Response,
    principal: Person,
    services: ServicesOf,
    disputes: Disputes = False,  # noqa: FBT002  a query
    back: Annotated[bool, Query()] = False,  # noqa: FBT002  a query
) -> dict[str, Any]:
    """Return the next call for this person, or with `back` the previous one, and the progress of the project."""
    store = _store(services)
    response.headers["cache-control"] = "no-store"
    item = (
        await run_in_threadpool(store.last_item, principal.name)
        if back
        else await run_in_threadpool(store.next_item, principal.name, adjudicate=disputes)
    )
    return {
        "item": None if item is None else _record(item, disputes=disputes),
        "progress": await _progress(store, principal),
    }


@router.post("/console/label/{item_id}", status_code=204)
async def answer(
    item_id: int,
    label: LabelIn,
    principal: Person,
    services: ServicesOf,
    disputes: Disputes = False,  # noqa: FBT002  a query
) -> Response:
    """Store an answer."""
    store = _store(services)
    values = label.model_dump(exclude={"seconds"}) | {"call_type": (label.call_type or "").strip() or None}
    judgement = Judgement(
        person=principal.name,
        label=Label(**values),
        seconds=min(label.seconds, LONGEST_SECONDS),
        adjudication=disputes,
    )
    await run_in_threadpool(store.answer, item_id, judgement)
    return Response(status_code=204)


def _store(services: Services) -> LabelStore:
    """Return the project; raise 404 where the service has none."""
    if services.labels is None:
        raise HTTPException(404, "There is nothing to label: set HEARTLINE_LABELS.")
    return services.labels


def _record(item: Item, *, disputes: bool) -> dict[str, Any]:
    """Return a call as the page shows it; the model's answer is for adjudicators only."""
    call = item.task.call.to_record()
    record: dict[str, Any] = {
        "id": item.item_id,
        "note": call["narrative"],
        "fields": {name: str(call[name]) for name in SHOWN_FIELDS if call[name] is not None},
        "said": [{"choices": each.label.to_choices()} for each in item.judgements],
    }
    if disputes:
        record["model"] = [{"score": each.score, "choices": list(each.choices)} for each in item.task.predictions]
    return record


async def _progress(store: LabelStore, principal: Principal) -> dict[str, Any]:
    """Return the figures that the page shows."""
    figures = progress(await run_in_threadpool(store.items))
    return {
        "own": figures.by_person.get(principal.name, 0), "complete": figures.complete, "calls": figures.calls,
        "disputed": figures.disputed, "twice": figures.twice,
        "kappa": None if figures.kappa is None else round(figures.kappa, 2),
        "seconds": None if figures.median_seconds is None else round(figures.median_seconds, 1),
    }  # fmt: skip
