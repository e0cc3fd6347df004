"""The check of a rulebook names each phrase that cannot fire and each near-miss that excuses nothing."""

import tomllib

from models.veto import RULEBOOK_PATH
from models.veto.rulebook import parse
from pipelines.rules import lint

NEAR = "zorb launcher shop"
RULE = {"id": "launcher", "class": "weapon", "words": ["zorb launcher"], "near_misses": [NEAR], "note": "A test."}
DEAD = 'launcher: the near-miss "blue moon" holds none of the rule\'s words'


def faults_of(**change):
    """Return the faults of the shipped rulebook with one changed rule in place of its own."""
    shipped = tomllib.loads(RULEBOOK_PATH.read_text(encoding="utf-8"))
    return lint.faults(parse(shipped | {"rule": [RULE | change]}, digest="0"))


def test_a_sound_rulebook_has_no_faults():
    """Its phrase fires, and its near-miss holds that phrase."""
    assert faults_of() == []


def test_a_near_miss_without_a_word_of_its_rule_is_a_fault():
    """It is named with the rule's id."""
    assert faults_of(near_misses=["blue moon"]) == [DEAD]


def test_a_phrase_that_is_not_found_in_a_note_is_a_fault(monkeypatch):
    """It is named with the rule's id."""
    monkeypatch.setattr(lint, "_written", lambda phrase: "calm" if len(phrase) == 2 else NEAR)
    assert faults_of() == ['launcher: "zorb launcher" does not fire']
