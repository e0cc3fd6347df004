"""Checks of the model: that it can be loaded, how old it is, and on what its promise was certified."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from models.classifier.bundle import MANIFEST
from models.errors import HeartlineError
from models.router import Router
from pipelines.operations.doctor.finding import Deployment, Finding, Level, failed

OLD = timedelta(days=365)
"""The age at which a model is to be trained anew, whatever monitoring says."""

_ADAPT = "adapt it to your own calls: heartline adapt"
_CERTIFIED = {
    "local": (Level.OK, "on the city's own calls", ""),
    "reference": (Level.WARN, "on notes of other agencies", _ADAPT),
    "synthetic": (Level.WARN, "on synthetic calls alone", _ADAPT),
    "none": (Level.WARN, "on nothing: it never says ELIGIBLE", _ADAPT),
    "other_parts": (
        Level.FAIL,
        "with other rules or signals than are in use",
        "train again, or use those",
    ),
}


def findings(deployment: Deployment, *, now: datetime) -> Iterator[Finding]:
    """Yield whether the model loads and, where it does, its age and its certification."""
    try:
        router = Router.load(deployment.bundle, program=deployment.program)
    except HeartlineError as error:
        yield failed("model", error)
        return
    digest = router.versions.model
    if deployment.digest and digest != deployment.digest:
        yield Finding(Level.FAIL, "model", f"{digest[:16]} is not the pinned one", "HEARTLINE_DIGEST names another")
        return
    yield Finding(Level.OK, "model", f"{digest[:16]} loads and proves itself on its golden calls")
    yield _age(deployment, now)
    unknown = (Level.WARN, f"on what is not known: {router.versions.certified_on}", _ADAPT)
    level, detail, remedy = _CERTIFIED.get(router.versions.certified_on, unknown)
    yield Finding(level, "certification", detail, remedy)


def _age(deployment: Deployment, now: datetime) -> Finding:
    """Return the age of the model, by the date of its manifest: a bundle holds no time, so that training can be repeated."""
    written = datetime.fromtimestamp((deployment.bundle / MANIFEST).stat().st_mtime, UTC)
    age = now - written
    detail = f"{max(0, age.days)} days, by the date of its file"
    return (
        Finding(Level.OK, "age", detail)
        if age < OLD
        else Finding(Level.WARN, "age", detail, "heartline retrain --if-needed")
    )
