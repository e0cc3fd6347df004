"""The calibration of a head: how its scores become probabilities, chosen by log loss on the calibration block."""

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold

METHODS = ("temperature", "sigmoid", "isotonic")
"""From the fewest numbers to fit to the most."""

MIN_EVENTS = 10
"""Fewer known events than this cannot place a calibration curve; the head is then left as fitted."""

_FOLDS = 5
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Calibration:
    """The method that was chosen and why: the mean log loss of each method over the folds of `n` calls."""

    method: str
    log_loss: dict[str, float]
    n: int

    def to_record(self) -> dict[str, Any]:
        """Return the choice as plain JSON values."""
        return asdict(self)


def calibrated(
    estimator: Any, encoded: Any, truth: NDArray[Any], *, weights: NDArray[np.float64] | None = None, seed: int
) -> tuple[Any, Calibration]:
    """Calibrate a fitted head on a later block; shapes: encoded (n, features), truth and weights (n,).

    Each method is fitted on four fifths of the block and judged on the rest, five times; the simplest whose log loss lies
    within one standard error of the lowest wins. With fewer than `MIN_EVENTS` of a class the head stays as it is.
    """
    counts = [int(np.sum(truth == name)) for name in estimator.classes_]
    if min(counts) < MIN_EVENTS:
        return estimator, Calibration("none", {}, len(truth))
    places = np.searchsorted(estimator.classes_, truth)
    losses = {method: _losses(estimator, encoded, truth, places, method, weights, seed) for method in METHODS}
    best = min(METHODS, key=lambda method: float(losses[method].mean()))
    chosen = next(method for method in METHODS if _close(losses[method], losses[best]))
    fitted = _fitted(estimator, encoded, truth, method=chosen, weights=weights)
    return fitted, Calibration(chosen, {name: round(float(loss.mean()), 6) for name, loss in losses.items()}, len(truth))


def _fitted(estimator: Any, encoded: Any, truth: Any, *, method: str, weights: Any) -> CalibratedClassifierCV:
    """Return the calibration of a fitted head, which itself is left as it is and so needs no weights."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Since FrozenEstimator does not appear to accept sample_weight")
        return CalibratedClassifierCV(FrozenEstimator(estimator), method=method).fit(encoded, truth, sample_weight=weights)


def _losses(
    estimator: Any, encoded: Any, truth: Any, places: Any, method: str, weights: Any, seed: int
) -> NDArray[np.float64]:
    """Return each call's log loss under a method that was fitted without it; shape (n,)."""
    losses = np.empty(len(truth))
    for rest, held in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(places, places):
        some = None if weights is None else weights[rest]
        fitted = _fitted(estimator, encoded[rest], truth[rest], method=method, weights=some)
        chances = fitted.predict_proba(encoded[held])[np.arange(len(held)), places[held]]
        losses[held] = -np.log(np.clip(chances, _TINY, 1.0))
    return losses if weights is None else losses * weights


def _close(losses: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    """Return whether a method lies within one standard error of the best, call by call."""
    gap = losses - best
    return bool(gap.mean() <= gap.std(ddof=1) / np.sqrt(len(gap)))
