"""Agreement is with what was shown: a held veto, a hidden suggestion and a masked one are told apart in one place."""

import itertools

import pytest

from models.call import Call
from models.ledger.decision_table import decision_table
from models.ledger.queries import Entry
from models.ledger.records import agreement, decision_content, shown, suggested
from models.programs.call_types import shipped

ANSWERS = ("ELIGIBLE", "NOT_ELIGIBLE", "REVIEW")


@pytest.mark.parametrize(("recommendation", "human"), list(itertools.product(ANSWERS, ANSWERS)))
def test_agreement_follows_what_the_person_saw(recommendation, human):
    """Plain: with the recommendation. Held veto: with NOT_ELIGIBLE, whatever the recommendation. Hidden: with nothing."""
    plain = {"recommendation": recommendation, "hidden": False, "held": []}
    assert agreement(plain, human) is (human == recommendation)
    assert agreement(plain | {"held": ["edged"]}, human) is (human == "NOT_ELIGIBLE")
    assert agreement(plain | {"hidden": True}, human) is None


def test_what_is_kept_of_a_decision_says_what_was_shown(rules_router):
    """Held, hidden and plain decisions carry their suggestion as it was shown, and hashed persons only."""
    call = Call(narrative="male asleep in doorway, refusing to leave", call_id="A")
    decision = rules_router.decide(call)
    kept = {"fingerprint": "f", "actor": "x", "via": "http", "caller": "c1:1", "address": "a1:1"}
    plain = decision_content(call, decision, **kept)
    held = decision_content(call, decision, held=("edged",), **kept)
    hidden = decision_content(call, decision, hidden=True, **kept)
    assert [content["shown"] for content in (plain, held, hidden)] == ["REVIEW", "NOT_ELIGIBLE", None]
    assert [suggested(content) for content in (plain, held, hidden)] == ["REVIEW", "NOT_ELIGIBLE", "REVIEW"]
    assert shown(hidden) is None
    assert (plain["caller"], plain["address"]) == ("c1:1", "a1:1")
    assert plain["decided_at"].endswith("Z")
    assert "asleep" not in str(plain)


def test_the_table_takes_agreement_from_what_was_shown_and_not_from_what_was_stored(rules_router):
    """Entries of the first release, which stored agreement with the model for hidden suggestions, are read right."""
    call = Call(narrative="male asleep in doorway, refusing to leave")
    entries = []
    for seq, more in enumerate(({}, {"held": ("edged",)}, {"hidden": True}), start=1):
        content = decision_content(call, rules_router.decide(call), fingerprint="f", actor="x", via="http", **more)
        entries.append(Entry(seq, content | {"kind": "decision"}))
        feedback = {"kind": "feedback", "decision_id": content["decision_id"], "human": "NOT_ELIGIBLE", "agreed": True}
        entries.append(Entry(seq + 10, feedback))
    table = decision_table(entries, call_types=shipped())
    assert table["agreed"].tolist() == [False, True, None]
    assert table["suggested"].tolist() == ["REVIEW", "NOT_ELIGIBLE", "REVIEW"]
