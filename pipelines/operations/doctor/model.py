"""Checks of the model: that it can be loaded, its age, and what its promise was certified on."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from models.classifier.bundle import MANIFEST
from models.errors import HeartlineError
from models.router import Router
from pipelines.operations.doctor.finding import Deployment, Finding, Level, failed

OLD = timedelta(days=365)
"""The age from which on a model should be trained again, even where monitoring raises no alarm."""

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
    """Yield the findings on whether the model loads and, where it does, on its age and its certification."""
    try:
        router = Router.load(deployment.bundle, program=deployment.program)
    except HeartlineError as error:
        yield failed("model", error)
        return
    digest = router.versions.model
    if deployment.digest and digest != deployment.digest:
        remedy = "set HEARTLINE_DIGEST to it, or bring the model that it names"
        yield Finding(Level.FAIL, "model", f"{digest[:16]} is not the pinned model", remedy)
        return
    yield Finding(Level.OK, "model", f"{digest[:16]} loads and answers its golden calls correctly")
    yield _age(deployment, now)
    unknown = (Level.WARN, f"on what is not known: {router.versions.certified_on}", _ADAPT)
    level, detail, remedy = _CERTIFIED.get(router.versions.certified_on, unknown)
    yield Finding(level, "certification", detail, remedy)


def _age(deployment: Deployment, now: datetime) -> Finding:
    """Return the finding on the model's age by the date of its file; a bundle holds no time, so that it can be rebuilt."""
    written = datetime.fromtimestamp((deployment.bundle / MANIFEST).stat().st_mtime, UTC)
    age = now - written
    detail = f"{max(0, age.days)} days, by the date of its file"
    return (
        Finding(Level.OK, "age", detail)
        if age < OLD
        else Finding(Level.WARN, "age", detail, "run heartline retrain --if-needed")
    )
