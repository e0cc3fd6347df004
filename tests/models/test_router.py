"""The order of a decision: the veto first, doubt before probability, and safe whatever fails."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.call import Answer, Call
from models.classifier.scorer import Scores
from models.decision import Recommendation, Response, RiskBand
from models.programs.program import ScreeningNegatives
from models.router import Router

CLEAR = "transient male sleeping in doorway of store, refusing to leave, mgr wants him moved along"
SAFE = {"weapons_answer": Answer.NONE, "violence_answer": Answer.NONE, "medical_answer": Answer.NONE}


class Fixed:
    """Answer every call with the same scores, or fail."""

    def __init__(self, eligible=0.99, risk=0.001, fault=None):
        """Keep what to say."""
        self.scores = Scores(eligible, risk, {"community_response": 0.7, "police": 0.2, "crisis_call_diversion": 0.1})
        self.fault = fault

    def score(self, _features):
        """Say it."""
        if self.fault:
            raise self.fault
        return self.scores


@pytest.fixture
def with_scores(router):
    """Return a function that makes a router around fixed scores."""

    def make(**given):
        point = replace(router.bundle.operating_point, eligible_at=0.8, not_eligible_below=0.2)
        bundle = replace(router.bundle, scorer=Fixed(**given), operating_point=point)
        return Router(bundle=bundle, program=router.program, rulebook=router.rulebook)

    return make


def codes(decision):
    """Return the reason codes of a decision."""
    return [reason.code for reason in decision.reasons]


def test_a_veto_ends_it_and_the_scores_are_still_recorded(with_scores):
    """However sure the classifier is, a knife is NOT_ELIGIBLE, with the words that fired."""
    decision = with_scores(eligible=1.0).decide(
        Call(narrative="calm male holding a KNIFE", call_type="Welfare Check", **SAFE)
    )
    assert decision.recommendation is Recommendation.NOT_ELIGIBLE
    assert decision.response is Response.POLICE
    assert (decision.reasons[0].code, decision.reasons[0].words) == ("veto_weapon", "KNIFE")
    assert decision.eligible_probability == 1.0
    assert not decision.care_navigation


@pytest.mark.parametrize("answer", [Answer.YES, Answer.UNKNOWN])
@pytest.mark.parametrize("question", ["weapons_answer", "violence_answer"])
def test_a_structured_yes_or_unknown_vetoes_whatever_the_note_says(with_scores, question, answer):
    """The call-taker's answer outranks the text."""
    decision = with_scores().decide(Call(narrative=CLEAR, **(SAFE | {question: answer})))
    assert decision.recommendation is Recommendation.NOT_ELIGIBLE
    assert question in codes(decision)


@pytest.mark.parametrize("call_type", ["Person with a Gun", "Assault", "SHOTS FIRED", "Brandishing", "Armed Robbery"])
def test_a_call_type_can_be_the_mention(with_scores, call_type):
    """A harmless note under a dangerous call type is not cleared."""
    decision = with_scores().decide(Call(narrative=CLEAR, call_type=call_type, **SAFE))
    assert decision.recommendation is Recommendation.NOT_ELIGIBLE
    assert decision.vetoed


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.8, "ELIGIBLE"), (0.79, "REVIEW"), (0.2, "REVIEW"), (0.19, "NOT_ELIGIBLE")],
)
def test_the_operating_point_has_three_answers(with_scores, probability, expected):
    """At or over the upper threshold, under the lower, and in between."""
    assert with_scores(eligible=probability).decide(Call(narrative=CLEAR, **SAFE)).recommendation == expected


@pytest.mark.parametrize(
    ("narrative", "answers", "code"),
    [
        ("", SAFE, "empty_note"),
        ("  \n ", SAFE, "empty_note"),
        (CLEAR, SAFE | {"medical_answer": Answer.YES}, "medical_answer"),
        (CLEAR + ", no weapons seen", {}, "confirm_weapons"),
        (CLEAR + ", not violent", {}, "confirm_violence"),
        ("crying, wants to die, pills on table", SAFE, "self_harm_means"),
    ],
)
def test_in_doubt_it_says_review(with_scores, narrative, answers, code):
    """Doubt outranks probability."""
    decision = with_scores(eligible=1.0).decide(Call(narrative=narrative, **answers))
    assert decision.recommendation is Recommendation.REVIEW
    assert code in codes(decision)
    assert decision.response is None


def test_the_structured_answer_resolves_a_recorded_no_weapons(with_scores):
    """Once weapons_answer is none, the phrase in the note is no obstacle."""
    decision = with_scores().decide(Call(narrative=CLEAR + ", no weapons seen", **SAFE))
    assert decision.recommendation is Recommendation.ELIGIBLE


@pytest.mark.parametrize(("setting", "expected"), [("veto", "NOT_ELIGIBLE"), ("review", "REVIEW"), ("clear", "ELIGIBLE")])
def test_the_program_says_what_a_screening_answer_does(with_scores, setting, expected):
    """Veto, review and clear, as screening_negatives has it."""
    router = with_scores()
    router.program = replace(router.program, screening_negatives=ScreeningNegatives(setting))
    assert router.decide(Call(narrative=CLEAR + ", no wpns seen")).recommendation == expected


def test_a_veto_by_setting_cannot_be_resolved_by_another_mention(with_scores):
    """A screening answer excuses nothing else in the note."""
    decision = with_scores().decide(Call(narrative="no weapons seen, male has a knife", **SAFE))
    assert decision.recommendation is Recommendation.NOT_ELIGIBLE


def test_a_fault_in_scoring_is_a_review_that_says_so(with_scores):
    """Never ELIGIBLE, never NOT_ELIGIBLE, and never an exception's text."""
    decision = with_scores(fault=RuntimeError("secret")).decide(Call(narrative=CLEAR, **SAFE))
    assert decision.recommendation is Recommendation.REVIEW
    assert "scoring_fault" in codes(decision)
    assert "secret" not in decision.to_json()


def test_a_fault_in_scoring_does_not_stop_the_veto(with_scores):
    """The rules stand alone."""
    decision = with_scores(fault=RuntimeError()).decide(Call(narrative="has a gun"))
    assert decision.recommendation is Recommendation.NOT_ELIGIBLE


def test_a_fault_in_the_rules_is_a_review(with_scores):
    """Without the veto nothing is judged."""
    router = with_scores()
    router.rulebook = None
    assert codes(router.decide(Call(narrative=CLEAR, **SAFE))) == ["rules_fault"]


def test_the_call_takers_yes_needs_no_rules(with_scores):
    """Even where the rule layer fails, a structured yes vetoes."""
    router = with_scores()
    router.rulebook = None
    decision = router.decide(Call(narrative=CLEAR, weapons_answer=Answer.YES))
    assert decision.recommendation is Recommendation.NOT_ELIGIBLE
    assert codes(decision) == ["weapons_answer", "rules_fault"]


@pytest.mark.parametrize("broken", [{"eligible": float("nan")}, {"risk": float("inf")}])
def test_a_probability_that_is_no_number_is_a_fault(with_scores, broken):
    """Not a number is never compared with a threshold, and never sent."""
    decision = with_scores(**broken).decide(Call(narrative=CLEAR, **SAFE))
    assert decision.recommendation is Recommendation.REVIEW
    assert "scoring_fault" in codes(decision)
    assert decision.eligible_probability is None


def test_without_a_model_the_rules_still_run(rules_router):
    """Vetoes veto; everything else is REVIEW with that reason."""
    assert rules_router.decide(Call(narrative="shots fired")).recommendation is Recommendation.NOT_ELIGIBLE
    decision = rules_router.decide(Call(narrative=CLEAR, **SAFE))
    assert decision.recommendation is Recommendation.REVIEW
    assert "no_model" in codes(decision)
    assert decision.risk_band is RiskBand.UNKNOWN


def test_high_risk_goes_to_the_unit_with_an_officer(with_scores):
    """An eligible call of high risk is co-response's."""
    decision = with_scores(risk=0.5).decide(Call(narrative=CLEAR, **SAFE))
    assert (decision.risk_band, decision.response) == (RiskBand.HIGH, Response.CO_RESPONSE)


def test_who_is_on_duty_is_told_for_the_units_own_city(with_scores):
    """At three in the morning the community team is off, and the decision says from when."""
    at = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)  # 03:00 in Durham
    given = with_scores().decide(Call(narrative=CLEAR, received_at=at, zone="D1", **SAFE)).availability
    assert (given.available, given.on_duty) == (False, False)
    assert given.next_on_duty_at.isoformat() == "2026-03-03T09:00:00-05:00"


def test_frequent_callers_are_followed_up(with_scores):
    """Three calls in thirty days raise the care-navigation flag."""
    assert with_scores().decide(Call(narrative=CLEAR, calls_30d=3, **SAFE)).care_navigation
    assert not with_scores().decide(Call(narrative=CLEAR, calls_30d=2, **SAFE)).care_navigation


def test_what_is_missing_is_listed_and_the_questions_asked(with_scores):
    """The clinician sees which answers would help."""
    decision = with_scores().decide(Call(narrative=CLEAR))
    assert "weapons_answer" in decision.missing
    assert {"ask_weapons", "ask_violence"} <= set(codes(decision))


def test_words_shown_are_the_notes_own(router):
    """Each reason's span is exactly its words in the original note."""
    note = "Tränsient MALE slēeping in doorway; refusing to leave — has a ｋｎｉｆｅ"
    reasons = [reason for reason in router.decide(Call(narrative=note)).reasons if reason.start is not None]
    assert {reason.code for reason in reasons} >= {"veto_weapon", "word_for"}
    assert all(note[reason.start : reason.end] == reason.words for reason in reasons)


def test_identity_and_time_come_from_outside(with_scores):
    """Clock and ids are the caller's to set, so that a decision can be made again."""
    made = with_scores()
    router = Router(
        bundle=made.bundle,
        program=made.program,
        rulebook=made.rulebook,
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        new_id=lambda: "id-1",
    )
    one, two = (router.decide(Call(narrative=CLEAR, call_id="c", **SAFE)) for _ in range(2))
    assert replace(one, latency_ms=0.0) == replace(two, latency_ms=0.0)
    assert (one.decision_id, one.call_id) == ("id-1", "c")


@settings(max_examples=40, deadline=None)
@given(narrative=st.text(max_size=300), call_type=st.none() | st.text(min_size=1, max_size=40))
def test_no_call_makes_it_raise(router, narrative, call_type):
    """Whatever is typed gets an answer."""
    assert router.decide(Call(narrative=narrative, call_type=call_type)).recommendation in set(Recommendation)
