"""The schemas of requests and answers; unknown fields are refused.

`DecisionOut` documents `Decision.to_json`, which is what is sent; a test compares the two.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, Strict, model_validator

from models.call import MAX_NARRATIVE, Answer, Call, CallerParty, Source
from models.common.instants import parse_instant
from models.decision import Recommendation, Response, RiskBand
from models.errors import InvalidInstant
from models.ledger.records import ADVERSE_EVENTS, OVERRIDE_REASONS, UNSERVED_REASONS

_EXAMPLE: dict[str, JsonValue] = {
    "narrative": "RP adv male asleep in doorway of store, refusing to leave, no shoes, talking to himself",
    "call_id": "2026-000123",
    "received_at": "2026-03-03T14:05:00-05:00",
    "call_type": "Trespass",
    "source": "911",
    "zone": "D1",
    "caller_party": "third",
    "weapons_answer": "none",
    "violence_answer": "none",
    "medical_answer": "none",
}


def _instant(value: object) -> object:
    """Return an instant in UTC; raise `ValueError` for anything else, also for a number, whose unit is unknown."""
    if value is None:
        return None
    if not isinstance(value, str | datetime):
        raise ValueError("send text, such as 2026-03-01T03:12:00-05:00")  # noqa: TRY004  pydantic turns it into an error
    try:
        return parse_instant(value, whole_days=False)
    except InvalidInstant as error:
        fault = error.fault
    raise ValueError(fault)


class CallIn(BaseModel):
    """A call; every field but the narrative may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [_EXAMPLE]})

    narrative: str = Field(max_length=MAX_NARRATIVE, description="The call-taker's note as typed so far.")
    call_id: str | None = Field(default=None, max_length=200, description="The CAD incident number.")
    received_at: Annotated[AwareDatetime | None, BeforeValidator(_instant)] = Field(
        default=None, strict=False, description="When the call came in, with its offset."
    )
    call_type: str | None = Field(default=None, max_length=200, description="The CAD nature code, as the agency writes it.")
    priority: str | None = Field(default=None, max_length=200)
    source: Source | None = Field(default=None, strict=False)
    zone: str | None = Field(default=None, max_length=200)
    caller_party: CallerParty | None = Field(default=None, strict=False)
    language: str | None = Field(default=None, max_length=200)
    calls_24h: int | None = Field(default=None, ge=0, le=1_000_000, description="Earlier calls from this caller or address.")
    calls_30d: int | None = Field(default=None, ge=0, le=1_000_000)
    premise_hazard: bool | None = None
    weapons_answer: Answer | None = Field(default=None, strict=False)
    violence_answer: Answer | None = Field(default=None, strict=False)
    medical_answer: Answer | None = Field(default=None, strict=False)
    caller_key: str | None = Field(default=None, max_length=200, description="The caller; only a keyed hash is stored.")
    address_key: str | None = Field(default=None, max_length=200, description="The address; only a keyed hash is stored.")

    def to_call(self) -> Call:
        """Return the call; it cannot fail, because the fields are validated."""
        return Call(**{name: getattr(self, name) for name in _OF_CALL})


_OF_CALL = tuple(name for name in CallIn.model_fields if name not in {"caller_key", "address_key"})


class CallerIn(BaseModel):
    """A caller; the key is hashed at once, and is in no URL and no log."""

    model_config = ConfigDict(extra="forbid")

    caller_key: str = Field(min_length=1, max_length=200)


class FeedbackIn(BaseModel):
    """A person's judgement of a decision; a correction is sent as another judgement, and earlier ones are kept."""

    model_config = ConfigDict(extra="forbid")

    human: Recommendation = Field(description="What the person decided.")
    reason: Literal[OVERRIDE_REASONS] = Field(default="agree", description="Why, from the closed list.")  # type: ignore[valid-type]
    response: Response | None = Field(default=None, description="The unit that was sent or requested.")
    comment: str | None = Field(
        default=None, max_length=1000, description="Stored encrypted, and only where notes are kept."
    )
    withdrawn: bool = Field(default=False, description="Withdraws this person's earlier judgement; both stay in the ledger.")
    elapsed_ms: Annotated[int | None, Strict()] = Field(
        default=None, ge=0, le=86_400_000, description="From the first suggestion to the decision."
    )


class OutcomeIn(BaseModel):
    """The outcome of a call: the after-call safety survey, or why nobody went."""

    model_config = ConfigDict(extra="forbid")

    served: bool = Field(description="Whether a team of the program went or called.")
    unit: Response | None = None
    unserved_reason: Literal[UNSERVED_REASONS] | None = None  # type: ignore[valid-type]
    adverse_event: Literal[ADVERSE_EVENTS] | None = None  # type: ignore[valid-type]
    felt_safe: bool | None = None
    resolved: bool | None = None
    transported: bool | None = None
    arrested: bool | None = None
    no_contact: bool | None = None

    @model_validator(mode="after")
    def _together(self) -> Self:
        """Refuse an unserved reason for a served call, and an unserved call without one."""
        if self.served and self.unserved_reason is not None:
            raise ValueError("unserved_reason is for calls that nobody went to")
        if not self.served and self.unserved_reason is None:
            raise ValueError("unserved_reason is missing: why did nobody go?")
        return self


class _Out(BaseModel):
    """A part of an answer; an undocumented field is an error."""

    model_config = ConfigDict(extra="forbid")


class ReasonOut(_Out):
    """One reason; `start` and `end` index the original note, end exclusive."""

    code: str
    sentence: str
    words: str | None
    start: int | None
    end: int | None
    rule_id: str | None
    annotation: str | None
    weight: float | None


class ContributionOut(_Out):
    """The part of one signal, word or field in the log-odds of eligibility, before calibration."""

    kind: str
    name: str
    weight: float


class AvailabilityOut(_Out):
    """Whether the suggested unit is on duty in the zone now."""

    unit: Response
    available: bool | None
    on_duty: bool | None
    in_zone: bool | None
    next_on_duty_at: datetime | None


class VersionsOut(_Out):
    """The versions of the parts that made the decision."""

    model: str
    rulebook: str
    signals: str
    program: str
    text: str
    certified_on: str


class DecisionOut(_Out):
    """One decision. It is a suggestion: a person decides."""

    decision_id: str
    call_id: str | None
    decided_at: datetime
    recommendation: Recommendation
    response: Response | None
    with_ems: bool
    care_navigation: bool
    eligible_probability: float | None
    danger_probability: float | None
    danger_interval: tuple[float, float] | None
    medical_probability: float | None
    medical_interval: tuple[float, float] | None
    self_harm_probability: float | None
    self_harm_interval: tuple[float, float] | None
    risk_probability: float | None
    risk_interval: tuple[float, float] | None
    risk_band: RiskBand
    reasons: list[ReasonOut]
    more_reasons: int
    hits: list[ReasonOut]
    more_hits: int
    contributions: list[ContributionOut]
    questions: list[str]
    availability: AvailabilityOut | None
    missing: list[str]
    versions: VersionsOut
    latency_ms: float


class HeldVetoOut(_Out):
    """A veto whose words were removed from the note; it counts until a person clears it by its id."""

    id: str
    rule_id: str
    words: str
    decision_id: str


class AnswerOut(_Out):
    """One answer to a note that is being typed, on the WebSocket or over HTTP.

    `shown` is the answer to show: the recommendation, NOT_ELIGIBLE while a veto is held, or null where a trial hides it.
    `pending` are the indices of the reasons that touch the word still being typed. `session` continues the call on another
    connection or over HTTP.
    """

    type: Literal["decision"]
    seq: int
    final: bool
    at: datetime
    decision: DecisionOut
    shown: Recommendation | None
    held_vetoes: list[HeldVetoOut]
    pending: list[int]
    session: str


class ProblemOut(BaseModel):
    """An error as RFC 9457 defines it; it never repeats the note."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = []


class LiveOut(BaseModel):
    """The state of the process."""

    status: str


class ReadyOut(BaseModel):
    """Whether decisions can be made, and by which model.

    `status` is `ready`, or `degraded` where no model is loaded and every unvetoed call is REVIEW, or where the ledger
    cannot be written and no decision is given; `detail` names the cause.
    """

    status: str
    detail: str
    model: str
    challenger: str | None
    ledger: bool


class EntryOut(BaseModel):
    """One entry of the ledger; `repeated` is true where an earlier request with the same idempotency key wrote it."""

    seq: int
    content: dict[str, JsonValue]
    repeated: bool = False


class ReloadOut(BaseModel):
    """Whether the active model changed, and which it is."""

    changed: bool
    detail: str
    model: str
    challenger: str | None


class VerdictOut(BaseModel):
    """The result of verifying the ledger: whether it is whole, and the verdict in words."""

    whole: bool
    entries: int
    said: str


class ModelOut(BaseModel):
    """The model in use."""

    versions: VersionsOut
    operating_point: dict[str, object]
    training: dict[str, object]
