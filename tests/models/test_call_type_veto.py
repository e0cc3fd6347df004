"""A call type can be a mention by itself, by its words or its code; paper about weapons is none."""

import pytest

from models.call import Call

NOTE = "person at the counter would like to speak with somebody about the form"


@pytest.mark.parametrize("call_type", ["DVA", "MTLV", "FAS", "FASX", "NCRASLTWF", "SEXOFFNS", "TERROR", "Mental Violent"])
def test_codes_of_weapons_and_violence_veto(rules_router, call_type):
    """An APCO code that means a weapon or violence vetoes whatever the note says."""
    decision = rules_router.decide(Call(narrative=NOTE, call_type=call_type))
    assert decision.vetoed
    assert decision.recommendation == "NOT_ELIGIBLE"


@pytest.mark.parametrize(
    ("call_type", "code"), [("FASX", "veto_weapon"), ("DVA", "veto_violence"), ("SHOOT", "veto_weapon")]
)
def test_the_reason_says_weapon_or_violence(rules_router, call_type, code):
    """The reason's code follows from the call type's own danger."""
    assert code in {reason.code for reason in rules_router.decide(Call(narrative=NOTE, call_type=call_type)).reasons}


@pytest.mark.parametrize("call_type", ["FIREARMS LICENS", "Permit App/Gun", "WEAPON TURN-IN"])
def test_paper_about_weapons_does_not_veto(rules_router, call_type):
    """An administrative type's words are not read as a mention."""
    assert not rules_router.decide(Call(narrative=NOTE, call_type=call_type)).vetoed


def test_a_weapon_in_the_note_vetoes_under_any_call_type(rules_router):
    """Only the type's own words are paper; the note is read as ever."""
    assert rules_router.decide(Call(narrative="man at counter shows a knife", call_type="FIREARMS LICENS")).vetoed
