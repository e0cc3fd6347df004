"""Decide a call, write the decision down, and only then give it out: the one path of every request that asks."""

import json
import queue
import threading
import time
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from models.call import Call
from models.decision import Decision
from models.errors import LedgerError
from models.ledger.records import decision_content
from models.ledger.store import Ledger
from models.ledger.writer import Entry
from models.router import Router
from serving.decisions import trial
from serving.decisions.write_batcher import Gather
from serving.model_manager import Live
from serving.observability.metrics import Metrics
from serving.security.authentication import Principal

_SHADOW_QUEUE = 1000


class NotWritten(LedgerError):
    """Report a decision that could not be written down and is therefore not given out."""


class Desk:
    """Join the live model, the ledger and the counters."""

    def __init__(
        self, live: Live, ledger: Ledger | None, metrics: Metrics, *, hide_share: float = 0.0, hide_seed: str = ""
    ) -> None:
        """Keep the parts, and start the thread that scores the challenger; a share of suggestions may be hidden."""
        self.live, self.ledger, self.metrics = live, ledger, metrics
        self._hide_share, self._hide_seed = hide_share, hide_seed
        self._gather = Gather(ledger) if ledger is not None else None
        self._shadow: queue.Queue[tuple[Call, str, str] | None] = queue.Queue(_SHADOW_QUEUE)
        threading.Thread(target=self._run_shadow, name="challenger", daemon=True).start()

    async def decide(
        self,
        call: Call,
        principal: Principal,
        *,
        via: str,
        final: bool = True,
        caller: str | None = None,
        held: tuple[str, ...] = (),
    ) -> tuple[Decision, str]:
        """Return the decision and its JSON once it is durable; raise `NotWritten` where it cannot be.

        `held` names rules whose words are gone from the note and whose veto nobody took back.
        """
        started = time.perf_counter()
        standing = self.live.standing
        decision = standing.router.decide(call)
        record = decision.to_dict()
        side = trial.arm(call.call_id, share=self._hide_share, seed=self._hide_seed)
        hidden = trial.hides(side, decision) and not held
        if self.ledger is not None:
            safe = self.ledger.safe
            content = decision_content(
                call,
                decision,
                fingerprint=safe.fingerprint(call.narrative),
                actor=principal.name,
                via=via,
                final=final,
                hidden=hidden,
                arm=side,
                held=() if decision.vetoed else held,
                caller=safe.fingerprint(caller) if caller else None,
                record=record,
            )
            await self.write("decision", content, note=call.narrative)
        self.metrics.count(decision, via=via, seconds=time.perf_counter() - started)
        if standing.shadow is not None and final:
            self._beside(call, decision)
        sent = trial.masked(record) if hidden else json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        return decision, sent

    async def write(self, kind: str, content: dict[str, Any], *, note: str | None = None, key: str | None = None) -> Entry:
        """Append an entry and wait until it is durable; raise `NotWritten`."""
        if self.ledger is None or self._gather is None:
            raise NotWritten("this service keeps no ledger", remedy="set HEARTLINE_LEDGER")
        try:
            return await self._gather.write(self.ledger.draft(kind, content, note=note, idempotency_key=key))
        except (SQLAlchemyError, OSError, RuntimeError) as error:
            self.metrics.faults.labels("ledger").inc()
            raise NotWritten(
                "the ledger cannot be written", value=type(error).__name__, remedy="treat it as REVIEW"
            ) from None

    def _beside(self, call: Call, decision: Decision) -> None:
        """Let the challenger score the call too, unless it is behind already."""
        try:
            self._shadow.put_nowait((call, decision.decision_id, decision.recommendation.value))
        except queue.Full:
            self.metrics.shadowed.labels("dropped").inc()

    def _run_shadow(self) -> None:
        """Score what is queued with the challenger, and write it beside the decision."""
        while (waiting := self._shadow.get()) is not None:
            call, decision_id, answered = waiting
            router: Router | None = self.live.standing.shadow
            if router is None or self.ledger is None:
                continue
            other = router.decide(call)
            same = other.recommendation.value == answered
            self.metrics.shadowed.labels(str(same).lower()).inc()
            content = {
                "decision_id": decision_id,
                "call_id": call.call_id,
                "recommendation": other.recommendation.value,
                "eligible_probability": other.eligible_probability,
                "model": other.versions.model,
                "same": same,
            }
            try:
                self.ledger.append("shadow", content)
            except RuntimeError:
                return

    def close(self) -> None:
        """Stop scoring the challenger, write what waits, and let the ledger go."""
        self._shadow.put(None)
        if self.ledger is not None:
            self.ledger.close()
