"""Release gates: a candidate compared with limits and with the champion, both measured on the same block."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.router import Router
from models.statistics import Bools, Estimate, paired_difference, upper_bound
from pipelines.evaluation.behaviour import Behaviour, behaviours
from pipelines.evaluation.evaluate import Evaluation
from pipelines.rules import traps
from pipelines.settings import Config


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: the measured value, its limit, and whether the limit holds."""

    name: str
    measured: float
    limit: float
    holds: bool


def limits(evaluation: Evaluation, *, size_mib: float, config: Config) -> list[Gate]:
    """Return the gates of one model's figures against the limits of the settings.

    The false-clear rate fails only where the low end of its interval is above the limit, because the promise was certified
    on an earlier block. Dangerous calls are few and clearing one is the worst error, so there the upper bound must keep the
    limit. A figure that is not known fails.
    """
    figures, release = evaluation.figures, config.release
    cleared = figures["dangerous_clear_rate"]
    hits = round(cleared.value * cleared.n) if cleared.n else 0
    dangerous = upper_bound(hits, cleared.n, confidence=config.threshold.confidence)
    return [
        _at_most("false clear rate, low end", figures["false_clear_rate"].low, config.threshold.max_false_clear),
        _at_most("dangerous clear rate, upper bound", dangerous, config.threshold.max_dangerous_clear),
        _at_most("calibration error, low end", figures["calibration_error"].low, release.max_calibration_error),
        _at_least("area under the curve", figures["auc"].value, release.min_auc),
        _at_most("latency, 99th percentile, ms", evaluation.latency_ms["p99"], release.max_p99_ms),
        _at_most("size of the bundle, MiB", size_mib, release.max_mib),
    ]


def behaviour_gates(router: Router, *, slack: float = 1.0) -> tuple[list[Gate], list[Behaviour]]:
    """Return the gates of the behaviour tests, with their bounds times `slack`, and of the rule traps; and the results."""
    tests = behaviours(router, slack=slack)
    gates = [Gate(f"behaviour: {test.kind}, {test.name}", test.worst, test.bound, test.holds) for test in tests]
    failures = traps.failures(router.matcher)
    return [*gates, Gate("rule traps that failed", float(len(failures)), 0.0, not failures)], tests


def against(
    candidate: Evaluation, rival: Evaluation, types: Iterable[str], *, config: Config, name: str = "the champion"
) -> list[Gate]:
    """Return the gates of a candidate against a rival model, call by call: recall, false clears, recall by call type.

    `types` are the call types of the evaluated calls, in their order; `name` names the rival. The candidate must be shown
    not to be worse by more than the margins of the settings (non-inferiority): the end of the one-sided interval of the
    paired difference counts, so that few calls prove nothing. All gates must hold, so none is corrected for their number.
    """
    truth, type_of, release = candidate.truth, np.array(list(types)), config.release

    def difference(rows: Bools) -> Estimate:
        confidence = 2 * config.evaluate.confidence - 1  # two-sided, so that each end is one-sided at evaluate.confidence
        return paired_difference(candidate.cleared[rows], rival.cleared[rows], confidence=confidence)

    gates = [
        _at_least(f"recall minus that of {name}, low end", difference(truth).low, -release.max_recall_loss),
        _at_most(f"false clears minus those of {name}, high end", difference(~truth).high, release.max_false_clear_gain),
    ]
    for each in sorted(set(type_of)):
        rows = truth & (type_of == each)
        if int(rows.sum()) >= release.min_subgroup:
            title = f"recall of {each} minus that of {name}, low end"
            gates.append(_at_least(title, difference(rows).low, -release.max_recall_loss_by_type))
    return gates


def _at_most(name: str, measured: float, limit: float) -> Gate:
    """Return a gate that holds for values of at most a limit."""
    return Gate(name, measured, limit, measured <= limit)


def _at_least(name: str, measured: float, limit: float) -> Gate:
    """Return a gate that holds for values of at least a limit."""
    return Gate(name, measured, limit, measured >= limit)


def failed(gates: Iterable[Gate]) -> str:
    """Return the gates that failed with their values and limits, in one line; empty where all hold."""
    return "; ".join(f"{gate.name} {gate.measured:.4f} against {gate.limit:.4f}" for gate in gates if not gate.holds)


def to_record(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """Return gates as plain JSON values."""
    return [{"gate": gate.name, "measured": gate.measured, "limit": gate.limit, "holds": gate.holds} for gate in gates]
