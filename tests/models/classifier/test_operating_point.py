"""The operating point keeps its promise, or is refused."""

import numpy as np
import pytest
from mapie.risk_control import BinaryClassificationController
from scipy import stats

from models.classifier.operating_point import allowed_errors, choose, clear_at, needed
from models.errors import NoSafeThreshold

SETTINGS = {"max_false_clear": 0.05, "max_dangerous_clear": 0.05, "max_missed_eligible": 0.05, "confidence": 0.95}


@pytest.mark.parametrize(("rate", "n"), [(0.05, 59), (0.02, 149), (0.01, 299)])
def test_the_fewest_calls_for_a_promise_are_the_textbook_ones(rate, n):
    """59, 149 and 299 error-free calls prove 5, 2 and 1 % at 95 % confidence."""
    assert needed(max_rate=rate, confidence=0.95) == n
    assert allowed_errors(n, max_rate=rate, confidence=0.95) == 0
    assert allowed_errors(n - 1, max_rate=rate, confidence=0.95) == -1


@pytest.mark.parametrize("n", [60, 100, 269, 1000, 5000])
def test_allowed_errors_are_the_most_that_still_prove_it(n):
    """One error more and the exact binomial bound exceeds the rate."""
    k = allowed_errors(n, max_rate=0.05, confidence=0.95)
    assert stats.beta.ppf(0.95, k + 1, n - k) <= 0.05 < stats.beta.ppf(0.95, k + 2, n - k - 1)


def test_the_promise_holds_in_nearly_all_draws():
    """In at least 95 % of 1,000 draws the true false-clear rate at the chosen threshold is at most 5 %."""
    rng = np.random.default_rng(1)
    kept = sum(
        stats.norm.sf(clear_at(rng.normal(size=400), max_rate=0.05, confidence=0.95, what="ineligible")) <= 0.05
        for _ in range(1000)
    )
    assert kept >= 950


def test_too_few_calls_are_refused_with_the_number_needed():
    """The error says how many calls would do."""
    with pytest.raises(NoSafeThreshold, match="at least 59"):
        choose(ineligible=np.zeros(58), dangerous=np.zeros(60), eligible=np.ones(60), **SETTINGS)


def test_a_model_that_cannot_tell_is_refused():
    """Where no eligible call rises above the bound there is nothing to promise."""
    with pytest.raises(NoSafeThreshold, match="no eligible call"):
        choose(ineligible=np.ones(100), dangerous=np.zeros(100), eligible=np.full(100, 0.5), **SETTINGS)


def test_the_dangerous_bound_can_be_the_stricter_one():
    """The upper threshold satisfies both bounds at once."""
    point = choose(ineligible=np.zeros(100), dangerous=np.full(100, 0.6), eligible=np.linspace(0, 1, 100), **SETTINGS)
    assert point.eligible_at > 0.6
    assert 0 <= point.not_eligible_below <= point.eligible_at


def test_too_few_eligible_calls_turn_nobody_away():
    """Without proof that eligible calls are kept, no score alone says NOT_ELIGIBLE."""
    point = choose(ineligible=np.zeros(100), dangerous=np.zeros(100), eligible=np.ones(20), **SETTINGS)
    assert point.not_eligible_below == 0.0


def test_eligible_is_never_suggested_below_the_floor():
    """Whatever the bounds allow, the less likely answer is not suggested."""
    given = {"ineligible": np.zeros(100), "dangerous": np.zeros(100), "eligible": np.linspace(0, 1, 100)}
    assert choose(**given, **SETTINGS).eligible_at < 0.01
    assert choose(**given, **SETTINGS, min_probability=0.5).eligible_at == 0.5


def test_it_finds_what_the_peer_finds_and_no_less():
    """MAPIE's fixed sequence on the same scores gives a threshold on its grid at or above ours, and hardly higher."""
    rng = np.random.default_rng(3)
    truth = rng.random(2000) < 0.3
    scores = 1 / (1 + np.exp(-(rng.normal(size=2000) + 3 * truth - 2)))
    grid = np.linspace(0.99, 0.0, 100)
    peer = BinaryClassificationController(
        predict_function=lambda rows: np.column_stack([1 - rows[:, 0], rows[:, 0]]),
        risk="fpr",
        target_level=0.05,
        confidence_level=0.95,
        list_predict_params=grid,
        fwer_method="fixed_sequence",
    ).calibrate(scores[:, None], truth.astype(int))
    lowest = min(np.ravel(peer.valid_predict_params))
    ours = clear_at(scores[~truth], max_rate=0.05, confidence=0.95, what="ineligible")
    assert ours <= lowest <= ours + 0.05


def test_adverse_events_among_the_cleared_must_be_proved_few():
    """Where too many cleared calls ended badly, nothing is released; where nothing is known, nothing is promised."""
    given = {"ineligible": np.zeros(100), "dangerous": np.zeros(100), "eligible": np.ones(100), "max_adverse_share": 0.05}
    served = np.ones(200)
    bad = np.arange(200) < 20
    assert choose(**given, **SETTINGS, served=served, adverse=bad & False).n_served == 200
    with pytest.raises(NoSafeThreshold, match="20 in 200"):
        choose(**given, **SETTINGS, served=served, adverse=bad)
    point = choose(**given, **SETTINGS)
    assert (point.n_served, point.max_adverse_share) == (0, 1.0)


def test_calls_that_went_badly_and_were_not_cleared_do_not_count():
    """The share is of the cleared."""
    given = {"ineligible": np.zeros(100), "dangerous": np.zeros(100), "eligible": np.ones(100), "max_adverse_share": 0.05}
    served = np.r_[np.ones(100), np.full(100, -1.0)]
    assert choose(**given, **SETTINGS, served=served, adverse=served < 0).n_served == 100
