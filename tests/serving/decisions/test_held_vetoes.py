"""A veto whose words were typed and are gone is held until a person takes it back; a word on its way to another is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decisions.held_vetoes import Holds, _common


def typed(rulebook, *notes):
    """Return the holds after a note went through some states, each judged by the rules."""
    holds = Holds()
    for number, note in enumerate(notes):
        holds.change(note)
        reasons = [
            {"code": "veto_weapon", "rule_id": hit.rule_id, "words": hit.words, "start": hit.start, "end": hit.end}
            for hit in rulebook.scan(note).vetoes
        ]
        holds.judge({"decision_id": str(number), "reasons": reasons})
    return holds


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
    """Each case is a note as it changes under a typist's hands."""
    assert [veto.words for veto in typed(rulebook, *notes).gone] == held


def test_a_decision_that_was_lost_loses_no_veto(rulebook):
    """Where a change was taken in and never judged, what stood before is still known to be gone later."""
    holds = typed(rulebook, "has a knife")
    holds.change("he has a knife")
    holds.change("he has a ")
    assert holds.rules == ("edged",)


def test_taking_back_forgets_only_what_is_named(rulebook):
    """A person says which words are no longer so."""
    holds = typed(rulebook, "knife and gun", "and")
    assert [veto.words for veto in holds.take_back({"knife"})] == ["knife"]
    assert [veto.words for veto in holds.gone] == ["gun"]


@given(st.text("ab ", max_size=12), st.text("ab ", max_size=12))
def test_what_two_notes_share_never_overlaps(old, new):
    """The shared beginning and the shared end are parts of both notes."""
    ahead, behind = _common(old, new)
    assert ahead + behind <= min(len(old), len(new))
    assert old[:ahead] == new[:ahead]
    assert old[len(old) - behind :] == new[len(new) - behind :]
