"""Intervals cover what they promise to cover, and corrections do what their authors say."""

import itertools

import numpy as np
import pytest
from scipy import stats

from models.statistics import (
    bootstrap_draws,
    equal_count_bins,
    holm,
    paired_difference,
    percentile_interval,
    share,
    upper_bound,
)


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (1, 10), (50, 5873), (20, 20)])
def test_a_share_lies_in_its_interval_and_the_interval_between_nought_and_one(hits, n):
    """Wilson's and the exact interval hold the share, also at the ends, and are never of width 0."""
    for method in ("wilson", "exact"):
        estimate = share(hits, n, confidence=0.95, method=method)
        assert -1e-12 <= estimate.low <= estimate.value + 1e-12
        assert estimate.value - 1e-12 <= estimate.high <= 1
        assert estimate.high - estimate.low > 0


def test_the_upper_bound_is_clopper_and_pearsons():
    """It is the quantile of the beta law, and 1 where all calls are hits or there are none."""
    assert upper_bound(3, 100, confidence=0.95) == pytest.approx(stats.beta.ppf(0.95, 4, 97))
    assert upper_bound(5, 5, confidence=0.95) == upper_bound(0, 0, confidence=0.95) == 1.0


def test_a_paired_difference_covers():
    """A thousand draws of correlated answers: the 95 % interval holds the true difference nineteen times in twenty."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(1000):
        common, own = rng.random(80) < 0.7, rng.random((2, 80))
        first, second = common & (own[0] < 0.95), common & (own[1] < 0.85)
        estimate = paired_difference(first, second, confidence=0.95)
        held += estimate.low <= 0.07 <= estimate.high
    assert 0.93 < held / 1000 < 0.985


def test_whole_clusters_are_drawn():
    """With clusters a draw holds all rows of a cluster, as often as the cluster was drawn; and the interval is wider."""
    clusters = np.repeat(np.arange(40), 25)
    values = np.repeat(np.random.default_rng(0).random(40), 25)
    drawn = bootstrap_draws(len, 1000, resamples=50, clusters=clusters)
    assert set(drawn) == {1000.0}
    ends = [
        percentile_interval(bootstrap_draws(lambda rows: values[rows].mean(), 1000, resamples=400, **more), confidence=0.95)
        for more in ({}, {"clusters": clusters})
    ]
    assert ends[1][1] - ends[1][0] > 3 * (ends[0][1] - ends[0][0])


def test_strata_are_drawn_each_by_itself():
    """An unpaired comparison keeps the number of rows of each group."""
    counts = bootstrap_draws(lambda rows: [(rows < 30).sum(), (rows >= 30).sum()], 100, resamples=20, strata=(30, 70))
    assert (counts == [30, 70]).all()


def test_draws_for_which_the_figure_does_not_exist_are_drawn_again():
    """Every draw counts, and where none can, there are none."""
    some = bootstrap_draws(lambda rows: rows.mean(), 3, resamples=50, defined=lambda rows: len(set(rows)) > 1)
    none = bootstrap_draws(lambda rows: rows.mean(), 3, resamples=5, defined=lambda _: False)
    assert (len(some), len(none)) == (50, 0)


def test_holm_keeps_the_order_and_corrects():
    """The textbook's example, and never above 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_bins_hold_as_many_calls_each():
    """Bins of equal count hold every row once, in the order of the values."""
    values = np.random.default_rng(0).random(103)
    bins = equal_count_bins(values, 10)
    assert sorted(np.concatenate(bins)) == list(range(103))
    assert {len(part) for part in bins} == {10, 11}
    assert all(values[a].max() <= values[b].min() for a, b in itertools.pairwise(bins))
