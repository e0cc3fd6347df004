"""What a risk means is counted on labelled calls, and band low is certified or does not exist."""

import numpy as np
import pytest

from models.call import Call
from models.classifier.risk import RiskTable, certified_low, risk_table
from models.decision import RiskBand


def test_the_interval_of_a_band_holds_its_share():
    """Each band has its own exact interval, and a probability finds its band."""
    scores = np.linspace(0, 1, 300)
    events = np.arange(300) >= 290
    table = risk_table(scores, events, confidence=0.95)
    low, high = table.interval(0.99)
    assert low < 8 / 8 <= high
    assert table.interval(0.01)[0] == 0.0
    assert table.interval(0.01)[1] < low
    assert RiskTable.from_record(table.to_record()) == table


@pytest.mark.parametrize("scores", [np.array([]), np.zeros(50)])
def test_too_few_calls_give_no_interval(scores):
    """Nothing is claimed from nothing."""
    table = risk_table(scores, np.zeros(len(scores), dtype=bool), confidence=0.95)
    assert table.interval(0.5) is None
    assert table.interval(None) is None


def test_band_low_holds_in_nearly_all_draws():
    """In at least 95 % of 300 draws the calls below the certified edge have an event in at most 1 of 100."""
    rng = np.random.default_rng(4)

    def draw(n):
        scores = rng.beta(0.3, 3, n)
        return scores, rng.random(n) < scores

    truth, events = draw(400_000)
    kept = 0
    for _ in range(300):
        earlier, _ = draw(1500)
        edge = certified_low(*draw(1500), edges_from=earlier, max_share=0.01, confidence=0.95)
        kept += edge is None or events[truth < edge].mean() <= 0.01
    assert kept / 300 >= 0.95


def test_where_nothing_can_be_proved_there_is_no_low_band():
    """Too few calls, or risk everywhere, certify nothing."""
    scores = np.linspace(0, 1, 100)
    calm = np.zeros(100, dtype=bool)
    assert certified_low(scores, calm, edges_from=scores, max_share=0.01, confidence=0.95) is None
    many = np.linspace(0, 1, 5000)
    assert certified_low(many, np.ones(5000, dtype=bool), edges_from=many, max_share=0.01, confidence=0.95) is None


@pytest.mark.parametrize("risk", ["danger", "medical", "self_harm", "risk"])
def test_every_decision_of_a_model_shows_each_risk_with_its_interval(router, risk):
    """The answer carries the probability and the ends of its band, in order."""
    decision = router.decide(Call(narrative="male asleep in doorway, refusing to leave"))
    low, high = getattr(decision, f"{risk}_interval")
    assert 0 <= low <= high <= 1
    assert 0 <= getattr(decision, f"{risk}_probability") <= 1


@pytest.mark.parametrize(
    ("danger", "calm"),
    [
        ("male on the overpass railing says he will jump", "male asleep in doorway, refusing to leave"),
        ("unresponsive male face down in the snow, not breathing", "woman crying on a bench, wants to talk"),
        ("female took a whole bottle of pills ten minutes ago", "caller feels lonely and wants to talk to somebody"),
    ],
)
def test_risk_ranks_a_lethal_call_above_a_calm_one(router, danger, calm):
    """A person at an edge, not breathing or with pills taken is riskier than the program's everyday calls, and never low."""
    lethal, everyday = (router.decide(Call(narrative=note)) for note in (danger, calm))
    assert lethal.risk_probability > everyday.risk_probability
    assert lethal.risk_band is not RiskBand.LOW
