"""Scenes and their notes: the facts decide the labels, and the note says the facts that decide."""

import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from models.veto import VetoMatcher
from pipelines.corpus import STYLES, City, Writer, load_material

AT = datetime(2025, 3, 1, 16, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def drawn():
    """Return scenes at eleven in the morning and their notes."""
    rng = random.Random(5)  # noqa: S311  reproducible, not secret
    city, writer = City(load_material(), rng, calls=6000), Writer(load_material(), rng)
    scenes = [city.scene(AT, 11) for _ in range(6000)]
    return [(one, writer.note(one, call_type="Check")[0]) for one in scenes]


def test_facts_that_forbid_an_unarmed_team_decide_the_label(drawn):
    """Danger, an ambulance first, an attempt and a matter for the police each take a call away from every program."""
    every = frozenset(one.kind for one, _ in drawn)
    for one, _ in drawn:
        forbidden = one.danger or one.needs_ems or one.self_harm or one.police_matter is not None
        assert one.eligible(every) != forbidden
        assert not one.eligible(frozenset())


def test_a_weapon_that_is_at_hand_is_told(drawn):
    """Where a dangerous scene is told like an ordinary one, the weapon or the blow is in the note."""
    matcher = VetoMatcher()
    told = [note for one, note in drawn if one.danger and one.borrowed]
    assert len(told) > 30
    assert sum(bool(matcher.scan(note).vetoes) for note in told) > 0.85 * len(told)


def test_facts_that_decide_are_told_in_every_style(drawn):
    """A weapon at hand is in the note whatever its style, the sparse one included."""
    writer = Writer(load_material(), random.Random(2))  # noqa: S311  reproducible, not secret
    scene = next(one for one, _ in drawn if one.weapon == "asserted" and one.borrowed)
    phrases = [phrase.split("{")[0].strip() for phrase in load_material().facts["weapon"]["asserted"]]
    words = {word for phrase in phrases for word in phrase.split()} | {"next"}
    for style in STYLES:
        told = [writer.note(scene, call_type="Check", style=style)[0].lower() for _ in range(10)]
        assert sum(any(word in note for word in words) for note in told) >= 8, style


def test_the_note_speaks_of_the_person(drawn):
    """A note about a man does not say her."""
    about_men = [note.lower().split() for one, note in drawn if one.person.sex == "m" and one.name == "trespass"]
    assert about_men
    assert not any({"her", "she"} & set(words) for words in about_men)


def test_callers_about_themselves_say_so(drawn):
    """Only scenarios with words of callers about themselves have such callers."""
    assert all(one.caller_party != "first" or one.told_as.first for one, _ in drawn)


def test_the_hour_moves_what_is_called_about():
    """Panhandling is a matter of the day, noise one of the night."""
    city = City(load_material(), random.Random(1), calls=100)  # noqa: S311  reproducible, not secret
    counts = {hour: Counter(city.scene(AT, hour).name for _ in range(6000)) for hour in (1, 13)}
    assert counts[13]["panhandling"] > 2 * counts[1]["panhandling"]
    assert counts[1]["noise_animal"] > 2 * counts[13]["noise_animal"]
