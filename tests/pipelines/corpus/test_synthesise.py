"""The labelled calls of the synthetic corpus: reproducible, varied, labelled from the scene and not from the words."""

from dataclasses import replace

import pandas as pd
import pytest

from models.programs.program import load_program
from pipelines.corpus import STYLES, diversity, load_material, synthesise


@pytest.fixture(scope="module")
def calls(small_config):
    """Return the small corpus."""
    return synthesise.frame(small_config.synthesise)


class TestCalls:
    """The calls."""

    def test_the_same_seed_writes_the_same_calls(self, small_config):
        """A seed gives the same calls to the letter, another seed others."""
        settings = replace(small_config.synthesise, calls=200)
        assert synthesise.frame(settings).equals(synthesise.frame(settings))
        assert not synthesise.frame(settings).equals(synthesise.frame(replace(settings, seed=1)))

    def test_notes_are_varied(self, calls):
        """There are thousands of distinct runs of five words per thousand notes, and few notes are nearly the same."""
        measured = diversity.measure(calls["narrative"].tolist())
        assert measured.distinct_five_grams_per_1000 > 8000
        assert measured.near_duplicate_share < 0.05

    def test_near_duplicates_are_found(self):
        """A note with one word more is a near-duplicate; an unrelated note is not."""
        long = "male asleep in the doorway of the corner store since early this morning not moving much"
        assert diversity.measure([long, long + " nfi", "dog loose"]).near_duplicate_share == pytest.approx(2 / 3)

    def test_notes_have_many_frames(self, small_config):
        """Nearly every note of a common scenario has a frame of its own."""
        skeletons = {}
        rows = list(synthesise.synthesise(small_config.synthesise, skeletons=skeletons))
        for name in ("trespass", "welfare_check", "mental_health", "theft", "medical", "menacing"):
            assert len(skeletons[name]) > 0.9 * sum(row["scenario"] == name for row in rows)

    def test_every_style_holds_both_labels(self, calls):
        """Each writing style tells eligible and ineligible calls at a similar rate, so that style says nothing."""
        rates = calls.groupby("style")["eligible"].mean()
        assert set(rates.index) == set(STYLES)
        assert rates.max() < 2.2 * rates.min()

    def test_every_call_type_is_a_weak_label(self, calls):
        """Types that say nothing stand on calls of every kind, and many calls have no type."""
        assert 0.05 < calls["call_type"].isna().mean() < 0.3
        rates = calls.groupby("call_type")["eligible"].mean()
        assert 0.02 < rates["Citizen Contact"] < 0.6
        assert 0.05 < rates["Disturbance"] < 0.8

    def test_outcomes_do_not_decide_the_label(self, calls):
        """Notes that end with an outcome, such as gone on arrival, are as often eligible as the others."""
        outcomes = "|".join(load_material().style["came_of_it"][:10])
        logs = calls[calls["style"].isin(["campus", "town", "sheriff"])]
        ended = logs["narrative"].str.contains(outcomes, case=False)
        assert ended.sum() > 60
        assert abs(logs.loc[ended, "eligible"].mean() - logs.loc[~ended, "eligible"].mean()) < 0.08

    def test_words_about_the_caller_alone_say_nothing(self, calls):
        """Notes that call someone a frequent caller are as often eligible as the others."""
        often = calls["narrative"].str.contains("freq caller|calls often|repeat caller|regular caller", case=False)
        assert often.sum() > 50
        assert abs(calls.loc[often, "eligible"].mean() - calls.loc[~often, "eligible"].mean()) < 0.12


class TestLabels:
    """The labels of the calls."""

    def test_about_one_call_in_seven_is_eligible(self, calls):
        """15 % of the calls are in the program's natures; facts take some of these out of its hands."""
        assert 0.11 < calls["eligible"].mean() < 0.16

    def test_labels_follow_the_scenario_and_not_the_words(self, calls):
        """Notes of one scenario carry both labels, so that no word gives the answer away."""
        rates = calls.groupby("scenario")["eligible"].mean()
        assert 0.5 < rates["verbal_disturbance"] < 0.9
        program = {one.name for one in load_material().scenario if one.obstacle is not None}
        assert 0 < calls.loc[~calls["scenario"].isin(program), "eligible"].mean() < 0.02
        assert rates["property"] < 0.03
        assert rates["predatory"] < 0.05

    def test_no_call_of_danger_or_attempt_is_eligible(self, calls):
        """A weapon, violence, a threat or an attempt at the scene takes the call away from every program, without a slip."""
        assert not calls.loc[calls["danger"] | calls["self_harm"], "eligible"].any()
        assert calls.loc[calls["medical"], "eligible"].mean() < 0.03

    def test_who_answers_follows_the_risk(self, calls):
        """An ambulance answers for the unresponsive and the overdosed, co-response for an attempt."""
        answers = calls.groupby("scenario")["response"].agg(set)
        for name in ("unresponsive", "overdose", "attempt_injured"):
            assert answers[name] == {"ems"}
        for name in ("attempt_height", "attempt_means", "attempt_taken"):
            assert answers[name] == {"co_response"}
        assert answers["civil_standby"] == {"police"}

    def test_callers_about_themselves_talk_to_the_clinician(self, calls):
        """An eligible caller who speaks of suicide, mental health or their own welfare is for crisis call diversion."""
        inner = calls["scenario"].isin(["suicide_threat", "mental_health", "confused_lost", "person_outside"])
        first = calls[inner & calls["eligible"] & calls["eligible_b"] & (calls["caller_party"] == "first")]
        assert len(first) > 10
        assert first["response"].eq("crisis_call_diversion").mean() > 0.9

    def test_adverse_events_are_known_only_where_a_team_went(self, calls):
        """Outcomes are selected, as they are in a city."""
        assert calls["adverse_event"].isna().mean() > 0.75
        assert calls.loc[calls["danger"] | calls["self_harm"], "adverse_event"].isna().all()

    def test_annotators_disagree_about_as_much_as_real_ones(self, calls):
        """Two readers of the real notes reached a kappa of .89; agencies apart agree less, one alike annotator more."""
        assert 0.85 < diversity.kappa(calls["eligible"], calls["eligible_b"]) < 0.97

    def test_a_program_decides_what_is_eligible(self, small_config):
        """Tucson's clinicians take no trespass; the same scenario is then hardly ever eligible."""
        settings = replace(small_config.synthesise, calls=4000)
        rows = pd.DataFrame(synthesise.synthesise(settings, program=load_program("tucson")))
        rates = rows.groupby("scenario")["eligible"].mean()
        assert rates["trespass"] < 0.2
        assert rates["welfare_check"] > 0.7
