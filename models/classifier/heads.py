"""The heads by name, and one compiled head: its calibration as a function of its logits."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

RISKS = ("danger", "medical", "self_harm")
"""What may be at the scene: a weapon or violence, a need for an ambulance first, an attempt under way or imminent."""

HEADS = ("eligible", *RISKS, "risk", "response")
"""The heads. `risk` is any of `RISKS`; `response` has several classes, the others two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadTable:
    """What was learnt of one head beside its weights.

    `method` is `none`, `temperature`, `sigmoid` or `isotonic`. `curves` are its numbers: for `temperature` one array
    (1,); for `sigmoid` an array (2,) of slope and intercept for each calibrated class; for `isotonic` an array (2, m) of
    log-odds and probabilities for each. `intercept` has shape (outputs,).
    """

    classes: tuple[str, ...]
    intercept: Vector
    method: str
    curves: tuple[Vector, ...] = ()


class Head:
    """One compiled head, of two classes or of several."""

    def __init__(self, table: HeadTable) -> None:
        """Read a head's table; raise `ValueError` for a method or a number of curves that is not known."""
        self.classes = list(table.classes)
        self.intercept = table.intercept
        self._first = float(table.intercept[0])
        several = len(self.classes) > 2
        self._of_two = None if several else _of_two(table)
        self._of_several = _of_several(table) if several else None

    def probability(self, logit: float) -> float:
        """Return the probability of the second of two classes."""
        if self._of_two is None:
            raise ValueError("this head has several classes")
        return self._of_two(logit + self._first)

    def probabilities(self, logits: Vector) -> Vector:
        """Return the probability of each class; shape (classes,)."""
        if self._of_several is not None:
            return self._of_several(logits + self.intercept)
        p = self.probability(float(logits[0]))
        return np.array([1.0 - p, p])


def _of_two(table: HeadTable) -> Callable[[float], float]:
    """Return the probability of the second of two classes as a function of the logit."""
    if table.method == "none":
        return _logistic
    if table.method == "temperature":
        slope = 2.0 * float(table.curves[0][0])
        return lambda logit: _logistic(slope * logit)
    (numbers,) = table.curves
    return _curve(table.method, numbers)


def _of_several(table: HeadTable) -> Callable[[Vector], Vector]:
    """Return the probabilities of several classes as a function of their logits."""
    if table.method == "none":
        return _softmax
    if table.method == "temperature":
        beta = float(table.curves[0][0])
        return lambda logits: _softmax(beta * logits)
    curves = [_curve(table.method, numbers) for numbers in table.curves]
    return lambda logits: _shared([curve(logit) for curve, logit in zip(curves, logits.tolist(), strict=True)])


def _logistic(logit: float) -> float:
    """Return the logistic function of a logit, nought where it would overflow."""
    return 1.0 / (1.0 + math.exp(-logit)) if logit > -700 else 0.0


def _softmax(logits: Vector) -> Vector:
    """Return the probabilities of several classes."""
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum())


def _curve(method: str, numbers: Vector) -> Callable[[float], float]:
    """Return the probability of one class as a function of its own logit."""
    if method == "sigmoid":
        slope, intercept = map(float, numbers)
        return lambda logit: _logistic(-(slope * logit + intercept))
    if method == "isotonic":
        x, y = numbers
        return lambda logit: float(np.interp(logit, x, y))
    raise ValueError(f"no compiled form for {method}")


def _shared(chances: list[float]) -> Vector:
    """Return the probabilities of the classes, scaled to sum to one; all equal where each is nought."""
    total = math.fsum(chances)
    return np.array(chances) / total if total else np.full(len(chances), 1.0 / len(chances))
