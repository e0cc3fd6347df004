"""Changes of incidents: each is stored, and then answered by the same decision service as every call."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi.concurrency import run_in_threadpool

from models.errors import LedgerError
from models.ledger.queries import Entry
from models.ledger.store import Ledger
from serving.decisions.service import DecisionService, Request
from serving.incidents.outbox import DeadLetter, Outbox
from serving.incidents.pushes import judgement_push, suggestion_of, suggestion_push
from serving.incidents.sender import Sender
from serving.incidents.store import Incident, IncidentStore
from serving.schemas import CallIn
from serving.security.principal import Principal
from serving.settings import Settings

VIA = "cad"
SEEN = ("call_type", "zone")
"""The fields whose values, as CAD sends them, are offered on the call page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An incident after a change: whether the change was new, and the newest answer as JSON."""

    incident: Incident
    changed: bool
    answer: str


class IncidentService:
    """The incidents, their answers and their pushes; without a ledger every method raises `LedgerError`."""

    def __init__(self, settings: Settings, decisions: DecisionService, ledger: Ledger | None) -> None:
        """Open the store in the ledger's database; `start` starts the sender where an address is configured."""
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
        """Start sending pushes."""
        if self._sender is not None:
            self._sender.start()

    async def put(self, incident_id: str, fields: Mapping[str, Any], principal: Principal, *, closed: bool) -> Answered:
        """Return an incident with these fields and its answer; the same fields again change and decide nothing."""
        incident, changed = await run_in_threadpool(self._open_store().put, incident_id, fields, closed=closed)
        return await self._answer(incident, principal, changed=changed)

    async def add_note(self, incident_id: str, note_id: str, text: str, principal: Principal) -> Answered | None:
        """Return an incident with one more note and its answer; `None` where no such incident is linked.

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

    async def push_judgement(self, entry: Entry) -> None:
        """Queue a person's judgement to be sent to CAD, if the call is a linked incident and an address is configured.

        A judgement that cannot be queued is counted as a fault and not raised: it is in the ledger, where CAD can read it.
        """
        if self._sender is None or entry.content.get("call_id") is None:
            return
        try:
            queued = await run_in_threadpool(self._queue_judgement, entry)
        except LedgerError:
            self._decisions.metrics.faults.labels("push").inc()
            return
        if queued:
            self._sender.wake()

    async def seen(self) -> dict[str, list[str]]:
        """Return the call types and the zones of the incidents that CAD has linked, the most frequent first."""
        if self._store is None:
            return {name: [] for name in SEEN}
        return await run_in_threadpool(self._store.seen, SEEN)

    async def dead_letters(self) -> list[DeadLetter]:
        """Return the pushes that could not be sent."""
        return await run_in_threadpool(self._open_outbox().dead)

    async def resend(self, push_id: str) -> bool:
        """Queue a dead letter again; return whether there is one with this id."""
        queued = await run_in_threadpool(self._open_outbox().resend, push_id, datetime.now(UTC))
        if queued and self._sender is not None:
            self._sender.wake()
        return queued

    async def purge(self) -> None:
        """Delete expired incidents."""
        if self._store is not None:
            await run_in_threadpool(self._store.purge)

    def close(self) -> None:
        """Stop sending and close the database."""
        if self._sender is not None:
            self._sender.close()
        if self._store is not None:
            self._store.close()

    async def _answer(self, incident: Incident, principal: Principal, *, changed: bool) -> Answered:
        """Return the answer to the present revision of an incident, which is decided once."""
        if incident.answer is not None and incident.answered >= incident.revision:
            return Answered(incident=incident, changed=changed, answer=incident.answer)
        call = CallIn.model_validate_json(
            json.dumps({**incident.fields, "narrative": incident.narrative, "call_id": incident.incident_id})
        )
        request = Request(
            via=VIA,
            final=incident.closed,
            caller=call.caller_key,
            address=call.address_key,
            attended=True,
            revision=incident.revision,
        )
        answer = await self._decisions.decide(call.to_call(), principal, request)
        text = answer.to_json()
        suggestion = suggestion_of(answer.shown)
        push = None if self._sender is None else suggestion_push(incident, text, suggestion)
        is_new_suggestion = await run_in_threadpool(
            self._open_store().keep_answer,
            incident.incident_id,
            revision=incident.revision,
            answer=text,
            suggestion=suggestion,
            push=push,
        )
        if is_new_suggestion and self._sender is not None:
            self._sender.wake()
        return Answered(incident=incident, changed=changed, answer=text)

    def _queue_judgement(self, entry: Entry) -> bool:
        """Queue a person's judgement to be sent; return whether its call is a linked incident."""
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
