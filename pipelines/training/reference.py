"""Figures measured on reference notes: published notes of other agencies, labelled by two readers, not in this project.

A bound that synthetic calls prove does not hold for real ones by itself. So the shipped model's calibration (slope and
intercept of its log-odds) and its floor for ELIGIBLE are measured on reference notes, and kept here as figures with their
provenance. They hold only for the recipe that they were measured on: the same calls, settings, rules, signals and features.
A model of another recipe gets a stricter floor, and its manifest says so. The figures can raise the threshold, never lower
it.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from models.classifier.bundle import Adjustment
from models.classifier.features import FEATURES_VERSION
from models.classifier.operating_point import OperatingPoint, allowed_errors
from models.decision import Decision
from models.errors import InvalidData
from models.router import Router
from models.statistics import Bools, Floats
from models.text.normalize import TEXT_VERSION
from pipelines.data.table import Table, labelled
from pipelines.settings import Config, strict_dataclass, validated
from pipelines.training.certify import block_of, with_risk_bound

_SLOPE_SPREAD, _INTERCEPT_SPREAD = 0.25, 0.5
REFERENCE_PATH = Path(__file__).with_name("reference.toml")


@strict_dataclass
class Recipe:
    """What determines a model: the digests of its calls and settings, and the versions of its parts."""

    data_sha256: str
    settings_sha256: str
    rulebook: str
    signals: str
    text: str
    features: str


@strict_dataclass
class Reference:
    """The figures measured on reference notes.

    `slope` and `intercept` calibrate the model's log-odds to the notes. `floor` is the calibrated probability from which on
    `errors` of the `n_ineligible` notes are cleared; `errors_allowed` is the largest number that proves `max_rate` with
    `confidence` (exact binomial).
    """

    file_sha256: str
    n_eligible: int
    n_ineligible: int
    confidence: float
    max_rate: float
    errors_allowed: int
    errors: int
    found: int
    slope: float
    intercept: float
    floor: float
    recipe: Recipe


def recipe_of(config: Config, identity: Mapping[str, Any], router: Router) -> Recipe:
    """Return the recipe of a router's model; `identity` holds the digest of its calls."""
    settings = {name: asdict(getattr(config, name)) for name in ("split", "classifier", "threshold")}
    return Recipe(
        data_sha256=str(identity.get("data_sha256", "")),
        settings_sha256=hashlib.sha256(json.dumps(settings, sort_keys=True).encode("utf-8")).hexdigest(),
        rulebook=router.versions.rulebook,
        signals=router.versions.signals,
        text=TEXT_VERSION,
        features=FEATURES_VERSION,
    )


def shipped() -> Reference | None:
    """Return the figures that ship with the package, or `None`; raise `InvalidConfig` where the file is at fault."""
    if not REFERENCE_PATH.is_file():
        return None
    return validated(Reference, tomllib.loads(REFERENCE_PATH.read_text(encoding="utf-8")), remedy="measure them again")


def measure(router: Router, notes: Table, config: Config, *, recipe: Recipe, file_sha256: str) -> Reference:
    """Return the figures of an open router's model on labelled reference notes; raise `InvalidData` where they are too few.

    `router` keeps no call from ELIGIBLE by its probability; vetoes, doubts and the second net still apply.
    """
    notes = labelled(notes)
    decisions = [router.decide(call) for call in notes.calls]
    block = block_of(decisions, notes, adverse_is_dangerous=False)
    n, confidence, max_rate = int((~block.eligible).sum()), config.threshold.confidence, config.threshold.max_false_clear
    allowed = allowed_errors(n, max_rate=max_rate, confidence=confidence)
    if allowed < 0:
        raise InvalidData("too few ineligible reference notes", value=n, remedy="bring at least 59")
    adjustment = calibration_of(decisions, block.eligible)
    scores = np.array([-1.0 if score < 0 else adjustment.apply(score) for score in block.scores])
    ineligible = np.sort(scores[~block.eligible])[::-1]
    floor = float(np.nextafter(max(ineligible[allowed], 0.0), 1.0))
    return Reference(
        file_sha256=file_sha256,
        n_eligible=int(block.eligible.sum()),
        n_ineligible=n,
        confidence=confidence,
        max_rate=max_rate,
        errors_allowed=allowed,
        errors=int((ineligible >= floor).sum()),
        found=int((scores[block.eligible] >= floor).sum()),
        slope=round(adjustment.slope, 6),
        intercept=round(adjustment.intercept, 6),
        floor=round(floor + 5e-7, 6),
        recipe=recipe,
    )


def applied(point: OperatingPoint, reference: Reference) -> OperatingPoint:
    """Return an operating point in calibrated probabilities, raised to the floor of the reference notes."""
    adjustment = Adjustment(reference.slope, reference.intercept)
    return replace(
        point,
        eligible_at=max(adjustment.apply(point.eligible_at), reference.floor),
        not_eligible_below=adjustment.apply(point.not_eligible_below),
    )


@dataclass(frozen=True, slots=True)
class MeasureOn:
    """Labelled reference notes, the digest of their file, and the path that their figures are written to."""

    notes: Table
    file_sha256: str
    to: Path = REFERENCE_PATH


@dataclass(frozen=True, slots=True)
class Certified:
    """An operating point, its calibration, and what its promise was proved on: `synthetic`, `reference` or `local`."""

    point: OperatingPoint
    adjustment: Adjustment
    on: str
    sentence: str


def on_reference(
    point: OperatingPoint, router: Router, table: Table, config: Config, *, recipe: Recipe, measure_on: MeasureOn | None
) -> Certified:
    """Return the operating point, calibrated and raised by the figures of reference notes; a city's own calls need none.

    `router` is an open one over the same parts. With `measure_on` the figures are measured anew and written.
    """
    if table.labels["style"].isna().all():
        return Certified(point, Adjustment(), "local", f"{point.n_ineligible} ineligible calls of the city's own")
    reference = shipped()
    if measure_on is not None:
        reference = measure(
            with_risk_bound(router, point), measure_on.notes, config, recipe=recipe, file_sha256=measure_on.file_sha256
        )
        write(reference, measure_on.to)
    if reference is not None and reference.recipe == recipe:
        sentence = f"{reference.errors} of {reference.n_ineligible} ineligible reference notes cleared at the floor"
        return Certified(applied(point, reference), Adjustment(reference.slope, reference.intercept), "reference", sentence)
    strict = replace(point, eligible_at=max(point.eligible_at, config.threshold.unmeasured_probability))
    sentence = "synthetic calls only; no reference notes were measured for this recipe, so the stricter floor applies"
    return Certified(strict, Adjustment(), "synthetic", sentence)


def write(reference: Reference, path: Path = REFERENCE_PATH) -> None:
    """Write the figures as TOML."""
    record = asdict(reference)
    recipe = record.pop("recipe")
    lines = ["# Figures measured on reference notes by `heartline train --reference`; see pipelines/training/reference.py."]
    lines += [f"{key} = {json.dumps(value)}" for key, value in record.items()]
    lines += ["", "[recipe]", *(f"{key} = {json.dumps(value)}" for key, value in recipe.items()), ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def calibration_of(decisions: list[Decision], truth: Bools) -> Adjustment:
    """Return the slope and intercept that calibrate the log-odds of unvetoed notes to their labels; `truth` (n,)."""
    scored = [decision.eligible_probability for decision in decisions]
    rows = [row for row, chance in enumerate(scored) if chance is not None and not decisions[row].vetoed]
    chances = np.clip([scored[row] or 0.0 for row in rows], 1e-9, 1 - 1e-9)
    return fitted_line(np.log(chances / (1 - chances)), truth[rows])


def fitted_line(logits: Floats, truth: Bools) -> Adjustment:
    """Return the slope and intercept that calibrate log-odds to labels, both of shape (n,).

    A few hundred notes determine them poorly, so both are shrunk towards no change: the slope by a normal prior about 1, the
    intercept by one about 0 (maximum a posteriori).
    """
    signs = np.where(truth, 1.0, -1.0)

    def loss(parameters: Floats) -> float:
        slope, intercept = parameters
        prior = ((slope - 1) / _SLOPE_SPREAD) ** 2 / 2 + (intercept / _INTERCEPT_SPREAD) ** 2 / 2
        return float(np.logaddexp(0.0, -signs * (intercept + slope * logits)).sum() + prior)

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return Adjustment(float(max(slope, 0.05)), float(intercept))
