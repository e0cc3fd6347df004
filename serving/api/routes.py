"""Add the routes; each names the roles that may use it."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response, WebSocket
from fastapi.concurrency import run_in_threadpool

from models.errors import LedgerError
from models.ledger.store import Ledger
from models.ledger.writer import Entry
from serving.api import problems
from serving.api.schemas import (  # fmt: skip
    CallerIn,
    CallIn,
    DecisionOut,
    EntryOut,
    FeedbackIn,
    LiveOut,
    ModelOut,
    OutcomeIn,
    ProblemOut,
    ReadyOut,
    ReloadOut,
    VerdictOut,
)
from serving.decisions.service import Desk
from serving.decisions.stream import Sessions, Stream
from serving.security.authentication import Principal, allow

_TEXTS = {
    400: "The body is not JSON", 401: "No valid key or token", 403: "Not for this role", 404: "There is no such thing",
    413: "The body is too large", 422: "A field is wrong", 429: "Too many requests", 500: "The service failed",
    503: "It could not be written down",
}  # fmt: skip
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut, "content": {problems.MEDIA_TYPE: {}}, "description": text}
    for status, text in _TEXTS.items()
}
Asking = Annotated[Principal, Depends(allow("call_taker", "clinician"))]
Telling = Annotated[Principal, Depends(allow("clinician", "administrator"))]
Reading = Annotated[Principal, Depends(allow("clinician", "evaluator"))]
Judging = Annotated[Principal, Depends(allow("evaluator"))]
Anyone = Annotated[Principal, Depends(allow("call_taker", "clinician", "evaluator", "administrator"))]
Running = Annotated[Principal, Depends(allow("administrator"))]
Watching = Annotated[Principal, Depends(allow("evaluator", "administrator"))]
IdempotencyKey = Annotated[str | None, Header(max_length=200, pattern=r"^[\x21-\x7e]+$")]
Instant = Annotated[str | None, Query(max_length=40, pattern=r"^\d{4}-\d\d-\d\d([T ][0-9:.+\-Z ]*)?$")]


def add_decisions(app: FastAPI, desk: Desk) -> None:
    """Add what those who take calls use."""
    sessions = Sessions()

    @app.post("/v1/decisions", response_model=DecisionOut, responses=PROBLEMS, tags=["decisions"])
    async def decide(call: CallIn, principal: Asking, final: bool = True) -> Response:  # noqa: FBT001, FBT002  a query
        """Suggest an answer to one call, with reasons, a risk and who is on duty; it is in the ledger before it is sent.

        `final=false` says that the note is still being typed.
        """
        _, text = await desk.decide(call.to_call(), principal, via="http", final=final, caller=call.caller_key)
        return Response(text, media_type="application/json")

    @app.post("/v1/decisions/{decision_id}/feedback", responses=PROBLEMS, tags=["decisions"])
    async def feedback(
        decision_id: str, said: FeedbackIn, principal: Asking, idempotency_key: IdempotencyKey = None
    ) -> EntryOut:
        """Keep what a person decided; sent again it is kept beside, never instead."""
        suggested = (await _decision(desk, decision_id)).content
        agreed = said.human.value == (suggested.get("shown") or suggested["recommendation"])
        content = said.model_dump(mode="json", exclude={"comment"}) | {
            "decision_id": decision_id, "call_id": suggested["call_id"], "actor": principal.name, "agreed": agreed,
        }  # fmt: skip
        entry = await desk.write("feedback", content, note=said.comment, key=_own(idempotency_key, principal))
        desk.metrics.feedback.labels(str(agreed).lower(), said.reason).inc()
        return EntryOut(seq=entry.seq, content=entry.content, repeated=entry.repeated)

    @app.post("/v1/decisions/{decision_id}/outcome", responses=PROBLEMS, tags=["decisions"])
    async def outcome(
        decision_id: str, came: OutcomeIn, principal: Telling, idempotency_key: IdempotencyKey = None
    ) -> EntryOut:
        """Keep what happened on scene, or why nobody went."""
        suggested = (await _decision(desk, decision_id)).content
        about = {"decision_id": decision_id, "call_id": suggested["call_id"], "actor": principal.name}
        content = came.model_dump(mode="json") | about
        entry = await desk.write("outcome", content, key=_own(idempotency_key, principal))
        return EntryOut(seq=entry.seq, content=entry.content, repeated=entry.repeated)

    @app.post("/v1/callers", responses=PROBLEMS, tags=["decisions"])
    async def caller(asked: CallerIn, _: Reading) -> list[EntryOut]:
        """Return the latest decisions on a caller's calls and what came of them."""
        ledger = _ledger(desk)
        found = await run_in_threadpool(ledger.of_caller, ledger.safe.fingerprint(asked.caller_key))
        return [EntryOut(seq=entry.seq, content=entry.content) for entry in found]

    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket, principal: Asking) -> None:
        """Answer a note while it is typed."""
        await Stream(socket, desk, principal, sessions).run()


def add_ledger(app: FastAPI, desk: Desk) -> None:
    """Add what those who check use."""

    @app.get("/v1/decisions/{decision_id}", responses=PROBLEMS, tags=["ledger"])
    async def life(decision_id: str, _: Reading) -> list[EntryOut]:
        """Return a decision and all that was said of it since."""
        found = await run_in_threadpool(_ledger(desk).of_decision, decision_id)
        if not found:
            raise HTTPException(404, "There is no such decision.")
        return [EntryOut(seq=entry.seq, content=entry.content) for entry in found]

    @app.get("/v1/ledger", responses=PROBLEMS, tags=["ledger"])
    async def search(
        _: Reading,
        call_id: Annotated[str | None, Query(max_length=200)] = None,
        since: Instant = None,
        until: Instant = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> list[EntryOut]:
        """Return entries by CAD incident number and by time."""
        found = await run_in_threadpool(_ledger(desk).search, call_id=call_id, since=since, until=until, limit=limit)
        return [EntryOut(seq=entry.seq, content=entry.content) for entry in found]

    @app.get("/v1/ledger/verify", responses=PROBLEMS, tags=["ledger"])
    async def verify(_: Judging) -> VerdictOut:
        """Check every seal of the ledger against its anchor."""
        verdict = await run_in_threadpool(_ledger(desk).verify)
        return VerdictOut(whole=verdict.fault is None, entries=verdict.count, said=str(verdict))


def add_operations(app: FastAPI, desk: Desk) -> None:
    """Add what those who run the service use."""
    live = desk.live

    @app.get("/v1/health/live", tags=["health"])
    async def alive() -> LiveOut:
        """Say that the process answers."""
        return LiveOut(status="live")

    @app.get("/v1/health/ready", tags=["health"])
    async def ready() -> ReadyOut:
        """Say whether calls are judged by a model, or by the rules alone, and whether the ledger is kept."""
        standing = live.standing
        bundle, shadow = standing.router.bundle, standing.shadow
        said = standing.detail
        if bundle is not None and not bundle.compiled:
            said = "the compiled scorer disagrees with scikit-learn, which is used instead"
        return ReadyOut(
            status="ready" if bundle is not None else "degraded",
            detail=said,
            model=bundle.digest if bundle else "none",
            challenger=shadow.versions.model if shadow else None,
            compiled_scorer=bundle.compiled if bundle else False,
            ledger=desk.ledger is not None,
        )

    @app.get("/v1/model", response_model=ModelOut, responses=PROBLEMS, tags=["model"])
    async def model(_: Anyone) -> Any:
        """Describe the model in use: versions, operating point, and how it was trained."""
        router = live.standing.router
        if router.bundle is None:
            return problems.problem(404, "No model is loaded", live.standing.detail)
        versions = {name: getattr(router.versions, name) for name in ("model", "rulebook", "program", "text")}
        point, training = router.bundle.operating_point.to_record(), dict(router.bundle.manifest["training"])
        return {"versions": versions, "operating_point": point, "training": training}

    @app.post("/v1/model/reload", responses=PROBLEMS, tags=["model"])
    async def reload(_: Running) -> ReloadOut:
        """Look for another champion or challenger now, and swap it in where it proves itself."""
        changed = await run_in_threadpool(live.reload)
        standing = live.standing
        challenger = standing.shadow.versions.model if standing.shadow else None
        return ReloadOut(
            changed=changed, detail=standing.detail, model=standing.router.versions.model, challenger=challenger
        )

    @app.get("/metrics", responses=PROBLEMS, tags=["health"])
    async def metrics(_: Watching) -> Response:
        """Return counters and gauges for Prometheus."""
        router = live.standing.router
        text = desk.metrics.expose(
            model=router.versions.model,
            program=router.versions.program,
            profile=router.bundle.manifest["training"].get("profile") if router.bundle else None,
            waiting=desk.ledger.waiting if desk.ledger else 0,
        )
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _ledger(desk: Desk) -> Ledger:
    """Return the ledger; raise `LedgerError` where none is kept."""
    if desk.ledger is None:
        raise LedgerError("this service keeps no ledger", remedy="set HEARTLINE_LEDGER")
    return desk.ledger


async def _decision(desk: Desk, decision_id: str) -> Entry:
    """Return the entry of a decision; raise 404 where there is none."""
    found = await run_in_threadpool(_ledger(desk).of_decision, decision_id)
    decision = next((entry for entry in found if entry.content["kind"] == "decision"), None)
    if decision is None:
        raise HTTPException(404, "There is no such decision.")
    return decision


def _own(key: str | None, principal: Principal) -> str | None:
    """Return an idempotency key that is nobody else's."""
    return None if key is None else f"{principal.name}:{key}"[:200]
