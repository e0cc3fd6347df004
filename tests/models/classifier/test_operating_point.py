"""The operating point keeps its promises, or is refused."""

import numpy as np
import pytest
from mapie.risk_control import BinaryClassificationController
from scipy import stats

from models.classifier.operating_point import Block, Promises, allowed_errors, candidates, choose, needed
from models.errors import NoSafeThreshold

PROMISES = Promises(max_false_clear=0.05, max_dangerous_clear=0.05, max_missed_eligible=0.05, confidence=0.95)
GRID = [(round(at, 2), 1.0) for at in np.arange(0.99, 0.0, -0.01)]


def block(*, ineligible, eligible, dangerous=0.0, n_dangerous=100, risks=0.0):
    """Return a block: scores of ineligible and eligible calls, and of dangerous ones, which are ineligible too."""
    harm = np.full(n_dangerous, dangerous)
    scores = np.concatenate([ineligible, eligible, harm])
    places, first_dangerous = np.arange(len(scores)), len(ineligible) + len(eligible)
    return Block(
        scores=scores,
        risks=np.full(len(scores), risks) if np.isscalar(risks) else risks,
        eligible=(places >= len(ineligible)) & (places < first_dangerous),
        dangerous=places >= first_dangerous,
    )


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


def test_both_promises_hold_together_in_nearly_all_draws():
    """In at least 95 % of 400 draws the true rates at the chosen pair are at most those promised, both at once."""
    rng = np.random.default_rng(1)
    order = [(at, risk) for at in np.arange(0.98, 0.5, -0.02) for risk in (0.2,)]

    def draw(n):
        eligible, dangerous = rng.random(n) < 0.3, rng.random(n) < 0.15
        eligible &= ~dangerous
        scores = stats.norm.cdf(rng.normal(size=n) + 1.5 * eligible)
        return Block(
            scores=scores, risks=np.clip(0.5 * dangerous * rng.random(n), 0, 1), eligible=eligible, dangerous=dangerous
        )

    truth, kept, draws = draw(200_000), 0, 0
    for _ in range(400):
        try:
            point = choose(draw(1500), PROMISES, pairs=order)
        except NoSafeThreshold:
            kept, draws = kept + 1, draws + 1
            continue
        cleared = truth.cleared(point.eligible_at, point.max_risk)
        false = (cleared & ~truth.eligible).sum() / (~truth.eligible).sum()
        unsafe = (cleared & truth.dangerous).sum() / truth.dangerous.sum()
        kept, draws = kept + (false <= 0.05 and unsafe <= 0.05), draws + 1
    assert kept / draws >= 0.95


def test_too_few_calls_are_refused_with_the_number_needed():
    """The error says how many calls would do."""
    with pytest.raises(NoSafeThreshold, match="at least 59"):
        choose(block(ineligible=np.zeros(58), eligible=np.ones(60), n_dangerous=0), PROMISES, pairs=GRID)


def test_a_model_that_cannot_tell_is_refused():
    """Where ineligible calls score as high as any, not even the most careful threshold keeps the promise."""
    with pytest.raises(NoSafeThreshold, match="most careful"):
        choose(block(ineligible=np.ones(100), eligible=np.full(100, 0.5)), PROMISES, pairs=GRID)


def test_where_no_eligible_call_can_be_cleared_nothing_is_promised():
    """A threshold that finds nobody is no operating point."""
    with pytest.raises(NoSafeThreshold, match="no eligible call"):
        choose(block(ineligible=np.zeros(100), eligible=np.full(100, -1.0)), PROMISES, pairs=GRID)


def test_the_dangerous_bound_can_be_the_stricter_one():
    """The upper threshold satisfies both bounds at once."""
    point = choose(block(ineligible=np.zeros(100), eligible=np.linspace(0, 1, 100), dangerous=0.6), PROMISES, pairs=GRID)
    assert point.eligible_at > 0.6
    assert 0 <= point.not_eligible_below <= point.eligible_at


def test_a_risk_bound_lets_a_lower_threshold_keep_the_promise():
    """Dangerous calls that score high but are risky are kept out by the second net, and the point records its bound."""
    n = 100
    risks = np.concatenate([np.zeros(2 * n), np.full(n, 0.4)])
    risky = block(ineligible=np.zeros(n), eligible=np.full(n, 0.8), dangerous=0.9, risks=risks)
    with pytest.raises(NoSafeThreshold):
        choose(risky, PROMISES, pairs=[(0.95, 1.0), (0.8, 1.0)])
    pairs = candidates(risky, PROMISES, min_probability=0.7)
    point = choose(risky, PROMISES, pairs=pairs)
    assert point.max_risk < 0.4
    assert point.eligible_at <= 0.8
    assert point.dangerous_clears == 0


def test_candidates_go_from_the_most_careful_down_to_the_floor():
    """Probabilities fall, and none lies below the floor."""
    pairs = candidates(block(ineligible=np.zeros(100), eligible=np.ones(100)), PROMISES, min_probability=0.7)
    thresholds = [at for at, _ in pairs]
    assert thresholds == sorted(thresholds, reverse=True)
    assert (thresholds[0], thresholds[-1]) == (0.99, 0.7)


def test_the_first_failure_ends_the_row():
    """A later pair is never reached past one that fails, however well it would do."""
    mixed = block(ineligible=np.concatenate([np.full(50, 0.95), np.zeros(950)]), eligible=np.full(100, 0.97))
    point = choose(mixed, PROMISES, pairs=[(0.96, 1.0), (0.90, 1.0), (0.955, 1.0)])
    assert point.eligible_at == 0.96


def test_too_few_eligible_calls_turn_nobody_away():
    """Without proof that eligible calls are kept, no score alone says NOT_ELIGIBLE."""
    point = choose(block(ineligible=np.zeros(100), eligible=np.ones(20)), PROMISES, pairs=GRID)
    assert point.not_eligible_below == 0.0


def test_it_finds_what_the_peer_finds():
    """MAPIE's fixed sequence on the same scores and the same grid ends at the same threshold."""
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
    ours = Block(scores=scores, risks=np.zeros(2000), eligible=truth, dangerous=np.arange(2000) < 100)
    safe = Block(scores=np.where(ours.dangerous, -1.0, scores), risks=ours.risks, eligible=truth, dangerous=ours.dangerous)
    point = choose(safe, PROMISES, pairs=[(float(at), 1.0) for at in grid])
    assert abs(point.eligible_at - lowest) <= 0.03


def test_adverse_events_among_the_cleared_must_be_proved_few():
    """Where too many cleared calls ended badly, nothing is released; where nothing is known, nothing is promised."""
    calm = block(ineligible=np.zeros(100), eligible=np.ones(100))
    served, bad = np.ones(200), np.arange(200) < 20
    assert choose(calm, PROMISES, pairs=GRID, served=(served, bad & False), max_adverse_share=0.05).n_served == 200
    with pytest.raises(NoSafeThreshold, match="20 in 200"):
        choose(calm, PROMISES, pairs=GRID, served=(served, bad), max_adverse_share=0.05)
    point = choose(calm, PROMISES, pairs=GRID, max_adverse_share=0.05)
    assert (point.n_served, point.max_adverse_share) == (0, 1.0)


def test_calls_that_went_badly_and_were_not_cleared_do_not_count():
    """The share is of the cleared."""
    calm = block(ineligible=np.zeros(100), eligible=np.ones(100))
    served = np.r_[np.ones(100), np.full(100, -1.0)]
    assert choose(calm, PROMISES, pairs=GRID, served=(served, served < 0), max_adverse_share=0.05).n_served == 100
