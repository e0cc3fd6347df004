"""A decision as a note of an Emergency Incident Data Object (NENA-STA-021.1b), for a CAD that shows EIDO notes."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

NOTE_PREFIX = "urn:heartline:decision:"
"""Begins the `$id` of every note written here; a reader of EIDO passes such notes over: advice is no mention."""

_BANDS = {"low": "low", "elevated": "elevated", "high": "high", "unknown": "not known"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EidoSender:
    """Who sends an EIDO: the agency's identifier, the functional element's, and the agency's role and type."""

    agency: str
    element: str
    roles: tuple[str, ...] = ("Dispatching",)
    types: tuple[str, ...] = ("psap",)


def eido_of(decision: Mapping[str, Any], *, sender: EidoSender, incident: str | None = None) -> dict[str, Any]:
    """Return an EIDO that adds a decision to an incident as a note with its suggestion, reasons, risk and versions.

    `decision` is a `Decision` as `to_dict` gives it; `incident` is the `$id` of its EIDO: the call's number where not
    given, and the decision's own where the call has none.
    """
    prologue = {"lastUpdateTimeStamp": decision["decided_at"], "updatedByAgencyReference": {"$ref": sender.agency}}
    agency = {
        "$id": sender.agency,
        **prologue,
        "agencyRoleDescriptionRegistryText": list(sender.roles),
        "agencyType": list(sender.types),
    }
    note = {"$id": f"{NOTE_PREFIX}{decision['decision_id']}", **prologue, "notesActionComments": _html(decision)}
    return {
        "$id": incident or decision["call_id"] or decision["decision_id"],
        **prologue,
        "eidoVersion": "1.0",
        "issuingElementIdentification": sender.element,
        "agencyComponent": [agency],
        "notesComponent": [note],
    }


def _html(decision: Mapping[str, Any]) -> str:
    """Return a decision as HTML5 that a person reads: what is suggested, why, at which risk, and by which versions."""
    unit = f", {decision['response'].replace('_', ' ')}" if decision["response"] else ""
    probability = decision["eligible_probability"]
    chance = "" if probability is None else f" Probability of eligibility {probability:.2f}."
    reasons = "".join(f"<li>{escape(reason['sentence'])}</li>" for reason in decision["reasons"])
    versions = ", ".join(f"{name} {value}" for name, value in decision["versions"].items())
    return (
        f"<p>Heartline suggests {escape(decision['recommendation'])}{escape(unit)}. It advises and does not dispatch.</p>"
        f"<ul>{reasons}</ul>"
        f"<p>Risk: {_BANDS[decision['risk_band']]}.{chance}</p>"
        f"<p>Versions: {escape(versions)}</p>"
    )
