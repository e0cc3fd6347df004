"""How scores become probabilities is chosen by log loss, and compiled exactly."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from models.classifier.calibration import METHODS, calibrated
from models.classifier.compiler import _head
from models.classifier.heads import Head

RNG = np.random.default_rng(0)
ROWS = csr_matrix(RNG.normal(size=(900, 6)))


def labels(*, several):
    """Return labels that lean on the rows."""
    lean = ROWS.toarray()[:, :3] + RNG.normal(size=(900, 3))
    return np.array(["a", "b", "c"])[lean.argmax(axis=1)] if several else (lean[:, 0] > 0.8).astype(int)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("several", [False, True])
def test_every_method_compiles_to_scikit_learns_own_numbers(method, several):
    """Sigmoid, temperature and isotonic, for two classes and for three: equal to 1e-12."""
    truth = labels(several=several)
    linear = LogisticRegression().fit(ROWS, truth)
    fitted = CalibratedClassifierCV(FrozenEstimator(linear), method=method).fit(ROWS, truth)
    head = Head(_head(fitted, linear))
    expected = fitted.predict_proba(ROWS[:50])
    for row, wanted in zip(ROWS[:50].toarray(), expected, strict=True):
        assert head.probabilities(row @ linear.coef_.T) == pytest.approx(wanted, abs=1e-12)


def test_the_method_with_the_lowest_log_loss_wins_unless_a_simpler_one_is_as_good():
    """Scores that are too bold by a curve no sigmoid has are given to isotonic; plain ones are not."""
    truth = labels(several=False)
    linear = LogisticRegression().fit(ROWS, truth)
    _, plain = calibrated(linear, ROWS, truth, seed=0)
    assert plain.method in {"temperature", "sigmoid"}
    assert set(plain.log_loss) == set(METHODS)
    steps = csr_matrix(np.repeat([[-3.0], [0.0], [3.0]], 400, axis=0))
    odd = np.r_[np.arange(400) % 10 == 0, np.arange(400) % 10 != 5, np.arange(400) % 10 != 5].astype(int)
    flat = LogisticRegression().fit(steps, odd)
    _, chosen = calibrated(flat, steps, odd, seed=0)
    assert chosen.method == "isotonic"
    assert chosen.log_loss["isotonic"] < chosen.log_loss["sigmoid"]


def test_a_head_with_hardly_any_events_is_left_as_fitted():
    """Nine events place no curve."""
    truth = (np.arange(900) < 9).astype(int)
    linear = LogisticRegression().fit(ROWS, truth)
    fitted, chosen = calibrated(linear, ROWS, truth, seed=0)
    assert fitted is linear
    assert chosen.method == "none"
