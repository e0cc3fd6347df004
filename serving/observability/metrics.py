"""The counters and gauges of the service for Prometheus, summed over all workers."""

import os
from collections import Counter as Tally
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from models.decision import Decision
from models.drift import population_stability

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_RECENT, _ENOUGH = 1000, 100
_CLASSES = {"veto_weapon": "weapon", "veto_violence": "violence", "weapons_answer": "answer", "violence_answer": "answer"}
_FAULTS = frozenset({"rules_fault", "scoring_fault", "no_model", "no_score", "invalid_call"})


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        """Create the counters; with PROMETHEUS_MULTIPROC_DIR set they are shared between workers."""
        own = self.registry = CollectorRegistry()
        named: Any = {"namespace": "heartline", "registry": own}
        self.seconds = Histogram("decision_seconds", "From the request to the durable decision", buckets=_SECONDS, **named)
        self.decisions = Counter("decisions", "Decisions", ["recommendation", "via"], **named)
        self.vetoes = Counter("vetoes", "Decisions that a rule or an answer vetoed", ["rule_class"], **named)
        self.feedback = Counter("feedback", "What people decided after suggestions", ["agreed", "reason"], **named)
        self.faults = Counter("faults", "Decisions made without a part that failed", ["code"], **named)
        self.missing = Counter("missing_fields", "Fields that were missing", ["field"], **named)
        self.shadowed = Counter("shadow_decisions", "Calls that a challenger scored too", ["same"], **named)
        self.queue = Gauge("ledger_queue", "Entries that wait to be durable", multiprocess_mode="livesum", **named)
        self.sockets = Gauge("streams", "Calls that are being typed", multiprocess_mode="livesum", **named)
        self.info = Gauge("model_info", "Which model answers", ["model", "program"], multiprocess_mode="livemax", **named)
        self.drift = Gauge("score_drift_psi", "Of the last scores from training's", multiprocess_mode="livemax", **named)
        self.gaps = Gauge(
            "missing_drift", "Share of missing fields less training's, the largest", multiprocess_mode="livemax", **named
        )
        self._named: tuple[str, str] | None = None
        self._children: dict[tuple[int, tuple[str, ...]], Counter] = {}
        self._scores: deque[float] = deque(maxlen=_RECENT)
        self._missing: deque[tuple[str, ...]] = deque(maxlen=_RECENT)

    def count(self, decision: Decision, *, via: str, seconds: float) -> None:
        """Count one decision."""
        self.seconds.observe(seconds)
        self._child(self.decisions, decision.recommendation.value, via).inc()
        codes = {reason.code for reason in decision.reasons}
        for kind in {_CLASSES[code] for code in codes if code in _CLASSES}:
            self._child(self.vetoes, kind).inc()
        for code in codes & _FAULTS:
            self._child(self.faults, code).inc()
        for name in decision.missing:
            self._child(self.missing, name).inc()
        if decision.eligible_probability is not None:
            self._scores.append(decision.eligible_probability)
        self._missing.append(decision.missing)

    def _child(self, counter: Counter, *labels: str) -> Counter:
        """Return a counter's child, which is looked up once."""
        known = self._children.get((id(counter), labels))
        if known is None:
            known = self._children[id(counter), labels] = counter.labels(*labels)
        return known

    def expose(self, *, model: str, program: str, profile: Mapping[str, Any] | None, waiting: int) -> bytes:
        """Return every metric in Prometheus's format, of all workers together."""
        if self._named is not None and self._named != (model, program):
            self.info.labels(*self._named).set(0)
        self._named = (model, program)
        self.info.labels(model, program).set(1)
        self.queue.set(waiting)
        if profile and len(self._scores) >= _ENOUGH:
            self.drift.set(population_stability(list(self._scores), profile["score_edges"]))
            self.gaps.set(_largest_gap(self._missing, profile["missing"]))
        if MULTIPROCESS in os.environ:
            forget_dead_workers(Path(os.environ[MULTIPROCESS]))
            together = CollectorRegistry()
            multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
            return generate_latest(together)
        return generate_latest(self.registry)


def forget_dead_workers(folder: Path) -> None:
    """Remove the gauges of workers that have ended; their counters stay."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            multiprocess.mark_process_dead(int(pid))  # type: ignore[no-untyped-call]


def _largest_gap(seen: Sequence[tuple[str, ...]], usual: Mapping[str, float]) -> float:
    """Return the largest increase of a field's missing share since training."""
    counts = Tally(name for names in seen for name in names)
    return max((counts[name] / len(seen) - usual.get(name, 0.0) for name in set(counts) | set(usual)), default=0.0)
