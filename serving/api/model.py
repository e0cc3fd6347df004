"""The model in use, and a check for a newer champion on request."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from serving.api.dependencies import Administrator, AnyRole, ServicesOf
from serving.problems import RESPONSES, problem
from serving.schemas import ModelOut, ReloadOut

router = APIRouter(prefix="/v1/model", responses=RESPONSES, tags=["model"])


@router.get("", response_model=ModelOut)
async def describe(_: AnyRole, services: ServicesOf) -> Any:
    """Describe the model in use: versions, operating point, and how it was trained."""
    champion = services.models.active.router
    if champion.bundle is None:
        return problem(404, "No model is loaded", services.models.active.detail)
    versions = asdict(champion.versions)
    point, training = champion.bundle.operating_point.to_record(), dict(champion.bundle.manifest["training"])
    return {"versions": versions, "operating_point": point, "training": training}


@router.post("/reload")
async def reload(_: Administrator, services: ServicesOf) -> ReloadOut:
    """Check for another champion or challenger now, and use it where it passes its checks."""
    changed = await run_in_threadpool(services.models.reload)
    active = services.models.active
    challenger = active.challenger.versions.model if active.challenger else None
    return ReloadOut(changed=changed, detail=active.detail, model=active.router.versions.model, challenger=challenger)
