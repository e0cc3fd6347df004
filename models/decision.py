"""Describe one answer of the program: the recommendation, its reasons, and everything needed to argue with it."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum


class Recommendation(StrEnum):
    """Say what the program suggests; it advises and never dispatches."""

    ELIGIBLE = "ELIGIBLE"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    REVIEW = "REVIEW"


class Response(StrEnum):
    """Name who would answer; the first three are the program's own units."""

    CRISIS_CALL_DIVERSION = "crisis_call_diversion"
    COMMUNITY_RESPONSE = "community_response"
    CO_RESPONSE = "co_response"
    POLICE = "police"
    EMS = "ems"
    FIRE = "fire"


PROGRAM_UNITS = (Response.CRISIS_CALL_DIVERSION, Response.COMMUNITY_RESPONSE, Response.CO_RESPONSE)


class RiskBand(StrEnum):
    """Name the band of the chance of an adverse event, were an unarmed team to go."""

    LOW = "low"
    ELEVATED = "elevated"
    HIGH = "high"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Hold one reason: a code, a sentence for the clinician, the exact words and where they stand.

    `start` and `end` index the original note, end exclusive. `rule_id` and `annotation` are set for rule hits,
    `weight` (log-odds) for words that moved the classifier, `read_as` where it reads a neutral word in their place.
    """

    code: str
    sentence: str
    words: str | None = None
    start: int | None = None
    end: int | None = None
    rule_id: str | None = None
    annotation: str | None = None
    weight: float | None = None
    read_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Say whether the suggested unit is on duty in this zone now, and if not, when next.

    `on_duty` and `in_zone` are `None` where the time or the zone of the call is not known.
    """

    unit: Response
    available: bool | None
    on_duty: bool | None
    in_zone: bool | None
    next_on_duty_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Name the exact parts that made the decision; `model` is the bundle's digest, or `none`."""

    model: str
    rulebook: str
    program: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Hold one answer. `latency_ms` is the time spent inside `Router.decide`.

    `risk_interval` holds the ends of the share of adverse events that calls of such a risk met where a team went.
    """

    decision_id: str
    call_id: str | None
    decided_at: datetime
    recommendation: Recommendation
    response: Response | None
    care_navigation: bool
    eligible_probability: float | None
    risk_probability: float | None
    risk_interval: tuple[float, float] | None
    risk_band: RiskBand
    reasons: tuple[Reason, ...]
    availability: Availability | None
    missing: tuple[str, ...]
    versions: Versions
    latency_ms: float

    @property
    def vetoed(self) -> bool:
        """Tell whether a weapon or a threat of violence ended the decision."""
        return any(reason.code in VETO_CODES for reason in self.reasons)

    def to_dict(self) -> dict[str, object]:
        """Write the decision as plain JSON values; the same over HTTP, in a file, in the ledger and in MLflow."""
        record: dict[str, object] = {name: getattr(self, name) for name in _NAMES}
        record["decided_at"] = self.decided_at.isoformat()
        record["reasons"] = [{name: getattr(reason, name) for name in _REASON} for reason in self.reasons]
        record["versions"] = {name: getattr(self.versions, name) for name in _VERSIONS}
        record["missing"] = list(self.missing)
        record["risk_interval"] = None if self.risk_interval is None else list(self.risk_interval)
        if self.availability is not None:
            available: dict[str, object] = {name: getattr(self.availability, name) for name in _AVAILABILITY}
            back = self.availability.next_on_duty_at
            available["next_on_duty_at"] = None if back is None else back.isoformat()
            record["availability"] = available
        return record

    def to_json(self) -> str:
        """Write the decision as one line of JSON with its keys in the order of the class."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))


_NAMES, _REASON = tuple(field.name for field in fields(Decision)), tuple(field.name for field in fields(Reason))
_VERSIONS = tuple(field.name for field in fields(Versions))
_AVAILABILITY = tuple(field.name for field in fields(Availability))

VETO_CODES = frozenset({"veto_weapon", "veto_violence", "weapons_answer", "violence_answer"})
"""Reason codes that end a decision; nothing outvotes them."""
