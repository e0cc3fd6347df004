"""Each change of an incident, answered by the same decision service as every call and kept before it is answered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi.concurrency import run_in_threadpool

from models.errors import LedgerError
from models.ledger.queries import Entry
from models.ledger.store import Ledger
from serving.decisions.service import DecisionService
from serving.incidents.outbox import DeadLetter, Outbox
from serving.incidents.pushes import judgement_push, suggestion_of, suggestion_push
from serving.incidents.sender import Sender
from serving.incidents.store import Incident, IncidentStore
from serving.schemas import CallIn
from serving.security.principal import Principal
from serving.settings import Settings

VIA = "cad"
SEEN = ("call_type", "zone")
"""The fields whose values in the feed are offered on the call page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An incident after a change: whether the change was new, and the newest answer as JSON."""

    incident: Incident
    changed: bool
    answer: str


class IncidentService:
    """Joins the incidents, the decision service and the sender; without a ledger every method raises `LedgerError`."""

    def __init__(self, settings: Settings, decisions: DecisionService, ledger: Ledger | None) -> None:
        """Open the store beside the ledger; the sender is started by `start` where an address is configured."""
        self._decisions, self._ledger = decisions, ledger
        self._store = IncidentStore(settings.ledger, ledger.encryption) if ledger is not None else None
        self._outbox = None if self._store is None else Outbox(self._store.writing, self._store.cipher)
        self._sender = None
        if self._outbox is not None and settings.push_url:
            self._sender = Sender(
                self._outbox,
                url=settings.push_url,
                key=settings.push_key.get_secret_value().encode(),
                attempts=settings.push_attempts,
                first_wait=settings.push_wait,
                on_dead=decisions.metrics.faults.labels("push").inc,
            )

    def start(self) -> None:
        """Start sending changes of suggestions."""
        if self._sender is not None:
            self._sender.start()

    async def put(self, incident_id: str, fields: Mapping[str, Any], principal: Principal, *, closed: bool) -> Answered:
        """Return an incident with these fields and the answer to it; the same fields again change and decide nothing."""
        incident, changed = await run_in_threadpool(self._open_store().put, incident_id, fields, closed=closed)
        return await self._answer(incident, principal, changed=changed)

    async def add_note(self, incident_id: str, note_id: str, text: str, principal: Principal) -> Answered | None:
        """Return an incident with one more note and the answer to it; `None` where no such incident is linked.

        The same note again changes nothing, and is decided only where the first attempt was not. Raises `LedgerConflict` and
        `InvalidEntry` as the store does.
        """
        noted = await run_in_threadpool(self._open_store().add_note, incident_id, note_id, text)
        if noted is None:
            return None
        incident, changed = noted
        return await self._answer(incident, principal, changed=changed)

    async def get(self, incident_id: str) -> Incident | None:
        """Return an incident, or `None`."""
        return await run_in_threadpool(self._open_store().get, incident_id)

    async def tell_judgement(self, entry: Entry) -> None:
        """Send what a person decided to CAD, where the call is a linked incident and an address is configured.

        What cannot be stored to be sent is counted as a fault and not raised: the ledger has it, and CAD can pull it.
        """
        if self._sender is None or entry.content.get("call_id") is None:
            return
        try:
            waits = await run_in_threadpool(self._keep_judgement, entry)
        except LedgerError:
            self._decisions.metrics.faults.labels("push").inc()
            return
        if waits:
            self._sender.wake()

    async def seen(self) -> dict[str, list[str]]:
        """Return the call types and the zones of the incidents that CAD has linked, the most frequent first."""
        if self._store is None:
            return {name: [] for name in SEEN}
        return await run_in_threadpool(self._store.seen, SEEN)

    async def dead_letters(self) -> list[DeadLetter]:
        """Return the changes that could not be sent."""
        return await run_in_threadpool(self._open_outbox().dead)

    async def resend(self, push_id: str) -> bool:
        """Let a dead letter be tried anew; return whether there is one of this id."""
        known = await run_in_threadpool(self._open_outbox().resend, push_id, datetime.now(UTC))
        if known and self._sender is not None:
            self._sender.wake()
        return known

    async def purge(self) -> None:
        """Delete incidents whose time is over."""
        if self._store is not None:
            await run_in_threadpool(self._store.purge)

    def close(self) -> None:
        """Stop sending and close the database."""
        if self._sender is not None:
            self._sender.close()
        if self._store is not None:
            self._store.close()

    async def _answer(self, incident: Incident, principal: Principal, *, changed: bool) -> Answered:
        """Return the answer to an incident as it stands; one that was answered already is not decided again."""
        if incident.answer is not None and incident.answered >= incident.revision:
            return Answered(incident=incident, changed=changed, answer=incident.answer)
        call = CallIn.model_validate_json(
            json.dumps({**incident.fields, "narrative": incident.narrative, "call_id": incident.incident_id})
        )
        answer = await self._decisions.decide(
            call.to_call(),
            principal,
            via=VIA,
            final=incident.closed,
            caller=call.caller_key,
            address=call.address_key,
            attended=True,
            revision=incident.revision,
        )
        text = answer.to_json()
        suggestion = suggestion_of(answer.shown)
        push = None if self._sender is None else suggestion_push(incident, text, suggestion)
        suggested_anew = await run_in_threadpool(
            self._open_store().keep_answer,
            incident.incident_id,
            revision=incident.revision,
            answer=text,
            suggestion=suggestion,
            push=push,
        )
        if suggested_anew and self._sender is not None:
            self._sender.wake()
        return Answered(incident=incident, changed=changed, answer=text)

    def _keep_judgement(self, entry: Entry) -> bool:
        """Let a person's decision wait to be sent; return whether its call is a linked incident."""
        incident = self._open_store().get(entry.content["call_id"])
        if incident is None:
            return False
        self._open_outbox().add(judgement_push(incident, entry))
        return True

    def _open_store(self) -> IncidentStore:
        """Return the store; raise `LedgerError` where no ledger is kept."""
        if self._store is None:
            raise LedgerError("this service keeps no ledger", remedy="set HEARTLINE_LEDGER")
        return self._store

    def _open_outbox(self) -> Outbox:
        """Return the outbox; raise `LedgerError` where no ledger is kept."""
        self._open_store()
        assert self._outbox is not None  # noqa: S101  it is made with the store
        return self._outbox
