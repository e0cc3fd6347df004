"""The messages that are posted to CAD about an incident: a changed suggestion, and a person's judgement."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from models.common.instants import instant_text
from models.ledger.queries import Entry
from serving.decisions import trial
from serving.incidents.outbox import Push
from serving.incidents.store import Incident

_OF_JUDGEMENT = ("decision_id", "at", "human", "reason")


def suggestion_of(decision: Mapping[str, Any]) -> str:
    """Return the suggestion as JSON text to compare: the answer, the unit, and whether an ambulance goes too."""
    return json.dumps([trial.shown(decision), decision["response"], decision["with_ems"]])


def suggestion_push(incident: Incident, answer: str, suggestion: str) -> Push:
    """Return the push of a changed suggestion; `answer` is the decision as JSON."""
    previous = None if incident.suggestion is None else json.loads(incident.suggestion)[0]
    body = {"shown": json.loads(suggestion)[0], "previous": previous, "decision": json.loads(answer)}
    return _push("suggestion", incident, body, push_id=secrets.token_hex(16))


def judgement_of(seq: int, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a person's judgement as it is sent to CAD, without the comment and the name."""
    return {
        "seq": seq,
        **{name: content[name] for name in _OF_JUDGEMENT},
        "response": content.get("response"),
        "withdrawn": bool(content.get("withdrawn")),
    }


def judgement_push(incident: Incident, entry: Entry) -> Push:
    """Return the push of a person's judgement; the same entry of the ledger always has the same `push_id`."""
    push_id = hashlib.sha256(f"judgement {entry.seq} {entry.content['decision_id']}".encode()).hexdigest()[:32]
    return _push("judgement", incident, {"judgement": judgement_of(entry.seq, entry.content)}, push_id=push_id)


def _push(kind: str, incident: Incident, body: Mapping[str, Any], *, push_id: str) -> Push:
    """Return a push of one kind about the present revision of an incident."""
    at = instant_text(datetime.now(UTC))
    about = {"type": kind, "push_id": push_id, "incident_id": incident.incident_id, "revision": incident.revision, "at": at}
    text = json.dumps({**about, **body}, ensure_ascii=False, separators=(",", ":"))
    return Push(push_id=push_id, incident_id=incident.incident_id, revision=incident.revision, made_at=at, body=text)
