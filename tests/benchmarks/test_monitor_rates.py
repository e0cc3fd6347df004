"""How often the monitor alarms when nothing has changed, and how soon when something has: a year of weeks, many times."""

import os

import numpy as np
import pandas as pd
import pytest

from models.programs.call_types import UNMAPPED
from pipelines.operations.monitor import monitor
from pipelines.settings import load_config

WHOLE = os.environ.get("BENCHMARK") == "whole"
WEEKS, CALLS = 52, 150


def year(rng, profile_calls, *, shift=0.0, lost=0.0, unfit=0.02):
    """Return the alarms of a year whose calls are those of training, but for what is changed from week 27 on."""
    edges = np.quantile(rng.beta(0.4, 2, profile_calls), np.arange(1, 10) / 10)
    n = WEEKS * CALLS
    later = np.arange(n) >= n // 2
    at = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(np.arange(n) * 7 / CALLS, unit="D")
    table = pd.DataFrame({
        "decided_at": at.astype(str),
        "eligible_probability": np.clip(rng.beta(0.4, 2, n) + shift * later, 0, 1),
        "missing": [("zone",) if gone else () for gone in rng.random(n) < 0.05 + lost * later],
        "suggested": np.where(rng.random(n) < 0.15, "ELIGIBLE", "NOT_ELIGIBLE"),
        "heart_type": np.where(rng.random(n) < 0.02, UNMAPPED, "trespass"), "call_type": "X",
        "unfit": rng.random(n) < np.where(later, unfit, 0.02),
    })  # fmt: skip
    profile = {"score_edges": edges.tolist(), "missing": {"zone": 0.05}, "calls": profile_calls}
    return monitor(table, profile, load_config().monitor)


@pytest.mark.benchmark
@pytest.mark.parametrize("profile_calls", [300, 1000, 9000])
def test_a_year_without_change_hardly_ever_alarms(profile_calls):
    """At a stated chance of one in a hundred, also where the profile was measured on few calls."""
    years = 200 if WHOLE else 10
    rng = np.random.default_rng(0)
    alarmed = sum(bool(year(rng, profile_calls).alarms) for _ in range(years))
    print(f"\nprofile of {profile_calls} calls: {alarmed} of {years} years without change raised an alarm")  # noqa: T201  a benchmark prints
    assert alarmed <= max(1, 0.03 * years)


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("what", "change"), [("drifted", {"shift": 0.15}), ("missing", {"lost": 0.3}), ("unarmed team", {"unfit": 0.15})]
)
def test_a_change_is_found(what, change):
    """Scores that moved, a field that is gone, teams that met what they should not: found within half a year."""
    years = 50 if WHOLE else 4
    rng = np.random.default_rng(1)
    found = sum(any(what in alarm for alarm in year(rng, 9000, **change).alarms) for _ in range(years))
    print(f"\n{change}: found in {found} of {years} years")  # noqa: T201  a benchmark prints
    assert found >= 0.9 * years
