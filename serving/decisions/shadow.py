"""The challenger, which scores the champion's calls in a thread; its answers are recorded and not shown."""

import queue
import threading

from models.call import Call
from models.decision import Decision
from models.ledger.store import Ledger
from serving.model_manager import ModelManager
from serving.observability.metrics import Metrics

_QUEUE = 1000


class ShadowScorer:
    """A thread that scores final calls with the challenger and writes its answers into the ledger."""

    def __init__(self, models: ModelManager, ledger: Ledger | None, metrics: Metrics) -> None:
        """Start the thread."""
        self._models, self._ledger, self._metrics = models, ledger, metrics
        self._queue: queue.Queue[tuple[Call, Decision, bool] | None] = queue.Queue(_QUEUE)
        threading.Thread(target=self._run, name="challenger", daemon=True).start()

    def submit(self, call: Call, decision: Decision, *, attended: bool) -> None:
        """Queue a call with the champion's decision; where the queue is full, drop and count it."""
        try:
            self._queue.put_nowait((call, decision, attended))
        except queue.Full:
            self._metrics.shadowed.labels("dropped").inc()

    def close(self) -> None:
        """Stop the thread after the queued calls."""
        self._queue.put(None)

    def _run(self) -> None:
        """Score the queued calls one after another."""
        while (queued := self._queue.get()) is not None:
            challenger = self._models.active.challenger
            if challenger is None or self._ledger is None:
                continue
            call, decision, attended = queued
            other = challenger.decide(call, attended=attended)
            same = other.recommendation is decision.recommendation
            self._metrics.shadowed.labels(str(same).lower()).inc()
            content = {
                "decision_id": decision.decision_id,
                "call_id": call.call_id,
                "recommendation": other.recommendation.value,
                "eligible_probability": other.eligible_probability,
                "model": other.versions.model,
                "same": same,
            }
            self._ledger.append("shadow", content)  # where it fails, the decision's own write has reported it
