"""What follows from a reading and its scores: the veto, the doubts, the thresholds, the program, and who answers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from models.call import Answer
from models.classifier.bundle import Bundle
from models.classifier.familiarity import is_content, unfamiliar_share
from models.classifier.features import MISSING
from models.classifier.heads import RISKS
from models.classifier.scorer import Scores
from models.decision import PROGRAM_UNITS, Availability, Recommendation, Response, RiskBand
from models.programs.call_types import UNMAPPED, program_types
from models.programs.program import Program
from models.programs.schema import ScreeningNegatives, ViolenceNegated
from models.reading import Reading
from models.signals.detector import Signal
from models.veto import Hit

QUESTIONS = ("weapons", "violence", "medical")
"""The safety questions that a call-taker asks."""

_FEW_WORDS = 4
_LIKELY = 0.5
_UNSAFE = frozenset({Answer.YES, Answer.UNKNOWN})
_OPEN = frozenset({None, Answer.NOT_ASKED})
_RISK_WORDS = {
    "danger": "a weapon or violence",
    "medical": "a need for an ambulance first",
    "self_harm": "an attempt under way or imminent",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """A named ground of a verdict, the sentence that a clinician reads, and where in the note it stands, if anywhere."""

    code: str
    sentence: str
    place: Hit | Signal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is recommended and who would answer.

    `doubts` are why a person must judge, `notes` what the program's own list says, `score` where the probability lies.
    `program_excludes` names a call type that the program excludes where no rule fired on its words; `recorded_vetoes`
    says that the program lets a recorded "no weapons" veto.
    """

    recommendation: Recommendation
    response: Response | None
    availability: Availability | None
    risk_band: RiskBand
    with_ems: bool = False
    care_navigation: bool = False
    vetoed: bool = False
    recorded_vetoes: bool = False
    negated_vetoes: bool = False
    program_excludes: str | None = None
    doubts: tuple[Ground, ...] = ()
    notes: tuple[Ground, ...] = ()
    score: tuple[Ground, ...] = ()


class Policy:
    """A program's criteria and a model's operating point."""

    def __init__(
        self, program: Program, bundle: Bundle | None, *, program_groups: Iterable[str], now: Callable[[], datetime]
    ) -> None:
        """Store the program, the bundle (none: every call that is not vetoed is REVIEW) and the clock.

        `program_groups` are the groups of signals that speak for a call of the program's own.
        """
        self.program, self.bundle, self._now = program, bundle, now
        self._program_groups = frozenset(program_groups)
        self._vocabulary = bundle.vocabulary if bundle else frozenset()

    def judge(self, reading: Reading, scores: Scores, *, attended: bool = False) -> Verdict:
        """Return the verdict on one call: a veto first, then doubt, then the probability, then the program's own list.

        `attended` says that a person is taking the call, who can still ask the safety questions.
        """
        recorded_vetoes = self.program.screening_negatives is ScreeningNegatives.VETO
        excluded = self._excluded(reading)
        if self._vetoed(reading, excluded, recorded_vetoes=recorded_vetoes):
            return self._verdict(
                reading, scores, Recommendation.NOT_ELIGIBLE, Response.POLICE, vetoed=True,
                recorded_vetoes=recorded_vetoes, negated_vetoes=self._negated_vetoes, program_excludes=excluded,
                doubts=self._faults(reading, scores),
            )  # fmt: skip
        doubts = self._doubts(reading, scores)
        recommendation = Recommendation.REVIEW if doubts else self._by_threshold(scores)
        if recommendation is Recommendation.ELIGIBLE:
            doubts = self._cautions(reading, scores, attended=attended)
            recommendation = Recommendation.REVIEW if doubts else recommendation
        recommendation, notes = self._by_program(recommendation, reading)
        response, with_ems = self._response(recommendation, reading, scores)
        return self._verdict(
            reading, scores, recommendation, response, with_ems=with_ems,
            care_navigation=self._follow_up(recommendation, reading), doubts=doubts,
            notes=notes, score=self._by_probability(recommendation, scores, doubts),
        )  # fmt: skip

    def _vetoed(self, reading: Reading, excluded: str | None, *, recorded_vetoes: bool) -> bool:
        """Return whether a weapon, violence or a threat ends the decision."""
        answers = (reading.call.weapons_answer, reading.call.violence_answer)
        return bool(
            reading.veto.vetoes
            or reading.type_veto.vetoes
            or excluded
            or not _UNSAFE.isdisjoint(answers)
            or (recorded_vetoes and reading.veto.screening)
            or (self._negated_vetoes and (reading.veto.negated or reading.type_veto.negated))
        )

    @property
    def _negated_vetoes(self) -> bool:
        """Whether the program lets plainly negated violence end a decision."""
        return self.program.violence_negated is ViolenceNegated.VETO

    def _excluded(self, reading: Reading) -> str | None:
        """Return the call type where it is dangerous or excluded and its own words do not veto already."""
        kind = reading.call_type
        excluded = kind.danger is not None or kind.name in self.program.excluded_call_types
        return kind.name if excluded and not reading.rules_failed and not reading.type_veto.vetoes else None

    def _faults(self, reading: Reading, scores: Scores) -> tuple[Ground, ...]:
        """Return the parts of Heartline that failed on this call."""
        if reading.rules_failed:
            return (Ground("rules_fault", "The rule layer failed."),)
        if self.bundle is None:
            return (Ground("no_model", "No model is loaded; only the rules were read."),)
        return (Ground("scoring_fault", "The classifier failed on this call."),) if scores.failed else ()

    def _doubts(self, reading: Reading, scores: Scores) -> tuple[Ground, ...]:
        """Return why a person must judge this call, however sure the classifier is."""
        faults = self._faults(reading, scores)
        if reading.rules_failed:
            return faults
        call, doubts = reading.call, list(faults)
        if not call.narrative.strip():
            doubts.append(Ground("empty_note", "The note is empty."))
        if call.medical_answer in _UNSAFE:
            doubts.append(Ground("medical_answer", "A medical need was reported or could not be ruled out."))
        doubts += self._clinician_now(reading)
        doubts += [
            Ground("self_harm_means", f'"{hit.words}" may be a means of self-harm.', hit) for hit in reading.veto.means[:1]
        ]
        if call.weapons_answer is not Answer.NONE:
            doubts += [
                Ground("object_named", f'"{hit.words}" can be a weapon: ask what is done with it.', hit)
                for hit in reading.veto.objects[:1]
            ]
        doubts += self._unconfirmed(reading)
        negated = reading.veto.negated or reading.type_veto.negated
        if negated and call.violence_answer is not Answer.NONE:
            doubts.append(Ground("violence_negated", "The note says that there is no violence; confirm it with the caller."))
        if scores.eligible is None and not doubts:
            doubts.append(Ground("no_score", "The classifier has no eligible head."))
        return (*doubts, *self._thin(reading))

    def _clinician_now(self, reading: Reading) -> list[Ground]:
        """Return the first signal of an attempt under way or of the means at hand: a clinician is needed now."""
        return _first_of("self-harm-now", reading, code="clinician_now", words="Clinician now")

    def _unconfirmed(self, reading: Reading) -> list[Ground]:
        """Return the answers that the note records and no structured answer confirms."""
        if self.program.screening_negatives is not ScreeningNegatives.REVIEW:
            return []
        answers = {"weapons": reading.call.weapons_answer, "violence": reading.call.violence_answer}
        open_hits = {
            str(hit.question): hit for hit in reading.veto.screening if answers[str(hit.question)] is not Answer.NONE
        }
        sentence = 'The note records an answer on {} ("{}"); confirm it with the caller.'
        return [
            Ground(f"confirm_{question}", sentence.format(question, hit.words), hit)
            for question, hit in sorted(open_hits.items())
        ]

    def _thin(self, reading: Reading) -> tuple[Ground, ...]:
        """Return the doubt about a note of few words, unless its call type says that the program does not take the call."""
        name = reading.call_type.name
        named = name not in {UNMAPPED, MISSING} and name not in self.program.eligible_call_types
        if named or not 0 < len(reading.words) < _FEW_WORDS:
            return ()
        return (Ground("thin_note", "The note holds too few words to judge."),)

    def _by_threshold(self, scores: Scores) -> Recommendation:
        """Return what the probability says at the operating point."""
        if self.bundle is None or scores.eligible is None:
            return Recommendation.REVIEW
        point = self.bundle.operating_point
        if scores.eligible >= point.eligible_at:
            return Recommendation.REVIEW if self.bundle.review_only else Recommendation.ELIGIBLE
        return Recommendation.NOT_ELIGIBLE if scores.eligible < point.not_eligible_below else Recommendation.REVIEW

    def _cautions(self, reading: Reading, scores: Scores, *, attended: bool) -> tuple[Ground, ...]:
        """Return what keeps a probable call from ELIGIBLE: a risk, a note that is not understood, an open question."""
        cautions = [
            *_first_of("medical-urgent", reading, code="ambulance_first", words="An ambulance first"),
            *_first_of("predatory", reading, code="danger_sign", words="A sign of danger"),
            *self._risky(scores),
            *self._not_understood(reading),
        ]
        if attended and self.program.ask_before_eligible:
            cautions += [
                Ground(f"ask_{name}", f"The question on {name} has no answer yet: ask it.")
                for name in QUESTIONS
                if getattr(reading.call, f"{name}_answer") in _OPEN
            ]
        return tuple(cautions)

    def _risky(self, scores: Scores) -> list[Ground]:
        """Return the risks that lie above the certified bound."""
        if self.bundle is None:
            return []
        bound, risks = self.bundle.operating_point.max_risk, {name: getattr(scores, name) or 0.0 for name in RISKS}
        return [
            Ground(f"risk_{name}", f"The risk of {_RISK_WORDS[name]} is above the certified bound ({risks[name]:.2f}).")
            for name in sorted(risks, key=lambda name: -risks[name])
            if risks[name] > bound
        ]

    def _not_understood(self, reading: Reading) -> list[Ground]:
        """Return why the note does not say enough that is known to be the program's."""
        spoken_for = any(signal.asserted and signal.group in self._program_groups for signal in reading.signals)
        if not spoken_for and not self._is_named_by_type(reading):
            return [
                Ground("no_program_signal", "Neither the note nor the call type names a situation that the program answers.")
            ]
        if self.bundle is None:
            return []
        share = unfamiliar_share(reading, self._vocabulary)
        if share <= self.bundle.operating_point.max_unfamiliar:
            return []
        return [Ground("unfamiliar_note", "The note says little that the model has learnt.")]

    def _is_named_by_type(self, reading: Reading) -> bool:
        """Return whether the call-taker's own call type names a situation of the program and the note says something too."""
        kind = reading.call_type
        if kind.guessed or kind.name not in self.program.eligible_call_types:
            return False
        return sum(is_content(word.text) for word in reading.words) >= _FEW_WORDS

    def _by_program(self, recommendation: Recommendation, reading: Reading) -> tuple[Recommendation, tuple[Ground, ...]]:
        """Apply the program's own list of call types to what the note says; a guessed type only raises a doubt."""
        if reading.rules_failed:
            return recommendation, ()
        kind = reading.call_type
        name, taken = kind.name.replace("_", " "), kind.name in self.program.eligible_call_types
        if recommendation is Recommendation.ELIGIBLE and not taken and kind.name in program_types():
            note = Ground("call_type_not_taken", f"{self.program.name} does not take the call type {name}.")
            return (Recommendation.REVIEW if kind.guessed else Recommendation.NOT_ELIGIBLE), (note,)
        if (
            recommendation is Recommendation.NOT_ELIGIBLE
            and taken
            and self.bundle
            and kind.name not in self.bundle.learnt_types
        ):
            note = Ground("call_type_not_learnt", f"{self.program.name} takes {name}, which the model has not learnt.")
            return Recommendation.REVIEW, (note,)
        return recommendation, ()

    def _by_probability(
        self, recommendation: Recommendation, scores: Scores, doubts: tuple[Ground, ...]
    ) -> tuple[Ground, ...]:
        """Return where the probability lies, unless a doubt decided."""
        if scores.eligible is None or doubts:
            return ()
        sentence = {
            Recommendation.ELIGIBLE: "The probability is above the certified threshold",
            Recommendation.NOT_ELIGIBLE: "The probability is below the point at which eligible calls are found",
            Recommendation.REVIEW: "The probability lies between the thresholds: a person should judge",
        }[recommendation]
        return (Ground(f"score_{recommendation.lower()}", f"{sentence} ({scores.eligible:.2f})."),)

    def _response(self, recommendation: Recommendation, reading: Reading, scores: Scores) -> tuple[Response | None, bool]:
        """Return who would answer, and whether an ambulance should go as well: the risk first, then what is likely."""
        groups = {signal.group for signal in reading.signals if signal.asserted}
        if "medical-urgent" in groups and recommendation is not Recommendation.ELIGIBLE:
            return Response.EMS, False
        if "self-harm-now" in groups:
            return self.program.high_risk_unit, True
        if recommendation is Recommendation.REVIEW:
            return (Response.EMS, False) if (scores.medical or 0.0) >= _LIKELY else (None, False)
        if recommendation is Recommendation.ELIGIBLE:
            return self._unit(scores), False
        return self._other_service(reading, scores), False

    def _unit(self, scores: Scores) -> Response:
        """Return the program's unit: the one for high risk, or the likeliest."""
        if self._band(scores) is RiskBand.HIGH:
            return self.program.high_risk_unit
        likely = {unit: scores.response.get(unit, 0.0) for unit in PROGRAM_UNITS}
        return max(likely, key=lambda unit: likely[unit]) if any(likely.values()) else Response.COMMUNITY_RESPONSE

    def _other_service(self, reading: Reading, scores: Scores) -> Response:
        """Return the service for a call that is not the program's."""
        if reading.call_type.responder is not None:
            return Response(reading.call_type.responder)
        others = [response for response in Response if response not in PROGRAM_UNITS]
        likely = {response: scores.response.get(response, 0.0) for response in others}
        return max(likely, key=lambda response: likely[response]) if any(likely.values()) else Response.POLICE

    def _band(self, scores: Scores) -> RiskBand:
        """Return the band of the risk: `low` is the model's certified one, `high` the program's."""
        if scores.risk is None or self.bundle is None:
            return RiskBand.UNKNOWN
        if scores.risk >= self.program.risk_high:
            return RiskBand.HIGH
        low = self.bundle.operating_point.low_risk_below
        if low is None:
            return RiskBand.UNKNOWN
        return RiskBand.LOW if scores.risk < low else RiskBand.ELEVATED

    def _follow_up(self, recommendation: Recommendation, reading: Reading) -> bool:
        """Return whether care navigation should follow up: frequent callers and crises."""
        if recommendation is Recommendation.NOT_ELIGIBLE or reading.rules_failed:
            return False
        often = (reading.call.calls_30d or 0) >= self.program.follow_up_calls_30d
        return often or reading.call_type.name in self.program.follow_up_call_types

    def _verdict(
        self, reading: Reading, scores: Scores, recommendation: Recommendation, response: Response | None, **more: object
    ) -> Verdict:
        """Return the verdict with the risk's band and the unit's hours."""
        at = reading.call.received_at or self._now()
        availability = None if response is None else self.program.availability(response, at, reading.call.zone)
        return Verdict(
            recommendation=recommendation,
            response=response,
            availability=availability,
            risk_band=self._band(scores),
            **more,  # type: ignore[arg-type]  # named by `judge` alone
        )


def _first_of(group: str, reading: Reading, *, code: str, words: str) -> list[Ground]:
    """Return the first asserted signal of a group as a ground, or nothing."""
    signals = [signal for signal in reading.signals if signal.asserted and signal.group == group]
    return [Ground(code, f"{words}: {signal.sentence}.", signal) for signal in signals[:1]]
