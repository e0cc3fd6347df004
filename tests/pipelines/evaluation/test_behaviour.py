"""A model that reacts to what should not matter fails, and so does one that does not react to danger."""

from dataclasses import replace

import pytest

from models.call import Call
from models.decision import Recommendation
from pipelines.evaluation.behaviour import behaviours
from pipelines.release import gates
from pipelines.rules import traps


class Biased:
    """A router in which a word changes the probability."""

    def __init__(self, router, word, move):
        """Wrap a router."""
        self.router, self.word, self.move, self.matcher = router, word, move, router.matcher

    def decide(self, call: Call):
        """Move the answer where the word stands in the note."""
        decision = self.router.decide(call)
        if self.word not in call.narrative.lower():
            return decision
        moved = min(1.0, max(0.0, (decision.eligible_probability or 0.0) + self.move))
        return replace(decision, eligible_probability=moved, reasons=())


def failing(router):
    """Return the names of the tests that fail."""
    return {(test.kind, test.name) for test in behaviours(router, slack=2.0) if not test.holds}


@pytest.mark.parametrize(
    ("word", "move", "name"),
    [
        ("lakisha", -0.2, ("invariance", "name")),
        ("she", -0.3, ("invariance", "gender")),
        ("black", -0.2, ("invariance", "race")),
        ("angier", -0.2, ("invariance", "neighbourhood")),
        ("crying", -0.5, ("direction", "crying and asking for help")),
        ("screwdriver", 0.9, ("direction", "danger")),
    ],
)
def test_a_candidate_that_is_moved_by_it_fails_by_name(router, word, move, name):
    """Each kind of bias is found by the test made for it."""
    assert name in failing(Biased(router, word, move))


def test_swaps_do_not_move_the_model_at_all(router):
    """Names, sex, race and street are read alike, so even a model from few calls is not moved."""
    worst = {test.name: test.worst for test in behaviours(router) if test.kind == "invariance"}
    assert worst["gender"] == worst["race"] == worst["neighbourhood"] == 0.0


def test_danger_never_raises_even_a_small_model(router):
    """The veto sees to it."""
    assert not {name for kind, name in failing(router) if name == "danger"}


def test_a_router_that_clears_everything_fails_the_minimum(router):
    """Plainly ineligible notes may not be cleared."""

    class Careless(Biased):
        """Clear every call."""

        def decide(self, call):
            """Suggest ELIGIBLE, whatever the call."""
            return replace(self.router.decide(call), recommendation=Recommendation.ELIGIBLE, reasons=())

    found = failing(Careless(router, "", 0.0))
    assert {("minimum", "plainly not the program's"), ("minimum", "danger")} <= found


def test_every_failure_becomes_a_gate(router):
    """The release gate names the behaviour."""
    named, _ = gates.behaviour_gates(Biased(router, "black", -0.2))
    assert any(gate.name == "behaviour: invariance, race" and not gate.holds for gate in named)


def test_the_shipped_rulebook_falls_into_no_trap(rulebook):
    """The suite that gates a release is the one the tests run."""
    assert traps.failures(rulebook) == []
