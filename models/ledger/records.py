"""Say what the ledger keeps of a call and its decision: everything but the words of the note."""

from typing import Any

from models.call import Call
from models.decision import Decision

OVERRIDE_REASONS = (
    "agree", "weapon_or_violence", "medical_need", "not_the_programs_call", "needs_police", "needs_a_clinician",
    "known_to_the_team", "caller_asked", "no_unit_free", "out_of_zone", "off_duty", "mistake", "other",
)  # fmt: skip
"""Why a person agreed with a suggestion or overrode it; the closed list of the console and of the interface."""

UNSERVED_REASONS = ("no_unit_free", "out_of_zone", "off_duty", "caller_refused", "cancelled", "police_first", "other")
"""Why a call that was eligible was not served."""

ADVERSE_EVENTS = ("none", "backup_requested", "felt_unsafe", "injury", "force", "upgraded_to_police")
"""What can have happened where an unarmed team went; missing where none went."""

_WORDS = ("narrative", "call_id")


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
    record: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the ledger keeps of a decision.

    `fingerprint` is the note's keyed hash, `caller` the keyed hash of who called, `actor` who asked, `via` the way in.
    `final` tells the answer at the end of typing from those before; `hidden` that the person did not see the suggestion,
    `arm` on which side of a trial the call fell; `held` names rules whose words are gone from the note and whose veto nobody
    took back. `shown` is what the person saw: the recommendation, NOT_ELIGIBLE for a held veto, nothing where it was hidden.
    `record` is `decision.to_dict()`, where it was made already.
    """
    record = decision.to_dict() if record is None else record
    asked = call.to_record()
    return {
        "decision_id": decision.decision_id,
        "call_id": decision.call_id,
        "actor": actor,
        "via": via,
        "final": final,
        "hidden": hidden,
        "arm": arm,
        "held": list(held),
        "shown": None if hidden else ("NOT_ELIGIBLE" if held else decision.recommendation.value),
        "caller": caller,
        "call": {name: value for name, value in asked.items() if name not in _WORDS and value is not None},
        "note": {"fingerprint": fingerprint, "characters": len(call.narrative)},
        "rules": [
            {"rule_id": reason.rule_id, "code": reason.code, "annotation": reason.annotation}
            for reason in decision.reasons
            if reason.rule_id is not None
        ],
        "codes": [reason.code for reason in decision.reasons],
        **{name: record[name] for name in _KEPT},
    }


_KEPT = (
    "recommendation", "response", "care_navigation", "eligible_probability", "risk_probability", "risk_interval",
    "risk_band", "availability", "missing", "versions", "latency_ms", "decided_at",
)  # fmt: skip
