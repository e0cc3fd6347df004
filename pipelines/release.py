"""Let a candidate become champion, or say which gate it failed and by how much."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.errors import GateFailed
from pipelines.config import Config
from pipelines.tracking import CHALLENGER, CHAMPION, Registered, Store


@dataclass(frozen=True, slots=True)
class Gate:
    """Hold one gate: what was measured, against which limit, and whether it holds."""

    name: str
    measured: float
    limit: float
    holds: bool


def gates(candidate: Mapping[str, float], champion: Mapping[str, float] | None, config: Config) -> list[Gate]:
    """Compare a candidate's measurements with the limits and with the champion's.

    A rate counts as exceeded where even the low end of its interval lies above the limit: the promise itself was
    certified on an earlier block.
    """
    limits = [
        ("false_clear_rate_low", config.threshold.max_false_clear, False),
        ("dangerous_clear_rate_low", config.threshold.max_dangerous_clear, False),
        ("calibration_error_low", config.release.max_calibration_error, False),
        ("latency_p99_ms", config.release.max_p99_ms, False),
        ("auc", config.release.min_auc, True),
    ]
    if champion is not None:
        limits += [
            ("recall_high", champion.get("recall", 0.0), True),
            ("false_clear_rate_low", champion.get("false_clear_rate_high", 1.0), False),
        ]
    found = []
    for name, limit, at_least in limits:
        measured = candidate.get(name, float("nan"))
        found.append(Gate(name, measured, limit, measured >= limit if at_least else measured <= limit))
    return found


def release(store: Store, config: Config) -> tuple[Registered, list[Gate]]:
    """Promote the challenger where every gate holds; raise `GateFailed` naming those that do not."""
    candidate = store.by_alias(CHALLENGER)
    if candidate is None:
        raise GateFailed("no challenger to release", remedy="run heartline train first")
    champion = store.by_alias(CHAMPION)
    same = champion is not None and champion.version == candidate.version
    judged = gates(candidate.metrics, None if same or champion is None else champion.metrics, config)
    failed = [gate for gate in judged if not gate.holds]
    if failed:
        told = "; ".join(f"{gate.name} {gate.measured:.4f} against {gate.limit:.4f}" for gate in failed)
        raise GateFailed(f"version {candidate.version} may not be released: {told}", remedy="the champion stays")
    store.promote(candidate)
    return candidate, judged
