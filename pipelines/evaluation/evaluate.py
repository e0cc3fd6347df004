"""Judge a model through the Router on labelled calls: the errors that matter first, everything with intervals."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from models import statistics as estimates
from models.call import Call
from models.decision import Decision, Recommendation
from models.programs.call_types import canonical
from models.router import Router
from models.statistics import Estimate
from pipelines.data.table import Table
from pipelines.evaluation import metrics
from pipelines.settings import EvaluateSettings

Track = Callable[[Iterable[Call]], Iterable[Call]]


@dataclass(frozen=True, slots=True)
class Error:
    """Name one wrong answer by its row in the file, with the reasons given; never the note."""

    row: int
    call_type: str
    recommendation: str
    probability: float | None
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Evaluation:
    """Hold what was measured. `figures` are keyed by name; the lists name rows."""

    n: int
    n_unsure: int
    false_clears: list[Error] = field(default_factory=list)
    missed_vetoes: list[Error] = field(default_factory=list)
    missed_eligible: list[Error] = field(default_factory=list)
    figures: dict[str, Estimate] = field(default_factory=dict)
    recall_by_type: dict[str, Estimate] = field(default_factory=dict)
    unsure: dict[str, int] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)
    truth: metrics.Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))
    scores: metrics.Floats = field(default_factory=lambda: np.zeros(0))
    cleared: metrics.Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def to_record(self) -> dict[str, Any]:
        """Write the evaluation as plain JSON values, without the arrays that the plots are drawn from."""
        return {key: value for key, value in asdict(self).items() if key not in {"truth", "scores", "cleared"}}


def evaluate(router: Router, table: Table, settings: EvaluateSettings, *, track: Track = lambda calls: calls) -> Evaluation:
    """Decide every call and compare with its labels; `track` may show progress over the calls."""
    return compare([router.decide(call) for call in track(table.calls)], table, settings)


def compare(decisions: list[Decision], table: Table, settings: EvaluateSettings) -> Evaluation:
    """Compare decisions with the labels of their calls."""
    labels = table.labels.reset_index(drop=True)
    given = labels["eligible"].map(lambda value: value if isinstance(value, bool) else None)
    judged = np.flatnonzero(given.notna())
    truth = given.iloc[judged].to_numpy(dtype=bool)
    unsure = np.flatnonzero((labels["eligible"] == "unsure").to_numpy())
    outcome = np.array([decision.recommendation.value for decision in decisions])
    result = Evaluation(n=len(judged), n_unsure=len(unsure))
    cleared = outcome == Recommendation.ELIGIBLE.value
    danger = (labels["danger"] == True).to_numpy()  # noqa: E712  the column holds None too
    known_danger = labels["danger"].notna().to_numpy()
    vetoed = np.array([decision.vetoed for decision in decisions])
    _list_errors(result, table, decisions, judged, truth, danger=danger)
    _shares(result, outcome[judged], truth, settings)
    confidence = settings.confidence
    result.figures["dangerous_clear_rate"] = estimates.share(
        int((cleared & danger).sum()), int(danger.sum()), confidence=confidence
    )
    result.figures["veto_recall"] = estimates.share(int((vetoed & danger).sum()), int(danger.sum()), confidence=confidence)
    safe = known_danger & ~danger
    result.figures["false_veto_rate"] = estimates.share(int((vetoed & safe).sum()), int(safe.sum()), confidence=confidence)
    _curves(result, decisions, judged, truth, settings)
    _by_type(result, table, outcome, judged, truth, confidence=confidence)
    result.unsure = {name: int(np.sum(outcome[unsure] == name)) for name in Recommendation}
    times = [decision.latency_ms for decision in decisions]
    result.latency_ms = {"p50": float(np.quantile(times, 0.5)), "p99": float(np.quantile(times, 0.99))}
    return result


def probabilities(decisions: Iterable[Decision]) -> metrics.Floats:
    """Return the eligible probability of each decision, zero for a veto, which no probability outvotes."""
    return np.array([0.0 if decision.vetoed else decision.eligible_probability or 0.0 for decision in decisions])


def kinds(table: Table) -> pd.Series:
    """Return what kind of call each row is: as it was labelled, or else as its call type says."""
    said = pd.Series([canonical(call.call_type).name for call in table.calls])
    return table.labels["heart_type"].reset_index(drop=True).where(table.labels["heart_type"].notna().to_numpy(), said)


def _list_errors(
    result: Evaluation,
    table: Table,
    decisions: list[Decision],
    judged: np.ndarray[Any, Any],
    truth: metrics.Bools,
    *,
    danger: metrics.Bools,
) -> None:
    """Name the rows of each kind of error."""
    for row, eligible in zip(judged, truth, strict=True):
        decision = decisions[row]
        if decision.recommendation is Recommendation.ELIGIBLE and not eligible:
            result.false_clears.append(_error(table, int(row), decision))
        if decision.recommendation is Recommendation.NOT_ELIGIBLE and eligible:
            result.missed_eligible.append(_error(table, int(row), decision))
    for row in np.flatnonzero(danger):
        if not decisions[row].vetoed:
            result.missed_vetoes.append(_error(table, int(row), decisions[row]))


def _error(table: Table, row: int, decision: Decision) -> Error:
    """Name one wrong answer."""
    return Error(
        row=int(table.labels["row"].iloc[row]),
        call_type=canonical(table.calls[row].call_type).name,
        recommendation=decision.recommendation.value,
        probability=decision.eligible_probability,
        reasons=tuple(
            f"{reason.code} ({reason.rule_id})" if reason.rule_id else reason.code
            for reason in decision.reasons
            if not reason.code.startswith("ask_")
        ),
    )


def _shares(result: Evaluation, outcome: Any, truth: metrics.Bools, settings: EvaluateSettings) -> None:
    """Measure the three answers against the truth."""
    confidence = settings.confidence
    cleared = outcome == Recommendation.ELIGIBLE.value
    turned = outcome == Recommendation.NOT_ELIGIBLE.value
    figures = result.figures
    figures["false_clear_rate"] = estimates.share(int((cleared & ~truth).sum()), int((~truth).sum()), confidence=confidence)
    figures["recall"] = estimates.share(int((cleared & truth).sum()), int(truth.sum()), confidence=confidence)
    figures["precision"] = estimates.share(int((cleared & truth).sum()), int(cleared.sum()), confidence=confidence)
    figures["missed_eligible_rate"] = estimates.share(int((turned & truth).sum()), int(truth.sum()), confidence=confidence)
    figures["review_share"] = estimates.share(int((~cleared & ~turned).sum()), len(truth), confidence=confidence)


def _curves(
    result: Evaluation,
    decisions: list[Decision],
    judged: Any,
    truth: metrics.Bools,
    settings: EvaluateSettings,
) -> None:
    """Measure the probabilities, vetoed calls at zero."""
    scores = probabilities(decisions)[judged]
    result.truth, result.scores = truth, scores
    result.cleared = np.array([decisions[row].recommendation is Recommendation.ELIGIBLE for row in judged], dtype=bool)
    measures = {
        "auc": metrics.auc,
        "average_precision": metrics.average_precision,
        "calibration_error": metrics.calibration_error(settings.calibration_bins),
    }
    for name, measure in measures.items():
        result.figures[name] = metrics.bootstrapped(
            measure, truth, scores, confidence=settings.confidence, resamples=settings.bootstrap
        )


def _by_type(
    result: Evaluation,
    table: Table,
    outcome: Any,
    judged: Any,
    truth: metrics.Bools,
    *,
    confidence: float,
) -> None:
    """Measure, for each kind of eligible call, how many are found (suggested ELIGIBLE)."""
    named = kinds(table).iloc[judged].to_numpy()
    for kind in sorted(set(named[truth])):
        rows = (named == kind) & truth
        found = outcome[judged][rows] == Recommendation.ELIGIBLE.value
        result.recall_by_type[str(kind)] = estimates.share(int(found.sum()), int(rows.sum()), confidence=confidence)
