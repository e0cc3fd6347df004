"""The hidden suggestions of a trial: those of a random share of calls, to measure their effect. A veto is always shown."""

import hashlib
from collections.abc import Mapping
from typing import Any

from models.decision import Decision, Reason

SHOWN, SILENT = "shown", "silent"
_HIDDEN = Reason(
    code="suggestion_hidden",
    sentence="This call is in the part of a trial that works without suggestions: decide as you would without Heartline.",
)
_BLANK: dict[str, Any] = {
    "recommendation": "REVIEW", "response": None, "with_ems": False, "care_navigation": False, "eligible_probability": None,
    "danger_probability": None, "danger_interval": None, "medical_probability": None, "medical_interval": None,
    "self_harm_probability": None, "self_harm_interval": None, "risk_probability": None, "risk_interval": None,
    "risk_band": "unknown", "availability": None, "more_reasons": 0, "hits": [], "more_hits": 0, "contributions": [],
}  # fmt: skip


def arm(call_id: str | None, *, share: float, seed: str) -> str | None:
    """Return the arm of a call by its incident number; the same number always has the same arm.

    Without a trial, or without a number, it is `None`, and the suggestion is shown.

    >>> arm("2026-1", share=0.0, seed="a") is None
    True
    """
    if share <= 0 or call_id is None:
        return None
    drawn = int.from_bytes(hashlib.sha256(f"{seed}\n{call_id}".encode()).digest()[:8], "big") / 2**64
    return SILENT if drawn < share else SHOWN


def hides(arm_of_call: str | None, decision: Decision) -> bool:
    """Return whether a suggestion is hidden from the person: in the silent arm, and never a veto."""
    return arm_of_call == SILENT and not decision.vetoed


def masked(record: dict[str, Any]) -> dict[str, Any]:
    """Return a decision without its suggestion, its probabilities and its reasons, which is sent in its place."""
    reasons = [{name: getattr(_HIDDEN, name) for name in record["reasons"][0]}] if record["reasons"] else []
    return record | _BLANK | {"reasons": reasons}


def shown(record: Mapping[str, Any]) -> str | None:
    """Return the recommendation of a decision as it is sent; `None` where it is masked."""
    hidden = any(reason["code"] == _HIDDEN.code for reason in record["reasons"])
    return None if hidden else str(record["recommendation"])
