"""The evaluation of a model through the Router on labelled calls: the worst errors first, every figure with its interval."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from models.call import Call
from models.classifier.heads import RISKS
from models.decision import Decision, Recommendation, RiskBand
from models.programs.call_types import CallTypes
from models.router import Router
from models.statistics import Bools, Estimate, Floats, Rows, share
from pipelines.data.table import Table
from pipelines.evaluation import metrics
from pipelines.evaluation.plain import plain
from pipelines.settings import EvaluateSettings

Track = Callable[[Iterable[Call]], Iterable[Call]]


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """A wrong answer by its row in the file, with the codes of its reasons; never the note."""

    row: int
    call_type: str
    recommendation: str
    probability: float | None
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Evaluation:
    """The measured figures by name, and the wrong answers by row.

    `per_100_calls` are the numbers of suggestions and vetoes in a shift of 100 calls, over all calls of the file. `truth`,
    `scores` and `cleared` are arrays of shape (n,) over the calls labelled yes or no, in the order of the file.
    """

    n: int
    n_unsure: int
    false_clears: list[WrongAnswer] = field(default_factory=list)
    missed_vetoes: list[WrongAnswer] = field(default_factory=list)
    missed_eligible: list[WrongAnswer] = field(default_factory=list)
    figures: dict[str, Estimate] = field(default_factory=dict)
    recall_by_type: dict[str, Estimate] = field(default_factory=dict)
    per_100_calls: dict[str, Estimate] = field(default_factory=dict)
    unsure: dict[str, int] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)
    truth: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))
    scores: Floats = field(default_factory=lambda: np.zeros(0))
    cleared: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def to_record(self) -> dict[str, Any]:
        """Return the evaluation as plain JSON values, without the arrays that the plots are drawn from."""
        kept = {key: value for key, value in asdict(self).items() if key not in {"truth", "scores", "cleared"}}
        return {key: plain(value) for key, value in kept.items()}


def evaluate(router: Router, table: Table, settings: EvaluateSettings, *, track: Track = lambda calls: calls) -> Evaluation:
    """Return the evaluation of a router's decisions on every call of a table; `track` may show progress over the calls."""
    decisions = [router.decide(call) for call in track(table.calls)]
    return evaluate_decisions(decisions, table, settings, call_types=router.program.call_types)


def evaluate_decisions(
    decisions: Sequence[Decision], table: Table, settings: EvaluateSettings, *, call_types: CallTypes
) -> Evaluation:
    """Return the evaluation of decisions by the labels of their calls, in the same order; `call_types` are the program's."""
    labels = table.labels.reset_index(drop=True)
    yes_or_no = labels["eligible"].map(lambda value: value if isinstance(value, bool) else None)
    labelled = np.flatnonzero(yes_or_no.notna())
    unsure = np.flatnonzero((labels["eligible"] == "unsure").to_numpy())
    truth = yes_or_no.iloc[labelled].to_numpy(dtype=bool)
    outcome = np.array([decision.recommendation.value for decision in decisions])
    danger = is_true(labels["danger"])
    result = Evaluation(n=len(labelled), n_unsure=len(unsure))
    _list_errors(result, table, decisions, labelled, truth, danger=danger, call_types=call_types)
    result.figures |= _answer_figures(outcome[labelled], truth, confidence=settings.confidence)
    vetoed = is_vetoed(decisions)[labelled]
    result.figures |= _shares({"over_veto_rate": (vetoed & truth, truth)}, settings.confidence)
    result.figures |= _danger_figures(decisions, danger, labels["danger"].notna().to_numpy(), confidence=settings.confidence)
    result.truth, result.scores = truth, probabilities(decisions)[labelled]
    result.cleared = outcome[labelled] == Recommendation.ELIGIBLE.value
    result.figures |= _score_figures(truth, result.scores, settings)
    result.figures |= _risk_figures(decisions, labels, settings)
    result.per_100_calls = _per_100_calls(decisions, confidence=settings.confidence)
    result.recall_by_type = _recall_by_type(
        type_labels(table, call_types=call_types).iloc[labelled].to_numpy(),
        truth,
        result.cleared,
        confidence=settings.confidence,
    )
    result.unsure = {name: int(np.sum(outcome[unsure] == name)) for name in Recommendation}
    times = [decision.latency_ms for decision in decisions]
    result.latency_ms = {"p50": float(np.quantile(times, 0.5)), "p99": float(np.quantile(times, 0.99))}
    return result


def probabilities(decisions: Iterable[Decision]) -> Floats:
    """Return the eligible probability of each decision, 0 for a veto, which overrules it; shape (n,)."""
    return np.array([0.0 if decision.vetoed else decision.eligible_probability or 0.0 for decision in decisions])


def is_cleared(decisions: Iterable[Decision]) -> Bools:
    """Return which calls were suggested ELIGIBLE; shape (n,)."""
    return np.array([decision.recommendation is Recommendation.ELIGIBLE for decision in decisions], dtype=bool)


def is_vetoed(decisions: Iterable[Decision]) -> Bools:
    """Return which calls were vetoed; shape (n,)."""
    return np.array([decision.vetoed for decision in decisions], dtype=bool)


def type_labels(table: Table, *, call_types: CallTypes) -> pd.Series:
    """Return the labelled call type of each row, or, where it has none, the call's own as the program reads it."""
    own = pd.Series([call_types.canonical(call.call_type).name for call in table.calls])
    labelled = table.labels["heart_type"].reset_index(drop=True)
    return labelled.where(labelled.notna().to_numpy(), own)


def is_true(column: pd.Series) -> Bools:
    """Return which labels are yes, shape (n,); the column may hold None."""
    return np.array([value is True or value == True for value in column], dtype=bool)  # noqa: E712  numpy's True too


def _list_errors(
    result: Evaluation,
    table: Table,
    decisions: Sequence[Decision],
    labelled: Rows,
    truth: Bools,
    *,
    danger: Bools,
    call_types: CallTypes,
) -> None:
    """Add the rows of each kind of error to the evaluation."""
    for row, eligible in zip(labelled.tolist(), truth, strict=True):
        decision = decisions[row]
        if decision.recommendation is Recommendation.ELIGIBLE and not eligible:
            result.false_clears.append(_wrong_answer(table, row, decision, call_types))
        if decision.recommendation is Recommendation.NOT_ELIGIBLE and eligible:
            result.missed_eligible.append(_wrong_answer(table, row, decision, call_types))
    for row in np.flatnonzero(danger).tolist():
        if not decisions[row].vetoed:
            result.missed_vetoes.append(_wrong_answer(table, row, decisions[row], call_types))


def _wrong_answer(table: Table, row: int, decision: Decision, call_types: CallTypes) -> WrongAnswer:
    """Return a wrong answer by the number of its row in the file."""
    return WrongAnswer(
        row=int(table.labels["row"].iloc[row]),
        call_type=call_types.canonical(table.calls[row].call_type).name,
        recommendation=decision.recommendation.value,
        probability=decision.eligible_probability,
        reasons=tuple(f"{reason.code} ({reason.rule_id})" if reason.rule_id else reason.code for reason in decision.reasons),
    )


def _answer_figures(outcome: Any, truth: Bools, *, confidence: float) -> dict[str, Estimate]:
    """Return the figures of the three answers, shape (n,), against the truth."""
    cleared, turned_away = outcome == Recommendation.ELIGIBLE.value, outcome == Recommendation.NOT_ELIGIBLE.value
    counts = {
        "false_clear_rate": (cleared & ~truth, ~truth), "recall": (cleared & truth, truth),
        "precision": (cleared & truth, cleared), "missed_eligible_rate": (turned_away & truth, truth),
        "review_share": (~cleared & ~turned_away, np.ones(len(truth), dtype=bool)),
    }  # fmt: skip
    return _shares(counts, confidence)


def _danger_figures(decisions: Sequence[Decision], danger: Bools, known: Bools, *, confidence: float) -> dict[str, Estimate]:
    """Return how dangerous calls and calls labelled not dangerous were answered; both masks have shape (calls,)."""
    cleared, vetoed, safe = is_cleared(decisions), is_vetoed(decisions), known & ~danger
    counts = {
        "dangerous_clear_rate": (cleared & danger, danger), "veto_recall": (vetoed & danger, danger),
        "false_veto_rate": (vetoed & safe, safe),
    }  # fmt: skip
    return _shares(counts, confidence)


def _shares(counts: dict[str, tuple[Bools, Bools]], confidence: float) -> dict[str, Estimate]:
    """Return, for each pair of masks, the number in the first as a share of the number in the second."""
    return {name: share(int(hits.sum()), int(among.sum()), confidence=confidence) for name, (hits, among) in counts.items()}


def _score_figures(truth: Bools, scores: Floats, settings: EvaluateSettings) -> dict[str, Estimate]:
    """Return the figures of the probabilities, vetoed calls at 0; shapes (n,)."""
    measures = {
        "auc": metrics.auc,
        "average_precision": metrics.average_precision,
        "calibration_error": metrics.calibration_error(settings.calibration_bins),
        "calibration_error_where_decided": metrics.calibration_error_where_decided(settings.calibration_bins),
    }
    return {
        name: metrics.bootstrapped(measure, truth, scores, confidence=settings.confidence, resamples=settings.bootstrap)
        for name, measure in measures.items()
    }


def _risk_figures(decisions: Sequence[Decision], labels: pd.DataFrame, settings: EvaluateSettings) -> dict[str, Estimate]:
    """Return the figures of each risk and of their union, and how often the band low was wrong.

    The union is over the risks that the table labels; a call counts where all of these are labelled.
    """
    labelled = [name for name in RISKS if labels[name].notna().any()]
    truths = {name: (is_true(labels[name]), labels[name].notna().to_numpy()) for name in labelled}
    if labelled:
        known = labels[labelled].notna().all(axis=1).to_numpy()
        truths["risk"] = np.any([truths[name][0] for name in labelled], axis=0), known
    figures: dict[str, Estimate] = {}
    for name, (truth, known) in truths.items():
        scores = np.array([getattr(decision, f"{name}_probability") or 0.0 for decision in decisions])
        measures: dict[str, metrics.Measure] = {"auc": metrics.auc, "average_precision": metrics.average_precision}
        if name == "risk":
            measures["calibration_error"] = metrics.calibration_error(settings.calibration_bins)
        figures |= {
            f"{name}_{measure}": metrics.bootstrapped(
                function, truth[known], scores[known], confidence=settings.confidence, resamples=settings.bootstrap
            )
            for measure, function in measures.items()
        }
    if "risk" in truths:
        low = np.array([decision.risk_band is RiskBand.LOW for decision in decisions], dtype=bool)
        truth, known = truths["risk"]
        figures |= _shares({"low_band_wrong_rate": (low & truth & known, low & known)}, settings.confidence)
    return figures


def _abstained(decision: Decision) -> bool:
    """Return whether a call was kept from ELIGIBLE because the model does not know the wording of its note."""
    return any(reason.code in {"no_program_signal", "unfamiliar_note"} for reason in decision.reasons)


def _per_100_calls(decisions: Sequence[Decision], *, confidence: float) -> dict[str, Estimate]:
    """Return how many of 100 calls are suggested ELIGIBLE, vetoed, left to review, and not understood."""
    counts = {
        "suggested ELIGIBLE": sum(decision.recommendation is Recommendation.ELIGIBLE for decision in decisions),
        "vetoed": sum(decision.vetoed for decision in decisions),
        "left to REVIEW": sum(decision.recommendation is Recommendation.REVIEW for decision in decisions),
        "not understood": sum(map(_abstained, decisions)),
    }
    shares = {name: share(count, len(decisions), confidence=confidence) for name, count in counts.items()}
    return {
        name: replace(each, value=100 * each.value, low=100 * each.low, high=100 * each.high)
        for name, each in shares.items()
    }


def _recall_by_type(types: Any, truth: Bools, cleared: Bools, *, confidence: float) -> dict[str, Estimate]:
    """Return the share suggested ELIGIBLE among the eligible calls of each type; shapes (n,)."""
    recalls = {}
    for name in sorted(set(types[truth])):
        rows = (types == name) & truth
        recalls[str(name)] = share(int(cleared[rows].sum()), int(rows.sum()), confidence=confidence)
    return recalls
