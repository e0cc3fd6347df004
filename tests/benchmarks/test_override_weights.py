"""What overrides do to a model's probabilities: learnt from at full weight, and by the share of suggestions overridden."""

import os

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from pipelines.training.labels import override_weight

pytestmark = pytest.mark.benchmark
DRAWS = 200 if os.environ.get("BENCHMARK") == "whole" else 10


def draw(rng, n, *, shift):
    """Return calls of a city, shape (n, 3), their truth, and the log-odds that make it; `shift` moves one effect."""
    calls = rng.normal(size=(n, 3))
    logits = calls @ np.array([2.0, -1.0, shift]) - 1.5
    return calls, rng.random(n) < 1 / (1 + np.exp(-logits))


def losses(seed, *, shift):
    """Return the log loss on later calls of a model from a file alone, with overrides whole, and with weighted ones."""
    rng = np.random.default_rng(seed)
    file, said = draw(rng, 1500, shift=0.0)  # what was learnt at first: the third effect was none
    base = LogisticRegression().fit(file, said)
    used, truth = draw(rng, 1500, shift=shift)
    suggested = base.predict_proba(used)[:, 1] >= 0.5
    overrode = suggested != truth
    later, wanted = draw(rng, 5000, shift=shift)
    shares = {
        kind: override_weight(int(overrode[suggested == kind].sum()), int((suggested == kind).sum())) for kind in (0, 1)
    }
    weighted = np.array([shares[int(kind)] for kind in suggested[overrode]])
    rows, labels = np.concatenate([file, used[overrode]]), np.concatenate([said, truth[overrode]])
    models = [base] + [
        LogisticRegression().fit(rows, labels, sample_weight=np.concatenate([np.ones(len(file)), extra]))
        for extra in (np.ones(len(weighted)), weighted)
    ]
    return [log_loss(wanted, model.predict_proba(later)[:, 1]) for model in models]


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_weighted_overrides_teach_and_do_little_harm(shift):
    """Weighted, errors alone cost little where nothing changed, and still teach where something did."""
    alone, whole, weighted = np.mean([losses(seed, shift=shift) for seed in range(DRAWS)], axis=0)
    print(f"shift {shift}: file alone {alone:.4f}, overrides whole {whole:.4f}, weighted {weighted:.4f}")  # noqa: T201  a benchmark prints
    if shift == 0:
        assert weighted < alone + 0.02
        assert weighted < whole
    else:
        assert weighted < alone  # whole ones adapt faster where much has changed
