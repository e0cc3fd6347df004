"""The certification block is compared with all calls of its weeks, and its bounds count callers, not calls."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from models.call import Call
from models.classifier.operating_point import Block
from models.decision import Recommendation
from models.errors import NoSafeThreshold
from models.statistics import clustered_upper_bound, upper_bound
from pipelines.data.table import Table
from pipelines.training.block_checks import clustered_bounds, clustered_lines, left_out_of, likeness, require_likeness
from pipelines.training.certify import WIDE_OPEN


@dataclass
class Scored:
    """The fields of a decision that the comparison reads."""

    eligible_probability: float | None
    recommendation: Recommendation = Recommendation.ELIGIBLE


def scored(seed, n, *, low=0.0, kept=0.1):
    """Return decisions with scores between a bound and one, a share of them kept from ELIGIBLE."""
    rng = np.random.default_rng(seed)
    answers = np.where(rng.random(n) < kept, Recommendation.REVIEW, Recommendation.ELIGIBLE)
    return [
        Scored(score, Recommendation(str(answer))) for score, answer in zip(rng.uniform(low, 1, n), answers, strict=True)
    ]


def test_a_block_like_its_weeks_is_certified():
    """Unlabelled calls with the same scores as the labelled ones change nothing, however many they are."""
    for seed in range(20):
        found = likeness(scored(seed, 400), scored(seed + 100, 400), left_out=4000, confidence=0.95)
        require_likeness(found, max_gap=0.05)


@pytest.mark.parametrize("change", [{"low": 0.4}, {"kept": 0.5}])
def test_a_block_of_chosen_calls_is_refused(change):
    """Where the unlabelled calls score differently, or more of them are kept back, nothing is certified."""
    found = likeness(scored(1, 400), scored(2, 400, **change), left_out=800, confidence=0.95)
    with pytest.raises(NoSafeThreshold, match="without a label"):
        require_likeness(found, max_gap=0.05)


def test_a_few_odd_calls_do_not_stop_certification():
    """Calls left out count by their share: ten among a thousand cannot change a rate by a twentieth."""
    found = likeness(scored(1, 1000), scored(2, 10, low=0.9, kept=1.0), left_out=10, confidence=0.95)
    require_likeness(found, max_gap=0.05)
    assert "10 of its weeks left out (1.0%)" in str(found)


def test_only_calls_of_the_blocks_weeks_without_a_label_are_compared():
    """Unsure calls count as labelled, and calls of other weeks do not count."""
    days = [Call(narrative="", received_at=f"2026-03-{day:02}T00:00:00Z") for day in range(1, 7)]
    whole = Table(days, pd.DataFrame({"eligible": [None, True, None, "unsure", False, None]}).astype(object))
    block = Table([days[1], days[4]], whole.labels.iloc[[1, 4]])
    assert left_out_of(whole, block).calls == [days[2]]


def test_calls_that_are_clusters_of_their_own_give_the_exact_bound():
    """Without repeat callers the clustered bound is the exact one."""
    events = np.arange(200) < 4
    assert clustered_upper_bound(events, range(200), confidence=0.95).bound == pytest.approx(
        upper_bound(4, 200, confidence=0.95)
    )


def test_copies_of_calls_prove_no_more_than_the_calls():
    """The same calls by the same callers ten times over prove about as much as once."""
    events, callers = np.arange(200) < 4, np.arange(200)
    once = clustered_upper_bound(events, callers, confidence=0.95)
    ten = clustered_upper_bound(np.tile(events, 10), np.tile(callers, 10), confidence=0.95)
    assert ten.bound >= once.bound
    assert ten.effective_n <= 210
    none = clustered_upper_bound(np.zeros(2000, dtype=bool), np.tile(callers, 10), confidence=0.95)
    assert none.effective_n == pytest.approx(200)


def test_the_key_with_the_higher_bound_counts_and_says_when_it_breaks_the_promise():
    """Where one address has all the false clears, the calls are worth few, and the line reports a broken promise."""
    n = 400
    block = Block(
        scores=np.where(np.arange(n) < 8, 1.0, 0.0), risks=np.zeros(n), eligible=np.zeros(n, dtype=bool),
        dangerous=np.arange(n) >= 200,
    )  # fmt: skip
    address = ["home"] * 8 + [f"a{row}" for row in range(8, n)]
    keys = pd.DataFrame({"caller_key": [None] * n, "address_key": address})
    point = WIDE_OPEN.__class__(
        **(WIDE_OPEN.to_record() | {"eligible_at": 0.5, "max_false_clear": 0.05, "confidence": 0.95})
    )
    bounds = clustered_bounds(block, keys, point)
    assert bounds["false_clear"].bound > upper_bound(8, n, confidence=0.95)
    assert bounds["false_clear"].clusters == n - 7
    lines = clustered_lines(bounds, point)
    assert "more than the promised 0.05" in lines[0]
    assert "dangerous clears: 0 in 200 calls" in lines[1]
