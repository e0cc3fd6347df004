"""Decide a call, write the decision into the ledger, and only then answer: the one path of every request."""

import time
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from models.call import Call
from models.decision import Decision
from models.errors import InvalidEntry, LedgerConflict, LedgerError
from models.ledger.queries import Entry
from models.ledger.records import decision_content
from models.ledger.store import Ledger
from serving.decisions import trial
from serving.decisions.long_notes import LongNotes, is_long
from serving.decisions.shadow import ShadowScorer
from serving.decisions.write_batcher import WriteBatcher
from serving.fair_queue import FairQueue
from serving.model_manager import ModelManager
from serving.observability.metrics import Metrics
from serving.security.principal import Principal

PLACES, MOST_WAITING = 64, 256
"""How many requests are decided and written at once, and how many may wait for that."""


class NotWritten(LedgerError):
    """A decision could not be written into the ledger and is therefore not given."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision that is durable: `record` is `decision.to_dict()`, `shown` what of it the person is sent."""

    decision: Decision
    record: dict[str, Any]
    shown: dict[str, Any]

    def to_json(self) -> str:
        """Return what is sent, as JSON."""
        return to_json(self.shown).decode()


class DecisionService:
    """Joins the active model, the ledger and the counters."""

    def __init__(
        self,
        models: ModelManager,
        ledger: Ledger | None,
        metrics: Metrics,
        *,
        long_notes: LongNotes,
        hide_share: float = 0.0,
        hide_seed: str = "",
    ) -> None:
        """Keep the parts; a share of the suggestions may be hidden for a trial."""
        self.metrics, self.ledger = metrics, ledger
        self._models = models
        self._hide_share, self._hide_seed = hide_share, hide_seed
        self._batcher = WriteBatcher(ledger) if ledger is not None else None
        self._shadow = ShadowScorer(models, ledger, metrics)
        self._long_notes = long_notes
        self._queue = FairQueue(places=PLACES, most_waiting=MOST_WAITING)

    async def decide(
        self,
        call: Call,
        principal: Principal,
        *,
        via: str,
        final: bool = True,
        caller: str | None = None,
        address: str | None = None,
        held: tuple[str, ...] = (),
        follows: str | None = None,
        case: str | None = None,
        practice: bool = False,
        attended: bool = False,
        revision: int | None = None,
        bounded: bool = True,
    ) -> Answer:
        """Return the decision once it is durable; raise `NotWritten` where it cannot be, `Overloaded` where too many wait.

        `caller` and `address` are hashed before they are kept; `held` names rules whose words are gone from the note and
        whose veto nobody cleared; `follows` is the final decision on the same call before this one: both stay in the
        ledger, and this one names the other. `case` joins all answers to one typed call. Of a `practice` call nothing is
        written or counted. `attended` says that a person takes the call and can still ask questions. `revision` counts the
        changes of a linked incident. What is not `bounded` waits however many do: streams are limited in number.
        """
        started = time.perf_counter()
        async with self._queue.place(principal.name, bounded=bounded):
            active = self._models.active
            if is_long(call.narrative):
                decision = await self._long_notes.decide(call, active, person=principal.name, attended=attended)
            else:
                decision = active.router.decide(call, attended=attended)
            record = decision.to_dict()
            arm = trial.arm(call.call_id, share=self._hide_share, seed=self._hide_seed)
            hidden = trial.hides(arm, decision) and not held
            if self.ledger is not None and not practice:
                encryption = self.ledger.encryption
                content = decision_content(
                    call,
                    decision,
                    fingerprint=encryption.fingerprint(call.narrative),
                    actor=principal.name,
                    via=via,
                    final=final,
                    hidden=hidden,
                    arm=arm,
                    held=() if decision.vetoed else held,
                    caller=encryption.hash_caller(caller) if caller else None,
                    address=encryption.hash_address(address) if address else None,
                    record=record,
                )
                content |= {
                    name: value
                    for name, value in (("follows", follows), ("case", case), ("revision", revision))
                    if value is not None
                }
                content["attended"] = attended
                await self.write("decision", content, note=call.narrative)
            if not practice:
                self.metrics.count(decision, via=via, seconds=time.perf_counter() - started)
            if active.challenger is not None and final and not practice:
                self._shadow.submit(call, decision, attended=attended)
            return Answer(decision, record, trial.masked(record) if hidden else record)

    async def write(self, kind: str, content: dict[str, Any], *, note: str | None = None, key: str | None = None) -> Entry:
        """Return an entry once it is durable; raise `NotWritten`; `LedgerConflict` or `InvalidEntry` for a wrong request."""
        if self.ledger is None or self._batcher is None:
            raise NotWritten("this service keeps no ledger", remedy="set HEARTLINE_LEDGER")
        try:
            return await self._batcher.write(self.ledger.draft(kind, content, note=note, idempotency_key=key))
        except (LedgerConflict, InvalidEntry):
            raise
        except Exception as error:  # noqa: BLE001  whatever the ledger raised, nothing is known to be written
            self.metrics.faults.labels("ledger").inc()
            fault = error.fault if isinstance(error, LedgerError) else "the ledger cannot be written"
            cause = error.value if isinstance(error, LedgerError) else type(error).__name__
            raise NotWritten(fault, value=cause, remedy="treat it as REVIEW") from None

    def close(self) -> None:
        """Stop scoring the challenger and long notes."""
        self._shadow.close()
        self._long_notes.close()
