"""What the ledger keeps of a call and its decision, and whether a person agreed with what they were shown.

Everything is kept but the words of the note.
"""

from collections.abc import Mapping
from typing import Any

from models.call import Call
from models.common.instants import instant_text, parse_instant
from models.decision import Decision, Recommendation

OVERRIDE_REASONS = (
    "agree", "weapon_or_violence", "medical_need", "not_the_programs_call", "needs_police", "needs_a_clinician",
    "known_to_the_team", "caller_asked", "no_unit_free", "out_of_zone", "off_duty", "mistake", "other",
)  # fmt: skip
"""Why a person agreed with a suggestion or overrode it; the closed list of the console and of the interface."""

UNSERVED_REASONS = ("no_unit_free", "out_of_zone", "off_duty", "caller_refused", "cancelled", "police_first", "other")
"""Why a call that was eligible was not served."""

ADVERSE_EVENTS = ("none", "backup_requested", "felt_unsafe", "injury", "force", "upgraded_to_police")
"""What can have happened where an unarmed team went; missing where none went."""

_NOT_KEPT = ("narrative", "call_id")
_KEPT = (
    "recommendation", "response", "with_ems", "care_navigation", "eligible_probability", "danger_probability",
    "danger_interval", "medical_probability", "medical_interval", "self_harm_probability", "self_harm_interval",
    "risk_probability", "risk_interval", "risk_band", "questions", "availability", "missing", "versions", "latency_ms",
)  # fmt: skip


def decision_content(
    call: Call,
    decision: Decision,
    *,
    fingerprint: str,
    actor: str,
    via: str,
    final: bool = True,
    hidden: bool = False,
    arm: str | None = None,
    held: tuple[str, ...] = (),
    caller: str | None = None,
    address: str | None = None,
    record: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the ledger keeps of a decision.

    `fingerprint` is the note's keyed hash, `caller` and `address` the keyed hashes of who called and from where, `actor`
    who asked, `via` the way in. `final` tells the answer at the end of typing from those before; `hidden` that the person
    did not see the suggestion, `arm` on which side of a trial the call fell; `held` names rules whose words are gone from
    the note and whose veto nobody took back. `record` is `decision.to_dict()`, where it is at hand already.
    """
    record = decision.to_dict() if record is None else record
    fields = call.to_record()
    content = {
        "decision_id": decision.decision_id,
        "call_id": decision.call_id,
        "actor": actor,
        "via": via,
        "final": final,
        "hidden": hidden,
        "arm": arm,
        "held": list(held),
        "caller": caller,
        "address": address,
        "call": {name: value for name, value in fields.items() if name not in _NOT_KEPT and value is not None},
        "note": {"fingerprint": fingerprint, "characters": len(call.narrative)},
        "rules": [
            {"rule_id": reason.rule_id, "code": reason.code, "annotation": reason.annotation} for reason in decision.hits
        ],
        "codes": [reason.code for reason in decision.reasons],
        "decided_at": instant_text(parse_instant(str(record["decided_at"]))),
        **{name: record[name] for name in _KEPT},
    }
    return content | {"shown": shown(content)}


def suggested(decision: Mapping[str, Any]) -> str:
    """Return what Heartline suggests in the end: NOT_ELIGIBLE while a veto is held, otherwise its recommendation.

    >>> suggested({"recommendation": "ELIGIBLE", "held": ["edged"]})
    'NOT_ELIGIBLE'
    """
    return Recommendation.NOT_ELIGIBLE.value if decision.get("held") else str(decision["recommendation"])


def shown(decision: Mapping[str, Any]) -> str | None:
    """Return the suggestion that the person saw; `None` where it was hidden or masked.

    >>> shown({"recommendation": "ELIGIBLE", "hidden": True}) is None
    True
    """
    return None if decision.get("hidden") else suggested(decision)


def agreement(decision: Mapping[str, Any], human: str) -> bool | None:
    """Return whether a person decided as they were shown; `None` where nothing was shown, so that nobody could follow.

    True is never a label: who follows a suggestion, a held veto included, may only have followed it.

    >>> agreement({"recommendation": "ELIGIBLE", "held": ["edged"]}, "NOT_ELIGIBLE")
    True
    """
    seen = shown(decision)
    return None if seen is None else human == seen
