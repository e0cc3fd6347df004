"""One answer of the program: the recommendation, its reasons, and everything needed to argue with it."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

Interval = tuple[float, float]
"""The low and the high end of a share."""


class Recommendation(StrEnum):
    """What the program suggests; it advises and never dispatches."""

    ELIGIBLE = "ELIGIBLE"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    REVIEW = "REVIEW"


class Response(StrEnum):
    """Who would answer; the first three are the program's own units."""

    CRISIS_CALL_DIVERSION = "crisis_call_diversion"
    COMMUNITY_RESPONSE = "community_response"
    CO_RESPONSE = "co_response"
    POLICE = "police"
    EMS = "ems"
    FIRE = "fire"


PROGRAM_UNITS = (Response.CRISIS_CALL_DIVERSION, Response.COMMUNITY_RESPONSE, Response.CO_RESPONSE)


class RiskBand(StrEnum):
    """The band of the probability of a danger, a medical need or an attempt; `low` only where it is certified."""

    LOW = "low"
    ELEVATED = "elevated"
    HIGH = "high"
    UNKNOWN = "unknown"


class Contribution(NamedTuple):
    """The part of one signal, word or field in the log-odds of eligibility, before calibration."""

    kind: str
    """`signal`, `word`, `field` or `intercept`."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason: a code, a sentence for the clinician, the exact words and where they stand.

    `start` and `end` index the original note, end exclusive. `rule_id` names the rule or the signal that was found and
    `annotation` how the note means it; `weight` is the part in the log-odds of eligibility.
    """

    code: str
    sentence: str
    words: str | None = None
    start: int | None = None
    end: int | None = None
    rule_id: str | None = None
    annotation: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether the suggested unit is on duty in this zone now, and if not, when next.

    `on_duty` and `in_zone` are `None` where the time or the zone of the call is not known.
    """

    unit: Response
    available: bool | None
    on_duty: bool | None
    in_zone: bool | None
    next_on_duty_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The exact parts that made the decision.

    `model` is the bundle's digest, or `none`; `certified_on` says on which calls its promise was proved: `synthetic`,
    `reference` (published notes of other agencies) or `local` (the city's own), or `none`, or `other_parts` where other
    rules or signals are in use than it was proved with.
    """

    model: str
    rulebook: str
    signals: str
    program: str
    text: str
    certified_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One answer.

    `with_ems` says that an ambulance should go beside the suggested response. Probabilities are calibrated; each interval
    is that of the share of labelled calls of such a probability of which it was true. `risk_probability` is that of any
    of danger, medical need and self-harm. `reasons` are at most six, the strongest first, and `more_reasons` counts the
    others; `hits` are the mentions that the rules found, at most 64, and `more_hits` counts the others; `contributions`
    add up to the log-odds of eligibility. `questions` are the safety questions without an answer. `latency_ms` is the
    time spent inside `Router.decide`.
    """

    decision_id: str
    call_id: str | None
    decided_at: datetime
    recommendation: Recommendation
    response: Response | None
    with_ems: bool
    care_navigation: bool
    eligible_probability: float | None
    danger_probability: float | None
    danger_interval: Interval | None
    medical_probability: float | None
    medical_interval: Interval | None
    self_harm_probability: float | None
    self_harm_interval: Interval | None
    risk_probability: float | None
    risk_interval: Interval | None
    risk_band: RiskBand
    reasons: tuple[Reason, ...]
    more_reasons: int
    hits: tuple[Reason, ...]
    more_hits: int
    contributions: tuple[Contribution, ...]
    questions: tuple[str, ...]
    availability: Availability | None
    missing: tuple[str, ...]
    versions: Versions
    latency_ms: float

    @property
    def vetoed(self) -> bool:
        """Return whether a weapon or a threat of violence ended the decision."""
        return any(reason.code in VETO_CODES for reason in self.reasons)

    def to_dict(self) -> dict[str, object]:
        """Return the decision as plain JSON values; the same over HTTP, in a file, in the ledger and in MLflow."""
        record: dict[str, object] = {name: getattr(self, name) for name in _NAMES}
        record["decided_at"] = self.decided_at.isoformat()
        for listed in ("reasons", "hits"):
            record[listed] = [{name: getattr(reason, name) for name in _REASON} for reason in getattr(self, listed)]
        record["contributions"] = [part._asdict() for part in self.contributions]
        record["versions"] = {name: getattr(self.versions, name) for name in _VERSIONS}
        for listed in ("missing", "questions"):
            record[listed] = list(getattr(self, listed))
        for name in _INTERVALS:
            interval = record[name]
            record[name] = list(interval) if isinstance(interval, tuple) else None
        if self.availability is not None:
            available: dict[str, object] = {name: getattr(self.availability, name) for name in _AVAILABILITY}
            back = self.availability.next_on_duty_at
            available["next_on_duty_at"] = None if back is None else back.isoformat()
            record["availability"] = available
        return record

    def to_json(self) -> str:
        """Return the decision as one line of JSON with its keys in the order of the class."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))


_NAMES, _REASON = tuple(field.name for field in fields(Decision)), tuple(field.name for field in fields(Reason))
_INTERVALS = tuple(name for name in _NAMES if name.endswith("_interval"))
_VERSIONS = tuple(field.name for field in fields(Versions))
_AVAILABILITY = tuple(field.name for field in fields(Availability))

VETO_CODES = frozenset({"veto_weapon", "veto_violence", "weapons_answer", "violence_answer"})
"""Reason codes that end a decision; nothing outvotes them."""
