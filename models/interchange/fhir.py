"""A referral to care navigation as a FHIR R4 ServiceRequest, for programs that ask for it; it holds no word of the note.

The profile is SDOH Clinical Care's ServiceRequest; profile and code system are named from memory and not validated here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from models.errors import InvalidConfig
from models.programs.program import Program
from models.programs.schema import ReferralExport

PROFILE = "http://hl7.org/fhir/us/sdoh-clinicalcare/StructureDefinition/SDOHCC-ServiceRequest"
_CATEGORIES = "http://hl7.org/fhir/us/sdoh-clinicalcare/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
_FOLLOW_UP = timedelta(hours=48)


def service_request(decision: Mapping[str, Any], *, program: Program, requester: str) -> dict[str, Any] | None:
    """Return a decision's referral to care navigation, or `None` where it asks for none.

    `decision` is a `Decision` as `to_dict` gives it. The person is named by the call's number alone. Raises
    `InvalidConfig` where the program does not export referrals, which is the default.
    """
    if program.referral_export is not ReferralExport.FHIR_R4:
        raise InvalidConfig(
            "the program does not export referrals",
            value=program.id,
            remedy='write export = "fhir_r4" under [care_navigation] of its file',
        )
    if not decision["care_navigation"]:
        return None
    authored = datetime.fromisoformat(decision["decided_at"])
    return {
        "resourceType": "ServiceRequest",
        "meta": {"profile": [PROFILE]},
        "identifier": [{"system": "urn:heartline:decision", "value": decision["decision_id"]}],
        "status": "active",
        "intent": "proposal",
        "category": [{"coding": [{"system": _CATEGORIES, "code": "sdoh-category-unspecified"}]}],
        "code": {"text": "Care navigation follow-up"},
        "subject": {"identifier": {"system": "urn:cad:incident", "value": decision["call_id"] or decision["decision_id"]}},
        "occurrencePeriod": {"start": authored.isoformat(), "end": (authored + _FOLLOW_UP).isoformat()},
        "authoredOn": authored.isoformat(),
        "requester": {"display": requester},
    }
