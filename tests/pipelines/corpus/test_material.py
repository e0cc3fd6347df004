"""The material of the corpus: every share has a source, every slot has its phrases, a fault is named."""

import pytest

from models.decision import Response
from models.errors import InvalidConfig
from models.programs.program import load_program
from pipelines.corpus import STYLES, load_material, material, notes

BOUND = {"poss", "obj", "pron", "Pron", "years", "decade", "since", "place", "type", "street", "core", "answer"}


def texts():
    """Return every phrase of the material."""
    shipped = load_material()
    lists = [*shipped.slots.values(), *shipped.style.values()]
    lists += [phrases for group in shipped.facts.values() for phrases in group.values()]
    lists += [getattr(one, name) for one in shipped.scenario for name in ("first", "cores", "details", "protocol")]
    return [text for phrases in lists for text in phrases]


def test_every_slot_has_its_phrases():
    """A slot has its phrases, for every sex where it follows a person."""
    slots = load_material().slots
    for name in {name for text in texts() for name in notes._SLOT.findall(text)} - BOUND:
        assert name in slots or {f"{name}_{sex}" for sex in "mfn"} <= set(slots), name


def test_braces_are_slots():
    """No phrase holds a brace that is no slot."""
    for text in texts():
        assert not set("{}") & set(notes._SLOT.sub("", text)), text


def test_the_program_has_its_planning_share():
    """15 % of the calls are in the program's natures, as the department counted in 2021."""
    shipped = load_material()
    program = sum(one.share for one in shipped.scenario if one.obstacle is not None)
    share = program / sum(one.share for one in shipped.scenario)
    assert share == pytest.approx(load_program("durham-heart").prevalence.share, abs=0.005)


def test_scenarios_of_the_program_are_of_its_call_types():
    """Every scenario with an obstacle is of a type that HEART takes, and no other scenario is."""
    taken = load_program("durham-heart").eligible_call_types
    for one in load_material().scenario:
        assert (one.call_kind in taken) == (one.obstacle is not None), one.name
        assert one.obstacle is None or one.ordinary, one.name


def test_scenarios_have_names_of_their_own_and_known_responses():
    """A scenario's name is unique and whoever answers it is known."""
    scenarios = load_material().scenario
    assert len({one.name for one in scenarios}) == len(scenarios)
    assert {name for one in scenarios for name in one.response} <= set(Response)


def test_calls_outside_the_program_are_as_varied_as_its_own():
    """The scenarios that are not the program's hold at least as many phrases as its own, and none holds only a handful."""
    scenarios = load_material().scenario
    own = sum(len(one.cores) for one in scenarios if one.obstacle is not None)
    others = sum(len(one.cores) for one in scenarios if one.obstacle is None)
    assert others > own
    assert all(len(one.cores) >= 15 for one in scenarios)


def test_every_style_has_a_weight_and_a_writer():
    """The styles that are drawn are the styles that can be written."""
    assert set(load_material().weights["styles"]) == set(STYLES)


def test_an_unknown_key_is_an_error_that_names_its_place(tmp_path, monkeypatch):
    """A misspelled key is refused with the place where it stands."""
    (tmp_path / "one.toml").write_text('[[scenario]]\nname = "x"\nshares = 3\n', encoding="utf-8")
    monkeypatch.setattr(material, "SCENARIOS_PATH", tmp_path)
    material.load_material.cache_clear()
    try:
        with pytest.raises(InvalidConfig, match=r"scenario\.0"):
            load_material()
    finally:
        material.load_material.cache_clear()
