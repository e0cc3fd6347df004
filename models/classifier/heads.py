"""Compile a fitted head into its weights and its calibration, as functions of its logits."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Vector = NDArray[np.float64]


class Head:
    """One compiled head: its weights, shape (features, outputs), and its calibration."""

    def __init__(self, fitted: Any) -> None:
        """Read a logistic regression, calibrated or not; raise `ValueError` for a form that is not known."""
        self.classes = [str(name) for name in fitted.classes_]
        linear, several = fitted, len(self.classes) > 2
        self._calibrate: Callable[[Vector], Vector] = _softmax if several else _logistic
        if not isinstance(fitted, LogisticRegression):
            (inner,) = fitted.calibrated_classifiers_
            linear = inner.estimator.estimator
            self._calibrate = _calibration(inner.calibrators, several=several)
        self.weights: Vector = np.ascontiguousarray(linear.coef_.T)
        self.intercept: Vector = linear.intercept_

    def probabilities(self, logits: Vector) -> Vector:
        """Return the probability of each class; shape (classes,)."""
        return self._calibrate(logits + self.intercept)


def _logistic(logits: Vector) -> Vector:
    """Return both probabilities of a binary head from its one logit."""
    logit = float(logits[0])  # numpy's own scalars are slow
    p = 1.0 / (1.0 + math.exp(-logit)) if logit > -700 else 0.0
    return np.array([1.0 - p, p])


def _softmax(logits: Vector) -> Vector:
    """Return the probabilities of several classes."""
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum())


def _calibration(calibrators: list[Any], *, several: bool) -> Callable[[Vector], Vector]:
    """Return the calibration of a head as a function of its logits."""
    kind = type(calibrators[0]).__name__
    if kind == "_TemperatureScaling":
        beta = float(calibrators[0].beta_)
        return (lambda logits: _softmax(beta * logits)) if several else (lambda logits: _logistic(2.0 * beta * logits))
    curves = [_curve(calibrator) for calibrator in calibrators]
    if several:
        return lambda logits: _shared([curve(logit) for curve, logit in zip(curves, logits.tolist(), strict=True)])
    (only,) = curves
    return lambda logits: np.array([1.0 - (p := only(float(logits[0]))), p])


def _curve(calibrator: Any) -> Callable[[float], float]:
    """Return the probability of one class as a function of its own logit."""
    kind = type(calibrator).__name__
    if kind == "_SigmoidCalibration":
        a, b = float(calibrator.a_), float(calibrator.b_)
        return lambda logit: float(_logistic(np.array([-(a * logit + b)]))[1])
    if kind == "IsotonicRegression":
        x, y = calibrator.X_thresholds_, calibrator.y_thresholds_
        return lambda logit: float(np.interp(logit, x, y))
    raise ValueError(f"no compiled form for {kind}")


def _shared(chances: list[float]) -> Vector:
    """Return the probabilities of the classes, scaled to sum to one; all equal where each is nought."""
    total = math.fsum(chances)
    return np.array(chances) / total if total else np.full(len(chances), 1.0 / len(chances))
