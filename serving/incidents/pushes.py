"""What is posted to CAD of an incident: a suggestion that changed, and what a person decided."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from models.instants import instant_text
from models.ledger.queries import Entry
from serving.incidents.outbox import Push
from serving.incidents.store import Incident

_OF_JUDGEMENT = ("decision_id", "at", "human", "reason")


def shown(decision: Mapping[str, Any]) -> str | None:
    """Return the suggestion that may be shown; `None` where a trial hides it."""
    hidden = any(reason["code"] == "suggestion_hidden" for reason in decision["reasons"])
    return None if hidden else str(decision["recommendation"])


def suggestion_of(decision: Mapping[str, Any]) -> str:
    """Return a summary that differs where the suggestion does: the answer, the unit, and whether an ambulance goes too."""
    return json.dumps([shown(decision), decision["response"], decision["with_ems"]])


def suggestion_push(incident: Incident, answer: str, suggestion: str) -> Push:
    """Return what is sent of a suggestion that changed; `answer` is the decision as JSON."""
    previous = None if incident.suggestion is None else json.loads(incident.suggestion)[0]
    body = {"shown": json.loads(suggestion)[0], "previous": previous, "decision": json.loads(answer)}
    return _push("suggestion", incident, body, push_id=secrets.token_hex(16))


def judgement_of(seq: int, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person decided, as CAD is told it: no comment, and no name."""
    return {
        "seq": seq,
        **{name: content[name] for name in _OF_JUDGEMENT},
        "response": content.get("response"),
        "withdrawn": bool(content.get("withdrawn")),
    }


def judgement_push(incident: Incident, entry: Entry) -> Push:
    """Return what is sent of a person's decision; the same entry of the ledger always has the same `push_id`."""
    push_id = hashlib.sha256(f"judgement {entry.seq} {entry.content['decision_id']}".encode()).hexdigest()[:32]
    return _push("judgement", incident, {"judgement": judgement_of(entry.seq, entry.content)}, push_id=push_id)


def _push(kind: str, incident: Incident, body: Mapping[str, Any], *, push_id: str) -> Push:
    """Return a push of one kind about an incident as it stands."""
    at = instant_text(datetime.now(UTC))
    about = {"type": kind, "push_id": push_id, "incident_id": incident.incident_id, "revision": incident.revision, "at": at}
    text = json.dumps({**about, **body}, ensure_ascii=False, separators=(",", ":"))
    return Push(push_id=push_id, incident_id=incident.incident_id, revision=incident.revision, made_at=at, body=text)
