"""A trial is analysed by intention to treat, clustered by call-taker, with bounds for interim looks."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from models.errors import InvalidData
from pipelines.operations import trial
from pipelines.operations.trial_looks import bounds, spent


def table(rows):
    """Return decisions of a trial with the columns that it reads."""
    names = ("arm", "actor", "human", "suggested", "served", "unfit", "adverse_event", "elapsed_ms")
    return pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows], columns=list(names)).astype(object)


def drawn(rng, calls, takers, *, effect, spread=0.3):
    """Return events, arms and call-takers: each taker has a habit of their own, and seeing the suggestion adds `effect`."""
    habits = np.clip(0.5 + spread * rng.normal(size=takers), 0.05, 0.85)
    who, shown = rng.integers(0, takers, calls), rng.random(calls) < 0.5
    return rng.random(calls) < habits[who] + effect * shown, shown, [str(each) for each in who]


def test_every_call_of_an_arm_counts_in_it():
    """Calls that nobody judged and calls without an outcome stay in the denominator, in both arms."""
    found = trial.arms(
        table([
            ("shown", "a", "ELIGIBLE", "ELIGIBLE", True, False, "none", 1000),
            ("shown", "a", "ELIGIBLE", "ELIGIBLE", True, True, "upgraded_to_police", 3000),
            ("shown", "b", "REVIEW", "ELIGIBLE", None, None, None, None),
            ("shown", "b", None, "ELIGIBLE", None, None, None, None),
            ("silent", "b", "ELIGIBLE", "REVIEW", True, False, "felt_unsafe", None),
            (None, "b", "ELIGIBLE", "ELIGIBLE", True, False, "none", None),
        ]),
        confidence=0.95,
    )  # fmt: skip
    shown, silent = found
    assert {name: each.value for name, each in shown.shares.items()} == {
        "judged": 0.75, "same_as_model": 0.5, "sent": 0.5, "served": 0.5, "right": 0.25, "wrong": 0.25, "adverse": 0.25,
        "known": 0.5,
    }  # fmt: skip
    assert all(each.n == 4 for each in shown.shares.values())
    assert (shown.takers, shown.seconds) == (2, 2.0)
    assert (silent.shares["right"].value, silent.shares["adverse"].value) == (0.0, 1.0)


def test_the_clustered_difference_is_that_of_statsmodels():
    """Estimate and standard error are those of a peer's linear model with cluster-robust errors."""
    event, shown, takers = drawn(np.random.default_rng(0), 600, 25, effect=0.1)
    ours = trial.clustered_difference(event, shown, takers, confidence=0.95)
    model = sm.OLS(event.astype(float), sm.add_constant(shown.astype(float)))
    peer = model.fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(pd.Series(takers))[0]}, use_t=True)
    assert ours.value == pytest.approx(peer.params[1])
    assert ours.error == pytest.approx(peer.bse[1])
    assert (ours.low, ours.high) == pytest.approx(tuple(peer.conf_int()[1]))


def test_one_call_taker_is_said_to_be_one():
    """With a single call-taker the calls are their own clusters, and the report says what that means."""
    rows = [("shown", "a", "ELIGIBLE" if n % 2 else "REVIEW", "ELIGIBLE", None, None, None, None) for n in range(20)]
    rows += [("silent", "a", "REVIEW", "ELIGIBLE", None, None, None, None) for _ in range(20)]
    changes = trial.differences(table(rows), confidence=0.95)
    assert changes["sent"].low > 0
    assert any("one call-taker" in line for line in trial.lines(trial.arms(table(rows), confidence=0.95), changes))


def test_the_bounds_are_the_published_ones():
    """Five equal looks at 5 %, two-sided, O'Brien and Fleming's shape, as Lan and DeMets' program prints them."""
    assert bounds([0.2, 0.4, 0.6, 0.8, 1.0]) == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.002)
    assert bounds([1.0]) == pytest.approx([1.960], abs=0.001)


def test_the_bounds_spend_what_was_planned():
    """Over unequal looks the chance that any bound is crossed, by scipy's normal distribution, is the whole of 5 %."""
    fractions = [0.3, 0.5, 1.0]
    found = np.array(bounds(fractions))
    covariance = [[np.sqrt(min(a, b) / max(a, b)) for b in fractions] for a in fractions]
    inside = stats.multivariate_normal(cov=covariance, seed=0).cdf(found, lower_limit=-found)
    assert 1 - inside == pytest.approx(0.05, abs=0.0005)
    assert spent(0.5, alpha=0.05) < 0.005


@pytest.mark.parametrize("fractions", [[], [0.5, 0.5], [0.5, 0.4], [0.5, 1.2]])
def test_looks_that_do_not_rise_are_refused(fractions):
    """Two looks at the same number of calls are refused."""
    with pytest.raises(InvalidData, match="rising"):
        bounds(fractions)


def test_a_look_is_judged_by_its_bound_and_not_by_two():
    """A difference of 2.5 standard errors is no finding halfway, and is one at the end."""
    change = trial.Difference(0.05, 0.02, 0.01, 0.09, 30)
    half = list(trial.look_lines(change, figure="sent", calls=500, planned=1000, earlier=()))
    assert "not shown" in half[0]
    end = list(trial.look_lines(change, figure="sent", calls=1000, planned=1000, earlier=(500,)))
    assert "may stop" in end[0]
    with pytest.raises(InvalidData, match="no such figure"):
        trial.primary({"sent": change}, "colour")
