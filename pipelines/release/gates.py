"""Hold a candidate against limits and against the champion, both judged through the Router on the same block."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.router import Router
from pipelines.evaluation.behaviour import Behaviour, behaviours
from pipelines.evaluation.evaluate import Evaluation
from pipelines.rules import traps
from pipelines.settings import Config

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Gate:
    """Hold one gate: what was measured, against which limit, and whether it holds."""

    name: str
    measured: float
    limit: float
    holds: bool


def limits(found: Evaluation, *, size_mib: float, config: Config) -> list[Gate]:
    """Hold one model's figures against the limits.

    A rate counts as exceeded where even the low end of its interval lies above the limit: the promise itself was
    certified on an earlier block. A figure that is not known fails.
    """
    figures, release = found.figures, config.release
    return [
        _most("false clear rate, low end", figures["false_clear_rate"].low, config.threshold.max_false_clear),
        _most("dangerous clear rate, low end", figures["dangerous_clear_rate"].low, config.threshold.max_dangerous_clear),
        _most("calibration error, low end", figures["calibration_error"].low, release.max_calibration_error),
        _least("area under the curve", figures["auc"].value, release.min_auc),
        _most("latency, 99th percentile, ms", found.latency_ms["p99"], release.max_p99_ms),
        _most("size of the bundle, MiB", size_mib, release.max_mib),
    ]


def behaves(router: Router) -> tuple[list[Gate], list[Behaviour]]:
    """Run the behaviour tests and the traps."""
    found = behaviours(router)
    gates = [Gate(f"behaviour: {test.kind}, {test.name}", test.worst, test.bound, test.holds) for test in found]
    wrong = traps.failures(router.rulebook)
    return [*gates, Gate("rule traps got wrong", float(len(wrong)), 0.0, not wrong)], found


def against(candidate: Evaluation, champion: Evaluation, kinds: Iterable[str], *, config: Config) -> list[Gate]:
    """Hold a candidate against the champion, call by call: recall, false clears, and the recall of each slice.

    A gate fails where the candidate is worse beyond chance: where the whole interval of the paired difference lies on the
    wrong side. Slices share one error between them (Bonferroni).
    """
    truth, slices = candidate.truth, np.array(list(kinds))
    gained = candidate.cleared.astype(int) - champion.cleared.astype(int)
    gates = [
        _least("recall less the champion's, high end", _end(gained[truth], config, high=True), 0.0),
        _most("false clears less the champion's, low end", _end(gained[~truth], config, high=False), 0.0),
    ]
    names = [name for name in sorted(set(slices)) if int((truth & (slices == name)).sum()) >= config.release.min_slice]
    for name in names:
        high = _end(gained[truth & (slices == name)], config, high=True, shared_by=len(names))
        gates.append(_least(f"recall of {name} less the champion's, high end", high, 0.0))
    return gates


def _end(gained: NDArray[np.int_], config: Config, *, high: bool, shared_by: int = 1) -> float:
    """Return one end of the bootstrap interval of a mean paired difference; nought where there are no calls."""
    if not len(gained):
        return 0.0
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(gained), (config.evaluate.bootstrap, len(gained)))
    tail = (1 - config.evaluate.confidence) / 2 / shared_by
    return float(np.quantile(gained[draws].mean(axis=1), 1 - tail if high else tail))


def _most(name: str, measured: float, limit: float) -> Gate:
    """Make a gate that holds up to a limit."""
    return Gate(name, measured, limit, measured <= limit)


def _least(name: str, measured: float, limit: float) -> Gate:
    """Make a gate that holds from a limit on."""
    return Gate(name, measured, limit, measured >= limit)


def failed(gates: Iterable[Gate]) -> str:
    """Say which gates failed, and by how much."""
    return "; ".join(f"{gate.name} {gate.measured:.4f} against {gate.limit:.4f}" for gate in gates if not gate.holds)


def to_record(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """Write gates as plain JSON values."""
    return [{"gate": gate.name, "measured": gate.measured, "limit": gate.limit, "holds": gate.holds} for gate in gates]
