"""The risk of calls nobody went to cannot be read off; what can be corrected is, and the rest is an interval."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from models.call import Call
from models.classifier.risk import RiskTable, risk_table, selection_model, weigh


def test_weights_undo_the_selection_of_who_was_served():
    """Teams go where it is calm; the weighted share of adverse events is nearer to the truth than the plain one."""
    rng = np.random.default_rng(0)
    rough = rng.normal(size=40_000)
    bad = rng.random(40_000) < 1 / (1 + np.exp(3 - rough))
    served = rng.random(40_000) < 1 / (1 + np.exp(rough))
    rows = csr_matrix(rough[:, None])
    weights = weigh(selection_model(rows, served, np.ones(40_000, dtype=bool), seed=0), rows, served)[served]
    plain, weighted = bad[served].mean(), np.average(bad[served], weights=weights)
    assert abs(weighted - bad.mean()) < abs(plain - bad.mean()) / 3
    assert weights.max() <= 5


def test_where_all_or_none_are_served_nothing_is_weighed():
    """Without a choice there is no selection."""
    rows = csr_matrix(np.ones((10, 1)))
    for served in (np.ones(10, dtype=bool), np.zeros(10, dtype=bool)):
        assert selection_model(rows, served, served, seed=0) is None
        assert weigh(None, rows, served).tolist() == [1.0] * 10


def test_the_interval_of_a_band_holds_its_share():
    """Each third has its own exact interval, and a probability finds its band."""
    scores = np.linspace(0, 1, 300)
    events = np.arange(300) >= 290
    table = risk_table(scores, events, confidence=0.95)
    low, high = table.interval(0.99)
    assert low < 10 / 100 < high
    assert table.interval(0.01)[0] == 0.0
    assert table.interval(0.01)[1] < low
    assert RiskTable.from_record(table.to_record()) == table


@pytest.mark.parametrize("scores", [np.array([]), np.zeros(50)])
def test_too_few_outcomes_give_no_interval(scores):
    """Nothing is claimed from nothing."""
    table = risk_table(scores, np.zeros(len(scores), dtype=bool), confidence=0.95)
    assert table.interval(0.5) is None
    assert table.interval(None) is None


def test_every_decision_of_a_model_shows_its_interval(router):
    """The answer carries the ends, in order."""
    decision = router.decide(Call(narrative="male asleep in doorway, refusing to leave"))
    low, high = decision.risk_interval
    assert 0 <= low <= high <= 1
