"""Calls that a clinician would recognise come out as a clinician would expect: read `typical_calls.toml` and argue."""

import tomllib

import pytest
from command import ROOT

from models.call import Answer, Call, CallerParty
from models.decision import Recommendation, RiskBand

CALLS = tomllib.loads((ROOT / "data/benchmark/typical_calls.toml").read_text(encoding="utf-8"))["calls"]
LETHAL = [row for row in CALLS if row.get("with_ems") or row.get("response") == "ems"]
SAFE = {"weapons_answer": Answer.NONE, "violence_answer": Answer.NONE, "medical_answer": Answer.NONE}


def decide(router, row):
    """Return the decision on one row, its safety questions answered no."""
    party = CallerParty(row["party"]) if "party" in row else None
    return router.decide(Call(narrative=row["note"], call_type=row["type"], caller_party=party, **SAFE))


def test_there_are_at_least_sixty_of_them():
    """The table covers the program's calls, what it must never take, and what others take."""
    assert len(CALLS) >= 60
    assert len({row["note"] for row in CALLS}) == len(CALLS)


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row["note"][:40])
def test_a_typical_call_is_never_answered_in_an_unacceptable_way(router, row):
    """Whatever the size of the model, no call comes out as what its row does not allow for safety."""
    decision = decide(router, row)
    if "ELIGIBLE" not in row["recommendation"]:
        assert decision.recommendation is not Recommendation.ELIGIBLE
    if row["recommendation"] == ["NOT_ELIGIBLE"] and row.get("response") == "police" and decision.vetoed:
        assert decision.response == "police"
    if row.get("with_ems") and not decision.vetoed:
        assert decision.recommendation in row["recommendation"]
        assert decision.response in {"co_response", "ems"}
    if row.get("response") == "ems":
        assert decision.response == "ems"


@pytest.mark.parametrize("row", LETHAL, ids=lambda row: row["note"][:40])
def test_what_could_kill_is_never_low_risk(router, row):
    """A person at an edge, on tracks, with pills or not breathing is never in band low."""
    assert decide(router, row).risk_band is not RiskBand.LOW
