"""The operating point keeps its promise, or is refused."""

import numpy as np
import pytest
from scipy import stats

from models.errors import NoSafeThreshold
from models.threshold import allowed_errors, choose, clear_at, needed

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
