"""The one path of every request: decide a call, write the decision into the ledger, and only then answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from models.call import Call
from models.decision import Decision
from models.errors import InvalidEntry, LedgerConflict, LedgerError
from models.ledger.encryption import NoteEncryption
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
"""How many requests are decided and written at the same time, and how many may wait."""


class NotWritten(LedgerError):
    """A decision that could not be written into the ledger, and is therefore not given."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A durable decision: `record` is `decision.to_dict()`, `shown` is the part that the person is sent."""

    decision: Decision
    record: dict[str, Any]
    shown: dict[str, Any]

    def to_json(self) -> str:
        """Return the part that is sent, as JSON."""
        return to_json(self.shown).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a call was asked about, beside its own fields.

    `via` is the way in, such as `http`. `final` is false while the note is being typed. `caller` and `address` are hashed
    before they are written. `held` are the rules of held vetoes. `follows` is the id of the previous final decision on the
    same call. `case` is common to all answers to one typed call. A `practice` call is neither written nor counted.
    `attended` means that a person takes the call and can still ask questions. `revision` counts the changes of a linked
    incident.
    """

    via: str
    final: bool = True
    caller: str | None = None
    address: str | None = None
    held: tuple[str, ...] = ()
    follows: str | None = None
    case: str | None = None
    practice: bool = False
    attended: bool = False
    revision: int | None = None


class DecisionService:
    """The decisions of the active model, written into the ledger and counted."""

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
        """Store the parts; `hide_share` of the calls are answered without a suggestion, for a trial."""
        self.metrics, self.ledger = metrics, ledger
        self._models = models
        self._hide_share, self._hide_seed = hide_share, hide_seed
        self._batcher = WriteBatcher(ledger) if ledger is not None else None
        self._shadow = ShadowScorer(models, ledger, metrics)
        self._long_notes = long_notes
        self._queue = FairQueue(places=PLACES, most_waiting=MOST_WAITING)

    async def decide(self, call: Call, principal: Principal, request: Request, *, bounded: bool = True) -> Answer:
        """Return the decision on a call once it is durable.

        Raises `NotWritten` where it cannot be written, and `Overloaded` where too many requests wait. A request that is not
        `bounded` is never refused for that: streams are limited in number.
        """
        started = time.perf_counter()
        async with self._queue.place(principal.name, bounded=bounded):
            active = self._models.active
            if is_long(call.narrative):
                decision = await self._long_notes.decide(call, active, person=principal.name, attended=request.attended)
            else:
                decision = active.router.decide(call, attended=request.attended)
            record = decision.to_dict()
            arm = trial.arm(call.call_id, share=self._hide_share, seed=self._hide_seed)
            hidden = trial.hides(arm, decision) and not request.held
            if not request.practice:
                if self.ledger is not None:
                    about = {"actor": principal.name, "hidden": hidden, "arm": arm, "record": record}
                    content = _content(call, decision, request, self.ledger.encryption, about)
                    await self.write("decision", content, note=call.narrative)
                self.metrics.count(decision, via=request.via, seconds=time.perf_counter() - started)
                if active.challenger is not None and request.final:
                    self._shadow.submit(call, decision, attended=request.attended)
            return Answer(decision, record, trial.masked(record) if hidden else record)

    async def write(self, kind: str, content: dict[str, Any], *, note: str | None = None, key: str | None = None) -> Entry:
        """Return an entry once it is durable; raise `NotWritten`, `LedgerConflict` or `InvalidEntry`."""
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
        """Stop the thread of the challenger and the process of long notes."""
        self._shadow.close()
        self._long_notes.close()


def _content(
    call: Call, decision: Decision, request: Request, encryption: NoteEncryption, about: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of a decision's ledger entry, with caller and address hashed; `about` is passed on."""
    content = decision_content(
        call,
        decision,
        fingerprint=encryption.fingerprint(call.narrative),
        via=request.via,
        final=request.final,
        held=() if decision.vetoed else request.held,
        caller=encryption.hash_caller(request.caller) if request.caller else None,
        address=encryption.hash_address(request.address) if request.address else None,
        **about,
    )
    links = {"follows": request.follows, "case": request.case, "revision": request.revision}
    content |= {name: value for name, value in links.items() if value is not None}
    return content | {"attended": request.attended}
