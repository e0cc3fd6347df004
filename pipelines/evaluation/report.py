"""Assemble what an outside evaluator needs of a model on labelled calls: one page, and the same as JSON.

Everything is measured through the Router, on the same rows, with intervals; what is not well comes first, as findings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from models.router import Router
from models.statistics import Estimate
from pipelines.data.table import Table
from pipelines.evaluation import baselines, curves
from pipelines.evaluation.behaviour import Behaviour, behaviours
from pipelines.evaluation.evaluate import Evaluation, compare
from pipelines.evaluation.evaluation_frame import GROUPS, judged
from pipelines.evaluation.fairness import BY, Fairness, fairness
from pipelines.evaluation.subgroups import Slice, worst
from pipelines.operations.publish import rendered
from pipelines.settings import Config


@dataclass(slots=True)
class Report:
    """Hold every part of the report."""

    made_at: str
    data: str
    versions: dict[str, str]
    point: dict[str, float]
    confidence: float
    evaluation: Evaluation
    findings: list[str] = field(default_factory=list)
    compared: list[baselines.Compared] = field(default_factory=list)
    thresholds: list[curves.AtThreshold] = field(default_factory=list)
    decision_curve: list[dict[str, float | Estimate]] = field(default_factory=list)
    calibration: list[tuple[float, Estimate]] = field(default_factory=list)
    learning: list[tuple[int, Estimate]] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    fairness: list[Fairness] = field(default_factory=list)
    behaviour: list[Behaviour] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """Write the report as plain JSON values."""
        return asdict(self) | {"evaluation": self.evaluation.to_record()}

    def to_html(self) -> str:
        """Write the report as one self-contained page."""
        return rendered("report.html", report=self, searched=GROUPS)


def report(
    router: Router,
    table: Table,
    config: Config,
    *,
    data: str,
    more: Mapping[str, Sequence[object]] | None = None,
    dispatched: Sequence[object] | None = None,
    learning: Sequence[tuple[int, Estimate]] = (),
    track: Callable[[Any], Any] = lambda calls: calls,
) -> Report:
    """Decide every call once and measure everything; `more` are columns to group by, as long as the table."""
    decisions = [router.decide(call) for call in track(table.calls)]
    found, settings = compare(decisions, table, config.evaluate), config.evaluate
    rows = judged(table, decisions, more=more)
    confidence = settings.confidence
    simpler = baselines.choices(rows, table.calls, router.program, dispatched=dispatched)
    made = Report(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        data=data,
        versions=asdict(router.versions),
        point=router.bundle.operating_point.to_record() if router.bundle else {},
        confidence=confidence,
        evaluation=found,
        compared=baselines.compare(rows, simpler, confidence=confidence),
        thresholds=curves.over_thresholds(rows, confidence=confidence),
        decision_curve=curves.decision_curve(rows, simpler, confidence=confidence, resamples=settings.bootstrap // 5),
        calibration=curves.calibration(rows, bins=settings.calibration_bins, confidence=confidence),
        learning=list(learning),
        slices=worst(rows, confidence=confidence),
        fairness=fairness(rows, (*BY, *(more or {})), confidence=confidence),
        behaviour=behaviours(router),
    )
    made.findings = findings(made, rows, config)
    return made


def findings(made: Report, rows: pd.DataFrame, config: Config) -> list[str]:
    """Say what is not well: a promise broken, probabilities off, groups that fare worse than chance would have it."""
    figures, point = made.evaluation.figures, made.point
    told = []
    for name, promise in (("false_clear_rate", "max_false_clear"), ("dangerous_clear_rate", "max_dangerous_clear")):
        if point and figures[name].n and figures[name].low > point[promise]:
            told.append(f"{name.replace('_', ' ')} {figures[name]} is above the promise of {point[promise]:g}")
    if figures["calibration_error"].low > config.release.max_calibration_error:
        told.append(f"calibration error {figures['calibration_error']} is above {config.release.max_calibration_error:g}")
    limit = config.evaluate.max_recall_gap
    told += [
        f"equal-opportunity gap by {each.column} {each.gap} is above {limit:g}"
        for each in made.fairness
        if each.gap.n and each.gap.low > limit
    ]
    told += [f"behaviour: {test.name} failed {test.failures} of {test.cases}" for test in made.behaviour if not test.holds]
    surprising = [one for one in made.slices if one.corrected < 1 - config.evaluate.confidence]
    told += [
        f"worst group: {one.error} {one.rate} for {one.name}, elsewhere {one.elsewhere.value:.3f}" for one in surprising[:3]
    ]
    vetoes = figures["veto_recall"]
    if vetoes.n and vetoes.value < 1:
        told.append(f"{len(made.evaluation.missed_vetoes)} of {vetoes.n} dangerous calls were not vetoed, of which "
                    f"{int((rows['danger'] & rows['cleared']).sum())} were suggested ELIGIBLE")  # fmt: skip
    return told
