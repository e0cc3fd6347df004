"""The challenger, scored beside the champion off the request's path; it answers nobody."""

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
        """Queue a call with the champion's decision; drop and count it where the queue is full."""
        try:
            self._queue.put_nowait((call, decision, attended))
        except queue.Full:
            self._metrics.shadowed.labels("dropped").inc()

    def close(self) -> None:
        """Stop the thread after what is queued."""
        self._queue.put(None)

    def _run(self) -> None:
        """Score what is queued, one call after another."""
        while (waiting := self._queue.get()) is not None:
            challenger = self._models.active.challenger
            if challenger is None or self._ledger is None:
                continue
            call, decision, attended = waiting
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
            self._ledger.append("shadow", content)  # where it cannot be written, the decision's own write has said so
