"""Join a call to a decision. Read this first: it is the whole program on one page.

`Router.decide` runs the veto, then the classifier, then abstains where in doubt, then looks up who is on duty. Training's
evaluation, batch scoring, HTTP and MLflow all call it, so what is judged is what is served, and no path scores a call
without the veto.
"""

import math
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from time import perf_counter

from models.call import Answer, Call, utc_now
from models.classifier import bundle as bundles
from models.classifier.bundle import Bundle
from models.classifier.features import MISSING, row
from models.classifier.scorer import Scores
from models.decision import PROGRAM_UNITS, VETO_CODES, Decision, Reason, Recommendation, Response, RiskBand, Versions
from models.errors import InvalidCall
from models.programs.call_types import UNMAPPED, CallType, canonical, learnt_types, program_types
from models.programs.program import Program, ScreeningNegatives, load_program
from models.reasons import answer_reasons, field_reasons, hit_reasons, missing_reasons, type_reasons, word_reasons
from models.text.normalize import TEXT_VERSION, normalise
from models.text.tokens import Word, model_words
from models.veto.matcher import Rulebook, Scan

_FEW_WORDS = 4
NO_SCORES = Scores(None, None, {})
_EMS = {"medical", "overdose", "suicide_attempt"}
_FIRE = {"fire"}


class Router:
    """Hold a program, a rulebook and a model; share one between threads."""

    def __init__(
        self,
        *,
        bundle: Bundle | None,
        program: Program,
        rulebook: Rulebook,
        now: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Keep the parts; without a bundle the rules still run and every unvetoed call is REVIEW."""
        self.bundle, self.program, self.rulebook = bundle, program, rulebook
        self._now, self._new_id = now, new_id
        self._type_scan = lru_cache(maxsize=1024)(rulebook.scan)  # a city has a few hundred call types
        self.versions = Versions(
            model=bundle.digest if bundle else "none",
            rulebook=rulebook.version,
            program=program.version,
            text=TEXT_VERSION,
        )

    @classmethod
    def load(cls, folder: Path | None, *, program: str | Path | None = None) -> "Router":
        """Load a bundle and a program; raise `BundleError` or `InvalidConfig`."""
        bundle = bundles.load(folder) if folder else None
        return cls(bundle=bundle, program=load_program(program or "durham-heart"), rulebook=Rulebook())

    def decide(self, call: Call) -> Decision:
        """Answer one call; never raises: a fault of ours is a REVIEW that says so."""
        started = perf_counter()
        note, kind = normalise(call.narrative), canonical(call.call_type)
        read = model_words(note.text)
        try:
            scan = self.rulebook.scan_normalised(note, call.narrative)
            type_scan = self._type_scan(call.call_type) if call.call_type else Scan()
        except Exception:  # noqa: BLE001  whatever went wrong, nothing is cleared
            fault = _fault("rules_fault", "The rule layer failed")
            if answers := answer_reasons(call):  # the call-taker's own yes needs no rule layer
                return self._answer(call, Recommendation.NOT_ELIGIBLE, [*answers, fault], started, response=Response.POLICE)
            return self._answer(call, Recommendation.REVIEW, [fault], started)
        scores, faults = self._score(call, read)
        answers_veto = self.program.screening_negatives is ScreeningNegatives.VETO
        vetoes = [
            *hit_reasons(scan.vetoes),
            *type_reasons(type_scan, kind, self.program.excluded_call_types),
            *answer_reasons(call),
            *(hit_reasons(scan.screening, answers_veto=True) if answers_veto else ()),
        ]
        shown = [
            *(() if answers_veto else hit_reasons(scan.screening)),
            *hit_reasons(scan.means),
            *hit_reasons(scan.suppressed, suppressed=True),
        ]
        words = [*word_reasons(scores.words, call.narrative, note, read), *field_reasons(scores.fields, call)]
        if any(reason.code in VETO_CODES for reason in vetoes):
            reasons = [*vetoes, *shown, *faults, *words]
            return self._answer(call, Recommendation.NOT_ELIGIBLE, reasons, started, scores, Response.POLICE)
        doubts = [*faults, *self._doubts(call, scan, scores), *self._thin(read, kind)]
        recommendation = Recommendation.REVIEW if doubts else self._by_threshold(scores)
        recommendation, own = self._by_program(recommendation, kind)
        reasons = [*doubts, *own, *self._band_reason(recommendation, scores, doubts), *shown, *words, *missing_reasons(call)]
        response = self._response(recommendation, scores, kind)
        return self._answer(call, recommendation, reasons, started, scores, response, kind)

    def refuse(self, error: InvalidCall, *, call_id: str | None = None) -> Decision:
        """Answer a row that could not be read as a call: REVIEW, naming the field and never its text."""
        reason = _fault("invalid_call", f"The call could not be read ({error.field}: {error.fault})")
        return self._answer(Call(narrative="", call_id=call_id), Recommendation.REVIEW, [reason], perf_counter())

    def _score(self, call: Call, read: Sequence[Word]) -> tuple[Scores, list[Reason]]:
        """Return the heads' probabilities, or the reason why there are none."""
        if self.bundle is None:
            return NO_SCORES, [_fault("no_model", "No model is loaded; only the rules were read")]
        try:
            scores = self.bundle.scorer.score(row(call, " ".join(word.text for word in read)))
        except Exception:  # noqa: BLE001  whatever went wrong, nothing is cleared
            scores = None
        if scores is None or not all(math.isfinite(p) for p in (scores.eligible, scores.risk) if p is not None):
            return NO_SCORES, [_fault("scoring_fault", "The classifier failed on this call")]
        return scores, []

    def _doubts(self, call: Call, scan: Scan, scores: Scores) -> list[Reason]:
        """List what makes this call a person's to judge, however sure the classifier is."""
        doubts = []
        if not call.narrative.strip():
            doubts.append(_fault("empty_note", "The note is empty"))
        if call.medical_answer in {Answer.YES, Answer.UNKNOWN}:
            doubts.append(_fault("medical_answer", "A medical need was reported or could not be ruled out"))
        if scan.means:
            doubts.append(_fault("self_harm_means", "The note names means of self-harm"))
        if self.program.screening_negatives is ScreeningNegatives.REVIEW:
            given = {"weapons": call.weapons_answer, "violence": call.violence_answer}
            asked = sorted({str(hit.question) for hit in scan.screening if given[str(hit.question)] is not Answer.NONE})
            doubts += [
                _fault(f"confirm_{q}", f"The note records an answer on {q}; confirm it with the caller") for q in asked
            ]
        if scores.eligible is None and not doubts and self.bundle is not None:
            doubts.append(_fault("no_score", "The classifier has no eligible head"))
        return doubts

    def _thin(self, read: Sequence[Word], kind: CallType) -> list[Reason]:
        """Doubt a note that has hardly begun, unless its call type already says that the program does not take it."""
        named = kind.name not in {UNMAPPED, MISSING} and kind.name not in self.program.eligible_call_types
        if named or not 0 < len(read) < _FEW_WORDS:
            return []
        return [_fault("thin_note", "The note holds too few words to judge")]

    def _by_threshold(self, scores: Scores) -> Recommendation:
        """Read the probability against the operating point."""
        if self.bundle is None or scores.eligible is None:
            return Recommendation.REVIEW
        point = self.bundle.operating_point
        if scores.eligible >= point.eligible_at:
            return Recommendation.ELIGIBLE
        return Recommendation.NOT_ELIGIBLE if scores.eligible < point.not_eligible_below else Recommendation.REVIEW

    def _by_program(self, given: Recommendation, kind: CallType) -> tuple[Recommendation, list[Reason]]:
        """Lay the program's own list of call types over what the note says; a guessed type only raises a doubt."""
        name = kind.name.replace("_", " ")
        taken = kind.name in self.program.eligible_call_types
        if given is Recommendation.ELIGIBLE and not taken and kind.name in program_types():
            reason = _fault("call_type_not_taken", f"{self.program.name} does not take the call type {name}")
            return (Recommendation.REVIEW if kind.guessed else Recommendation.NOT_ELIGIBLE), [reason]
        if given is Recommendation.NOT_ELIGIBLE and taken and kind.name not in learnt_types():
            reason = _fault("call_type_not_learnt", f"{self.program.name} takes {name}, which the model has not learnt")
            return Recommendation.REVIEW, [reason]
        return given, []

    def _band_reason(self, given: Recommendation, scores: Scores, doubts: list[Reason]) -> list[Reason]:
        """Say where the probability lies."""
        if scores.eligible is None or doubts:
            return []
        sentence = {
            Recommendation.ELIGIBLE: "The probability is above the certified threshold",
            Recommendation.NOT_ELIGIBLE: "The probability is below the point at which eligible calls are found",
            Recommendation.REVIEW: "The probability lies between the thresholds: a person should judge",
        }[given]
        return [Reason(code=f"score_{given.lower()}", sentence=f"{sentence} ({scores.eligible:.2f}).")]

    def _response(self, given: Recommendation, scores: Scores, kind: CallType) -> Response | None:
        """Suggest who would answer: a unit of the program for ELIGIBLE, another service otherwise."""
        if given is Recommendation.REVIEW:
            return None
        wanted = given is Recommendation.ELIGIBLE
        likely = {
            Response(name): value for name, value in scores.response.items() if (Response(name) in PROGRAM_UNITS) == wanted
        }
        if wanted:
            if self.program.risk_band(scores.risk) is RiskBand.HIGH:
                return self.program.high_risk_unit
            return max(likely, key=lambda unit: likely[unit]) if likely else Response.COMMUNITY_RESPONSE
        if kind.name in _EMS | _FIRE:
            return Response.EMS if kind.name in _EMS else Response.FIRE
        return max(likely, key=lambda unit: likely[unit]) if likely else Response.POLICE

    def _answer(
        self,
        call: Call,
        recommendation: Recommendation,
        reasons: list[Reason],
        started: float,
        scores: Scores = NO_SCORES,
        response: Response | None = None,
        kind: CallType | None = None,
    ) -> Decision:
        """Fill in the decision."""
        now = self._now()
        availability = None if response is None else self.program.availability(response, call.received_at or now, call.zone)
        return Decision(
            decision_id=self._new_id(),
            call_id=call.call_id,
            decided_at=now,
            recommendation=recommendation,
            response=response,
            care_navigation=self._follow_up(call, recommendation, kind),
            eligible_probability=scores.eligible,
            risk_probability=scores.risk,
            risk_interval=self.bundle.risk.interval(scores.risk) if self.bundle else None,
            risk_band=self.program.risk_band(scores.risk),
            reasons=tuple(reasons),
            availability=availability,
            missing=call.missing,
            versions=self.versions,
            latency_ms=round((perf_counter() - started) * 1000, 3),
        )

    def _follow_up(self, call: Call, recommendation: Recommendation, kind: CallType | None) -> bool:
        """Tell whether care navigation should follow up: frequent callers and crises, unless the call was vetoed."""
        if recommendation is Recommendation.NOT_ELIGIBLE or kind is None:
            return False
        often = (call.calls_30d or 0) >= self.program.follow_up_calls_30d
        return often or kind.name in self.program.follow_up_call_types


def _fault(code: str, sentence: str) -> Reason:
    """Make a reason that has no words of the note."""
    return Reason(code=code, sentence=f"{sentence}.")
