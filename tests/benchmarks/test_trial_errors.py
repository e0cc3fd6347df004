"""How often a trial of nothing finds something: with many looks, and with call-takers of different habits."""

import os

import numpy as np
import pytest

from pipelines.operations import trial
from pipelines.operations.trial_looks import bounds

pytestmark = pytest.mark.benchmark
DRAWS = 4000 if os.environ.get("BENCHMARK") == "whole" else 300
LOOKS = (400, 800, 1200, 1600, 2000)


def block_drawn(rng, calls, takers, *, spread):
    """Return events, arms and call-takers; each taker sees suggestions for whole shifts, and has a habit of their own."""
    habits = np.clip(0.5 + spread * rng.normal(size=takers), 0.05, 0.95)
    shifts = rng.integers(0, takers, calls // 20)
    who, shown = np.repeat(shifts, 20), np.repeat(rng.random(calls // 20) < 0.5, 20)
    return rng.random(calls) < habits[who], shown, [str(each) for each in who]


def test_five_looks_find_nothing_in_a_trial_of_nothing():
    """By the bounds a false finding comes in about 5 % of trials; looking five times at 1.96 makes it 14 %."""
    found, allowed = np.zeros(2), bounds([calls / LOOKS[-1] for calls in LOOKS])
    rng = np.random.default_rng(5)
    for _ in range(DRAWS):
        event, shown = rng.random(LOOKS[-1]) < 0.4, rng.random(LOOKS[-1]) < 0.5
        rows = [str(row) for row in range(LOOKS[-1])]
        at = [abs(trial.clustered_difference(event[:n], shown[:n], rows[:n], confidence=0.95).z) for n in LOOKS]
        found += any(np.array(at) >= allowed), max(at) >= 1.96
    by_bound, naive = found / DRAWS
    print(f"false findings over five looks: by bound {by_bound:.3f}, at 1.96 {naive:.3f}")  # noqa: T201  a benchmark prints
    assert by_bound < 0.08
    assert naive > 0.10


def test_habits_of_call_takers_do_not_make_findings():
    """Where arms change by shift, the interval by call-taker keeps its promise and one by call does not."""
    rng = np.random.default_rng(6)
    wrong = np.zeros(2)
    for _ in range(DRAWS):
        event, shown, takers = block_drawn(rng, 1200, 40, spread=0.2)
        clustered = trial.clustered_difference(event, shown, takers, confidence=0.95)
        alone = trial.clustered_difference(event, shown, [str(n) for n in range(len(event))], confidence=0.95)
        wrong += [not each.low <= 0 <= each.high for each in (clustered, alone)]
    by_taker, by_call = wrong / DRAWS
    print(f"intervals that miss no change: by call-taker {by_taker:.3f}, by call {by_call:.3f}")  # noqa: T201  a benchmark prints
    assert by_taker < 0.09
    assert by_call > 0.12
