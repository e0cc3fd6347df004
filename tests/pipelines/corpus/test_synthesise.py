"""The synthetic corpus: facts decide note and labels, nothing is drawn from the words, the variety is measured."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from models.programs.program import load_program
from models.veto.matcher import Rulebook
from pipelines.corpus import diversity, scene, synthesise
from pipelines.corpus import notes as notewriter


class TestCorpus:
    """The synthetic city."""

    def test_the_same_seed_writes_the_same_calls(self, small_config):
        """Reproducible to the letter."""
        settings = replace(small_config.synthesise, calls=200)
        assert synthesise.frame(settings).equals(synthesise.frame(settings))
        assert not synthesise.frame(settings).equals(synthesise.frame(replace(settings, seed=1)))

    def test_labels_follow_the_scenario_and_not_the_words(self, corpus):
        """Notes of one scenario carry both labels, so no word gives the answer away."""
        frame = pd.read_csv(corpus)
        rates = frame.groupby("scenario")["eligible"].mean()
        assert 0.5 < rates["verbal_disturbance"] < 0.9
        assert 0 < rates["suspicious_admin"] < 0.1
        assert rates["property"] < 0.02
        assert frame.loc[frame["danger"], "eligible"].sum() == 0

    def test_adverse_events_are_known_only_where_a_team_went(self, corpus):
        """Selection is in the data, as in life."""
        frame = pd.read_csv(corpus)
        assert frame["adverse_event"].isna().mean() > 0.75
        assert frame.loc[frame["danger"], "adverse_event"].isna().all()

    def test_annotators_disagree_about_as_much_as_real_ones(self, corpus):
        """Two readers of the real notes reached a kappa of .89; agencies apart agree less, one alike annotator more."""
        frame = pd.read_csv(corpus)
        assert 0.85 < diversity.kappa(frame["eligible"], frame["eligible_b"]) < 0.97

    def test_notes_are_varied(self, corpus):
        """Thousands of distinct runs of five words a thousand notes, and few notes nearly the same."""
        found = diversity.measure(pd.read_csv(corpus)["narrative"].tolist())
        assert found.distinct_five_grams_per_1000 > 5000
        assert found.near_duplicate_share < 0.05

    def test_near_duplicates_are_found(self):
        """A twin with one word more is a near-duplicate; a stranger is not."""
        long = "male asleep in the doorway of the corner store since early this morning not moving much"
        assert diversity.measure([long, long + " nfi", "dog loose"]).near_duplicate_share == pytest.approx(2 / 3)

    def test_words_about_the_caller_alone_say_nothing(self, corpus):
        """Notes that call someone a frequent caller are as often eligible as the others."""
        frame = pd.read_csv(corpus)
        often = frame["narrative"].str.contains("freq caller|calls often|repeat caller|regular caller", case=False)
        assert often.sum() > 50
        assert abs(frame.loc[often, "eligible"].mean() - frame.loc[~often, "eligible"].mean()) < 0.12

    def test_a_program_decides_what_is_eligible(self, small_config):
        """Tucson's clinicians take no trespass; the same scenario is then hardly ever eligible."""
        settings = replace(small_config.synthesise, calls=3000)
        rows = pd.DataFrame(synthesise.synthesise(settings, program=load_program("tucson")))
        rates = rows.groupby("scenario")["eligible"].mean()
        assert rates["trespass"] < 0.15
        assert rates["welfare_check"] > 0.7

    def test_notes_have_many_frames(self, small_config):
        """Nearly every note of a major type has a frame of its own."""
        skeletons = {}
        rows = list(synthesise.synthesise(small_config.synthesise, skeletons=skeletons))
        for name in ("trespass", "welfare_check", "mental_health"):
            assert len(skeletons[name]) > 0.9 * sum(row["scenario"] == name for row in rows)

    def test_every_scenario_cites_where_its_share_comes_from(self):
        """No share without a source, or the word that it is common knowledge."""
        corpus = synthesise.tomllib.loads(synthesise.CORPUS.read_text())
        assert all(len(scenario["cites"]) > 20 for scenario in corpus["scenario"])

    def test_every_slot_exists_and_shares_are_positive(self):
        """The corpus table holds together: a slot has its phrases, for every sex where it follows a person."""
        corpus = synthesise.tomllib.loads(synthesise.CORPUS.read_text())
        slots = corpus["slots"]
        texts = [text for phrases in slots.values() for text in phrases]
        texts += [text for s in corpus["scenario"] for name in ("first", "cores", "details") for text in s[name]]
        texts += [text for phrases in corpus["style"].values() for text in phrases]
        texts += [text for group in corpus["facts"].values() for phrases in group.values() for text in phrases]
        scene = {"poss", "obj", "pron", "years", "decade", "since", "place", "type", "street", "core", "answer"}
        for name in {name for text in texts for name in notewriter._SLOT.findall(text)} - scene:
            assert name in slots or {f"{name}_{sex}" for sex in "mfn"} <= set(slots), name
        assert all(scenario["share"] > 0 for scenario in corpus["scenario"])
        assert all(scenario["first"] or scenario["cores"] for scenario in corpus["scenario"])


@pytest.fixture(scope="module")
def drawn():
    """Draw a city's scenes at eleven in the morning."""
    corpus = synthesise.tomllib.loads(synthesise.CORPUS.read_text())
    rng = random.Random(5)  # noqa: S311  reproducible, not secret
    city = scene.City(corpus, rng, calls=4000)
    at = datetime(2025, 3, 1, 16, 0, tzinfo=UTC)
    writer = notewriter.Writer(corpus, rng)
    scenes = [city.scene(at, 11) for _ in range(4000)]
    return [(one, writer.note(one, call_type="Check")) for one in scenes]


class TestScene:
    """The note and the labels follow from what is happening."""

    def test_facts_that_forbid_an_unarmed_team_decide_the_label(self, drawn):
        """Danger, an urgent medical need and a matter for the police each take a call away from every program."""
        every = frozenset(one.kind for one, _ in drawn)
        for one, _ in drawn:
            forbidden = one.danger or one.medical == "urgent" or one.police_matter is not None
            assert one.eligible(every) != forbidden
            assert not one.eligible(frozenset())

    def test_a_weapon_that_is_at_hand_is_told(self, drawn):
        """Where a dangerous scene is told like an ordinary one, the weapon or the blow is in the note."""
        rulebook = Rulebook()
        told = [note for one, note in drawn if one.danger and one.kind != one.name]
        assert len(told) > 30
        assert sum(bool(rulebook.scan(note).vetoes) for note in told) > 0.85 * len(told)

    def test_the_note_speaks_of_the_person(self, drawn):
        """A note about a man does not say her."""
        about_men = [note.lower().split() for one, note in drawn if one.person.sex == "m" and one.kind == "trespass"]
        assert about_men
        assert not any({"her", "she"} & set(words) for words in about_men)

    def test_callers_about_themselves_say_so(self, drawn):
        """Who calls decides which words there are."""
        for one, _ in drawn:
            assert one.caller_party != "first" or one.told_as["first"]

    def test_the_hour_moves_what_is_called_about(self):
        """Panhandling is a matter of the day, noise one of the night."""
        corpus = synthesise.tomllib.loads(synthesise.CORPUS.read_text())
        city = scene.City(corpus, random.Random(1), calls=100)  # noqa: S311  reproducible, not secret
        at = datetime(2025, 3, 1, tzinfo=UTC)
        counts = {hour: Counter(city.scene(at, hour).name for _ in range(3000)) for hour in (1, 13)}
        assert counts[13]["panhandling"] > 2 * counts[1]["panhandling"]
        assert counts[1]["noise_animal"] > 2 * counts[13]["noise_animal"]
