"""The order of a decision: the veto first, doubt before probability, and safe whatever fails."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.call import Answer, Call
from models.classifier.scorer import Scores
from models.decision import Recommendation, Response, RiskBand
from models.programs.schema import ScreeningNegatives, ViolenceNegated
from models.router import Router

CLEAR = "transient male sleeping in doorway of store, refusing to leave, mgr wants him moved along"
SAFE = {"weapons_answer": Answer.NONE, "violence_answer": Answer.NONE, "medical_answer": Answer.NONE}


class Fixed:
    """Answer every call with the same scores, or fail."""

    def __init__(self, eligible=0.99, risk=0.001, danger=0.001, medical=0.001, self_harm=0.001, fault=None):
        """Keep what to say."""
        response = {"community_response": 0.7, "police": 0.2, "crisis_call_diversion": 0.1}
        self.scores = Scores(
            eligible=eligible, risk=risk, danger=danger, medical=medical, self_harm=self_harm, response=response
        )
        self.fault = fault

    def score(self, _features):
        """Return the fixed scores, or raise the fault."""
        if self.fault:
            raise self.fault
        return self.scores


AT = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def fixed_clock(router):
    """Return the champion's router at a fixed moment, so that hours of duty are the same for every decision."""
    return Router(bundle=router.bundle, program=router.program, matcher=router.matcher, now=lambda: AT)


@pytest.fixture
def with_scores(router):
    """Return a function that makes a router around fixed scores."""

    def make(**given):
        point = replace(router.bundle.operating_point, eligible_at=0.8, not_eligible_below=0.2, max_risk=0.1)
        point = replace(point, low_risk_below=0.02, max_unfamiliar=0.9)
        bundle = replace(router.bundle, scorer=Fixed(**given), operating_point=point)
        return Router(bundle=bundle, program=router.program, matcher=router.matcher)

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
        (CLEAR + ", a bat by the door", {}, "object_named"),
    ],
)
def test_in_doubt_it_says_review(with_scores, narrative, answers, code):
    """Doubt outranks probability."""
    decision = with_scores(eligible=1.0).decide(Call(narrative=narrative, **answers))
    assert decision.recommendation is Recommendation.REVIEW
    assert code in codes(decision)


def test_the_structured_answer_resolves_a_recorded_no_weapons(with_scores):
    """Once weapons_answer is none, the phrase in the note is no obstacle."""
    decision = with_scores().decide(Call(narrative=CLEAR + ", no weapons seen", **SAFE))
    assert decision.recommendation is Recommendation.ELIGIBLE


def test_the_structured_answer_resolves_an_object_that_is_named(with_scores):
    """Once weapons_answer is none, a bat that nobody holds is no obstacle, and one in a hand still vetoes."""
    router = with_scores(eligible=1.0)
    assert router.decide(Call(narrative=CLEAR + ", a bat by the door", **SAFE)).recommendation is Recommendation.ELIGIBLE
    assert router.decide(Call(narrative=CLEAR + ", a bat in his hand", **SAFE)).vetoed


@pytest.mark.parametrize(("setting", "expected"), [("veto", "NOT_ELIGIBLE"), ("review", "REVIEW"), ("clear", "ELIGIBLE")])
def test_the_program_says_what_a_screening_answer_does(with_scores, setting, expected):
    """Veto, review and clear, as screening_negatives has it."""
    router = with_scores()
    program = replace(router.program, screening_negatives=ScreeningNegatives(setting))
    router = Router(bundle=router.bundle, program=program, matcher=router.matcher)
    assert router.decide(Call(narrative=CLEAR + ", no wpns seen")).recommendation == expected


def test_plainly_negated_violence_is_reviewed_until_the_answer_is_none(with_scores):
    """A note of "not hurting anyone" asks for review, shows its words, and violence_answer none resolves it."""
    note = CLEAR + ", not hurting anyone"
    decision = with_scores().decide(Call(narrative=note))
    assert decision.recommendation is Recommendation.REVIEW
    assert "violence_negated" in codes(decision)
    assert [hit.words for hit in decision.hits if hit.code == "negated_violence"] == ["hurting anyone"]
    assert with_scores().decide(Call(narrative=note, **SAFE)).recommendation is Recommendation.ELIGIBLE


@pytest.mark.parametrize(("setting", "expected"), [("veto", "NOT_ELIGIBLE"), ("review", "ELIGIBLE")])
def test_the_program_says_what_plainly_negated_violence_does(with_scores, setting, expected):
    """With violence_negated = "veto" a plain negation ends the decision, whatever the answers are."""
    router = with_scores()
    program = replace(router.program, violence_negated=ViolenceNegated(setting))
    router = Router(bundle=router.bundle, program=program, matcher=router.matcher)
    assert router.decide(Call(narrative=CLEAR + ", not hurting anyone", **SAFE)).recommendation == expected


def test_a_negated_weapon_vetoes_whatever_the_answers_are(with_scores):
    """Class weapon is never resolved: any mention ends the decision."""
    decision = with_scores().decide(Call(narrative=CLEAR + ", no gun", **SAFE))
    assert decision.recommendation is Recommendation.NOT_ELIGIBLE


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
    router.reader.matcher = None
    assert codes(router.decide(Call(narrative=CLEAR, **SAFE))) == ["rules_fault"]


def test_the_call_takers_yes_needs_no_rules(with_scores):
    """Even where the rule layer fails, a structured yes vetoes."""
    router = with_scores()
    router.reader.matcher = None
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


def test_what_is_missing_and_which_questions_are_open_is_listed(with_scores):
    """The clinician sees which answers would help."""
    decision = with_scores().decide(Call(narrative=CLEAR, medical_answer=Answer.NONE))
    assert "weapons_answer" in decision.missing
    assert decision.questions == ("weapons", "violence")


@pytest.mark.parametrize("open_question", ["weapons_answer", "violence_answer", "medical_answer"])
def test_a_person_taking_the_call_is_asked_before_eligible(with_scores, open_question):
    """Attended calls wait for all three safety questions, each named; a file of past calls does not."""
    call = Call(narrative=CLEAR, **(SAFE | {open_question: None}))
    attended = with_scores().decide(call, attended=True)
    assert attended.recommendation is Recommendation.REVIEW
    assert f"ask_{open_question.removesuffix('_answer')}" in codes(attended)
    assert with_scores().decide(call).recommendation is Recommendation.ELIGIBLE
    assert with_scores().decide(Call(narrative=CLEAR, **SAFE), attended=True).recommendation is Recommendation.ELIGIBLE


def test_a_program_may_do_without_the_questions(with_scores):
    """`ask_before_eligible = false` lets the probability decide for attended calls too."""
    router = with_scores()
    program = replace(router.program, ask_before_eligible=False)
    router = Router(bundle=router.bundle, program=program, matcher=router.matcher)
    assert router.decide(Call(narrative=CLEAR), attended=True).recommendation is Recommendation.ELIGIBLE


@pytest.mark.parametrize("risk", ["danger", "medical", "self_harm"])
def test_the_second_net_keeps_a_risky_call_from_eligible(with_scores, risk):
    """However probable, a call whose danger, medical need or self-harm lies above the certified bound is REVIEW."""
    decision = with_scores(**{risk: 0.2}).decide(Call(narrative=CLEAR, **SAFE))
    assert decision.recommendation is Recommendation.REVIEW
    assert f"risk_{risk}" in codes(decision)
    assert with_scores(**{risk: 0.05}).decide(Call(narrative=CLEAR, **SAFE)).recommendation is Recommendation.ELIGIBLE


def test_no_risk_however_low_lifts_a_veto(with_scores):
    """The second net only adds caution."""
    decision = with_scores(danger=0.0, risk=0.0).decide(Call(narrative="calm male with a knife", **SAFE))
    assert decision.recommendation is Recommendation.NOT_ELIGIBLE


@pytest.mark.parametrize(
    "note", ["people skating in the plaza near the fountain", "zorb plimf quandle over the trellis again tonight"]
)
def test_a_note_that_is_not_understood_is_not_cleared(with_scores, note):
    """Without a signal of the program's own, no probability says ELIGIBLE."""
    decision = with_scores(eligible=0.99).decide(Call(narrative=note, **SAFE))
    assert decision.recommendation is Recommendation.REVIEW
    assert "no_program_signal" in codes(decision)


def test_the_call_takers_own_call_type_names_the_situation(with_scores):
    """A call type of the program, as the city codes it, stands for a signal; a guessed one does not."""
    note = "by the fountain with an accordion and a parrot in a green hat"
    assert "no_program_signal" not in codes(with_scores().decide(Call(narrative=note, call_type="Welfare Check", **SAFE)))
    assert "no_program_signal" in codes(with_scores().decide(Call(narrative=note, call_type="Parking Complaint", **SAFE)))


@pytest.mark.parametrize(
    "note",
    [
        "intoxicated male, keeps following her down the street",
        "male talking to himself, peering into bedroom windows",
        "homeless male trying door handles of parked cars",
        "suicidal male offered a ride to little girls at the playground",
    ],
)
def test_nothing_is_cleared_while_a_sign_of_predatory_behaviour_stands(with_scores, note):
    """Following, peering, trying doors and approaching children ask for a person, whatever the probability."""
    decision = with_scores(eligible=0.99).decide(Call(narrative=note, **SAFE))
    assert decision.recommendation is not Recommendation.ELIGIBLE
    assert "danger_sign" in codes(decision)


def test_a_note_of_unknown_words_is_not_cleared(with_scores):
    """One known phrase among words that the model never met is too little."""
    router = with_scores()
    point = replace(router.bundle.operating_point, max_unfamiliar=0.3)
    router = Router(bundle=replace(router.bundle, operating_point=point), program=router.program, matcher=router.matcher)
    note = "refusing to leave, zorbling plimfers quandled thrumbly vexagons"
    assert "unfamiliar_note" in codes(router.decide(Call(narrative=note, **SAFE)))


def test_a_risk_is_low_only_where_that_is_certified(with_scores):
    """Below the certified edge it is low; without one there is no band."""
    assert with_scores(risk=0.01).decide(Call(narrative=CLEAR, **SAFE)).risk_band is RiskBand.LOW
    assert with_scores(risk=0.03).decide(Call(narrative=CLEAR, **SAFE)).risk_band is RiskBand.ELEVATED
    router = with_scores(risk=0.01)
    point = replace(router.bundle.operating_point, low_risk_below=None)
    router = Router(bundle=replace(router.bundle, operating_point=point), program=router.program, matcher=router.matcher)
    assert router.decide(Call(narrative=CLEAR, **SAFE)).risk_band is RiskBand.UNKNOWN


def test_words_shown_are_the_notes_own(router):
    """Each reason's and each hit's span is exactly its words in the original note."""
    note = "Tränsient MALE slēeping in doorway; refusing to leave — has a ｋｎｉｆｅ"
    decision = router.decide(Call(narrative=note))
    placed = [reason for reason in (*decision.reasons, *decision.hits) if reason.start is not None]
    assert {reason.code for reason in placed} >= {"veto_weapon", "signal_for"}
    assert all(note[reason.start : reason.end] == reason.words for reason in placed)


def test_reasons_are_at_most_six_and_the_rest_is_counted(router):
    """A long note full of mentions names three vetoes, and says how many more there are."""
    note = "gun, knife, machete, sword, rifle, hatchet. refusing to leave, talking to himself, drunk, asleep in the lobby"
    decision = router.decide(Call(narrative=note))
    assert len(decision.reasons) <= 6
    assert sum(code == "veto_weapon" for code in codes(decision)) == 3
    assert decision.more_reasons >= 3
    assert sum(hit.code == "veto_weapon" for hit in decision.hits) == 6


@pytest.mark.parametrize("note", ["male at the store in the area and he is old", "female, 45, at the mall with a bag"])
def test_no_reason_is_an_article_a_sex_or_an_age(router, note):
    """A word alone is named only where it has a meaning of its own."""
    words = {
        reason.words.lower() for reason in router.decide(Call(narrative=note)).reasons if reason.code.startswith("word")
    }
    assert not words & {"the", "and", "male", "female", "he", "at", "is", "old", "45", "a"}


def test_signals_are_told_in_a_clinicians_words(router):
    """What a person would name is named: the signal's sentence, with the words that carry it."""
    decision = router.decide(Call(narrative="rp adv male refusing to leave the lobby, talking to himself", **SAFE))
    told = {reason.rule_id: reason for reason in decision.reasons if reason.code.startswith("signal_")}
    assert any("refus" in name for name in told)
    assert all(reason.sentence[0].isupper() and reason.sentence.endswith(".") for reason in told.values())


def test_identity_and_time_come_from_outside(with_scores):
    """Clock and ids are the caller's to set, so that a decision can be made again."""
    made = with_scores()
    router = Router(
        bundle=made.bundle,
        program=made.program,
        matcher=made.matcher,
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


@pytest.mark.parametrize(
    ("note", "code", "response", "with_ems"),
    [
        ("male on the railing of the overpass says he will jump", "clinician_now", Response.CO_RESPONSE, True),
        ("standing on the train tracks, refusing to leave", "clinician_now", Response.CO_RESPONSE, True),
        ("asleep in the lobby, unresponsive, not breathing", "ambulance_first", Response.EMS, False),
    ],
)
def test_who_answers_follows_the_risk(with_scores, note, code, response, with_ems):
    """An attempt is the unit with an officer's and an ambulance's, an urgent medical need an ambulance's; never ELIGIBLE."""
    decision = with_scores(eligible=0.99).decide(Call(narrative=note, **SAFE))
    assert decision.recommendation is Recommendation.REVIEW
    assert code in codes(decision)
    assert (decision.response, decision.with_ems) == (response, with_ems)


MANY = st.lists(
    st.builds(
        Call,
        narrative=st.one_of(
            st.sampled_from(
                ["", CLEAR, CLEAR.upper(), "male with a knife", "no weapons seen", "ｇun near 5th st, denies SI"]
            ),
            st.lists(
                st.sampled_from("male refusing leave crying suicidal knife no niño 911 0 zzz".split()), max_size=30
            ).map(" ".join),
            st.text(max_size=60),
        ),
        call_type=st.sampled_from([None, "Trespass", "Assault", "Welfare Check", "nobody knows", "医療"]),
        weapons_answer=st.sampled_from([None, *Answer]),
        calls_30d=st.sampled_from([None, 0, 12]),
        received_at=st.sampled_from([None, datetime(2026, 3, 1, 3, 12, tzinfo=UTC)]),
    ),
    max_size=20,
)


def alike(decision, **changes):
    """Return a decision without what differs from one time to the next."""
    return replace(decision, decision_id="", decided_at=datetime(2026, 1, 1, tzinfo=UTC), latency_ms=0.0, **changes)


@settings(max_examples=40, deadline=None)
@given(calls=MANY, attended=st.booleans())
def test_many_calls_are_decided_as_each_alone_to_the_last_bit(fixed_clock, calls, attended):
    """Every field is the same; short reasons leave out two lists, none all but vetoes."""
    router = fixed_clock
    alone = [alike(router.decide(call, attended=attended)) for call in calls]
    assert [alike(decision) for decision in router.decide_many(calls, attended=attended)] == alone
    short = [alike(decision) for decision in router.decide_many(calls, attended=attended, detail="short")]
    assert short == [replace(one, hits=(), more_hits=len(one.hits) + one.more_hits, contributions=()) for one in alone]
    none = list(router.decide_many(calls, attended=attended, detail="none"))
    for brief, one in zip(none, alone, strict=True):
        assert brief.vetoed == one.vetoed
        assert all(reason in one.reasons for reason in brief.reasons)
        left_out = {"reasons": (), "more_reasons": 0, "hits": (), "more_hits": 0, "contributions": ()}
        assert alike(brief, **left_out) == alike(one, **left_out)


def test_blocks_do_not_show(fixed_clock, monkeypatch):
    """The same calls decided in blocks of three, with a note that recurs in several, come out as one by one."""
    monkeypatch.setattr("models.router.BLOCK", 3)
    calls = [Call(narrative=note, call_id=str(number)) for number, note in enumerate([CLEAR, "has a gun", CLEAR, ""] * 3)]
    decided = [alike(decision) for decision in fixed_clock.decide_many(iter(calls))]
    assert decided == [alike(fixed_clock.decide(call)) for call in calls]


def test_a_fault_in_a_block_is_the_fault_of_its_call_alone(fixed_clock):
    """Where a block cannot be scored together, each call is scored by itself, and only the one at fault is REVIEW."""
    router = fixed_clock

    class Broken:
        """Fail on one note, and on every block."""

        def score(self, features):
            """Score every note but one."""
            if "zebra" in str(features["text"]):
                raise ZeroDivisionError
            return router.bundle.scorer.score(features)

    broken = Router(
        bundle=replace(router.bundle, scorer=Broken()), program=router.program, matcher=router.matcher, now=lambda: AT
    )
    calls = [Call(narrative=CLEAR), Call(narrative="a zebra in the road, wandering about")]
    first, second = broken.decide_many(calls)
    assert alike(first) == alike(router.decide(calls[0]))
    assert second.recommendation is Recommendation.REVIEW
    assert "scoring_fault" in codes(second)
