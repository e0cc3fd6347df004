"""Put one Router behind HTTP. It suggests; a person decides."""

from typing import Any

from fastapi import FastAPI, Response

from models.errors import BundleError
from models.program import load_program
from models.router import Router
from models.rules import Rulebook
from serving import problems
from serving.schemas import CallIn, DecisionOut, LiveOut, ModelOut, ProblemOut, ReadyOut
from serving.settings import Settings

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut, "content": {problems.MEDIA_TYPE: {}}, "description": text}
    for status, text in ((413, "The body is over 64 KiB"), (422, "A field is wrong"), (500, "The service failed"))
}


def create_app(settings: Settings | None = None, router: Router | None = None) -> FastAPI:
    """Make the application; a missing or broken bundle leaves the rules running and says so in readiness."""
    settings = settings or Settings.from_environment()
    detail = "ready"
    if router is None:
        try:
            router = Router.load(settings.bundle, program=settings.program)
        except BundleError as error:
            detail = str(error)
            router = Router(bundle=None, program=load_program(settings.program), rulebook=Rulebook())
    app = FastAPI(
        title="Heartline",
        version="1",
        summary="Suggests whether an alternative-response team should answer a 911 call. It advises; it never dispatches.",
    )
    app.add_middleware(problems.BodyLimit, limit=settings.max_body)
    problems.install(app)
    _add_routes(app, router, detail)
    return app


def _add_routes(app: FastAPI, router: Router, detail: str) -> None:
    """Add every route."""
    bundle = router.bundle

    @app.post("/v1/decisions", response_model=DecisionOut, responses=_PROBLEMS, tags=["decisions"])
    def decide(call: CallIn) -> Response:
        """Suggest an answer to one call, with reasons, a risk and who is on duty."""
        return Response(router.decide(call.to_call()).to_json(), media_type="application/json")

    @app.get("/v1/health/live", tags=["health"])
    async def live() -> LiveOut:
        """Say that the process answers."""
        return LiveOut(status="live")

    @app.get("/v1/health/ready", tags=["health"])
    async def ready() -> ReadyOut:
        """Say whether calls are judged by a model, or by the rules alone."""
        if bundle is None:
            return ReadyOut(status="degraded", detail=detail, model="none", compiled_scorer=False)
        said = detail if bundle.compiled else "the compiled scorer disagrees with scikit-learn, which is used instead"
        return ReadyOut(status="ready", detail=said, model=bundle.digest, compiled_scorer=bundle.compiled)

    @app.get("/v1/model", response_model=ModelOut, responses={404: {"model": ProblemOut}}, tags=["model"])
    async def model() -> Any:
        """Describe the model in use: versions, operating point, and how it was trained."""
        if bundle is None:
            return problems.problem(404, "No model is loaded", detail)
        point, training = bundle.operating_point.to_record(), dict(bundle.manifest["training"])
        return {"versions": _versions(router), "operating_point": point, "training": training}


def _versions(router: Router) -> dict[str, str]:
    """Return the versions as plain values."""
    versions = router.versions
    return {name: getattr(versions, name) for name in ("model", "rulebook", "program", "text")}
