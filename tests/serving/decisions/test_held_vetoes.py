"""A veto whose words were deleted is held until a person clears it; a word that is still being typed is not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decisions.held_vetoes import MOST, HeldVetoes, _common, unfinished_word


def judged(vetoes, rulebook, note, number, caret=None):
    """Follow the note to how it now stands, and the rules' hits in it."""
    vetoes.change(note)
    reasons = [
        {"code": "veto_weapon", "rule_id": hit.rule_id, "words": hit.words, "start": hit.start, "end": hit.end}
        for hit in rulebook.scan(note).vetoes
    ]
    vetoes.update({"decision_id": str(number), "hits": reasons}, unfinished_word(note, caret))


def typed(rulebook, *notes):
    """Return the vetoes after a note went through some states, each judged by the rules."""
    vetoes = HeldVetoes()
    for number, note in enumerate(notes):
        judged(vetoes, rulebook, note, number)
    return vetoes


def words(vetoes):
    """Return the words of what is held."""
    return [mention.words for mention in vetoes.gone]


@pytest.mark.parametrize(
    ("notes", "held"),
    [
        (("has a knife", "has a "), ["knife"]),
        (("has a knife", "has a phone"), ["knife"]),
        (("has a knife", ""), ["knife"]),
        (("talks to hi", "talks to himself"), []),
        (("a bat", "a bath"), []),
        (("gun", "nail gun"), []),
        (("has a knife", "still has a knife"), []),
        (("has a knife", "has a ", "has a knife again"), []),
        (("has a knife", "still has a knife", "still has a "), ["knife"]),
        (("knife and gun", "and gun", "and"), ["knife", "gun"]),
    ],
)
def test_what_is_gone_is_held_and_what_grew_is_not(rulebook, notes, held):
    """Each case is a note that changes while it is typed."""
    assert words(typed(rulebook, *notes)) == held


@pytest.mark.parametrize(
    ("caret", "held"),
    [(len("has a knife"), []), (len("has a knife") - 2, ["knife"]), (None, ["knife"]), (4, ["knife"])],
)
def test_a_word_under_the_caret_is_not_held_when_it_changes(rulebook, caret, held):
    """A person who corrects a word while typing it has not taken a finished word back."""
    vetoes = HeldVetoes()
    judged(vetoes, rulebook, "has a knife", 1, caret)
    judged(vetoes, rulebook, "has a knit cap", 2)
    assert words(vetoes) == held


def test_a_finished_word_is_held_although_it_was_pending_before(rulebook):
    """A space after the word finishes it."""
    vetoes = HeldVetoes()
    for number, note in enumerate(("has a knife", "has a knife ", "has a ")):
        judged(vetoes, rulebook, note, number, len(note))
    assert words(vetoes) == ["knife"]


def test_a_decision_that_was_lost_loses_no_veto(rulebook):
    """A veto is held also where a change before its deletion got no decision."""
    vetoes = typed(rulebook, "has a knife")
    vetoes.change("he has a knife")
    vetoes.change("he has a ")
    assert vetoes.rules == ("edged",)


def test_only_the_named_veto_is_cleared(rulebook):
    """Two vetoes with the same rule are two ids."""
    vetoes = typed(rulebook, "knife and machete", "and")
    knife, machete = vetoes.to_records()
    assert knife["id"] != machete["id"]
    vetoes.clear([knife["id"], "another"])
    assert words(vetoes) == ["machete"]


def test_what_was_dumped_is_loaded(rulebook):
    """A session survives being sent to the page and back."""
    vetoes = typed(rulebook, "knife and gun", "and gun")
    assert HeldVetoes.load(vetoes.dump()) == vetoes


def test_thousands_of_mentions_take_linear_time_and_still_count():
    """Two messages of 64 KB once stopped a service for 49 seconds."""
    reasons = [
        {"code": "veto_weapon", "rule_id": "firearm", "words": f"gun{place}", "start": place, "end": place + 3}
        for place in range(0, 65_536, 4)
    ]
    note, vetoes, started = "gun " * 16_384, HeldVetoes(), time.thread_time()
    vetoes.change(note)
    vetoes.update({"decision_id": "1", "hits": reasons})
    vetoes.change("")
    vetoes.update({"decision_id": "2", "hits": []})
    assert time.thread_time() - started < 2
    assert len(vetoes.gone) <= MOST
    assert vetoes.rules == ("firearm",)
    assert "more" in vetoes.gone[-1].words


@given(st.text("ab ", max_size=12), st.text("ab ", max_size=12))
def test_what_two_notes_share_is_as_long_as_it_can_be_and_never_overlaps(old, new):
    """The shared beginning and the shared end are parts of both notes."""
    ahead, behind = _common(old, new)
    assert ahead + behind <= min(len(old), len(new))
    assert old[:ahead] == new[:ahead]
    assert old[len(old) - behind :] == new[len(new) - behind :]
    assert ahead == min(len(old), len(new)) or old[ahead] != new[ahead]
