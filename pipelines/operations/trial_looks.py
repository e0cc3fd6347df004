"""Interim looks at a trial: the bounds that keep the chance of a false finding at its planned value.

Stopping at the first of several looks with p below 0.05 gives a false finding far more often than one time in twenty. So the
chance of error is divided over the looks, with very little of it early: the spending function of Lan and DeMets (Biometrika
70 (1983) 659) in the shape of O'Brien and Fleming. The bounds follow by integrating the joint distribution of the looks
(Armitage, McPherson and Rowe, JRSS A 132 (1969) 235).
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from models.errors import InvalidData
from models.statistics import Floats

_POINTS = 1201
_FARTHEST = 8.0


def spent(fraction: float, *, alpha: float) -> float:
    """Return the part of the two-sided chance of error that may be spent up to a fraction of the information, 0 to 1.

    >>> round(spent(1.0, alpha=0.05), 6)
    0.05
    """
    if fraction <= 0:
        return 0.0
    return float(4 * stats.norm.sf(stats.norm.isf(alpha / 4) / math.sqrt(min(1.0, fraction))))


def bounds(fractions: Sequence[float], *, alpha: float = 0.05) -> list[float]:
    """Return the bound of |z| at each look; `fractions` are the looks' rising shares of the planned information.

    Raises `InvalidData` where the fractions do not rise from above 0 to at most 1.

    >>> [round(z, 2) for z in bounds([0.5, 1.0])]
    [2.96, 1.97]
    """
    steps = np.diff([0.0, *fractions])
    if not len(fractions) or (steps <= 0).any() or fractions[-1] > 1:
        remedy = "give rising numbers of calls, at most --planned"
        raise InvalidData("looks must come at rising numbers of calls", value=list(fractions), remedy=remedy)
    bounds_of_looks: list[float] = []
    places: Floats = np.zeros(1)
    density: Floats = np.ones(1)
    width = 1.0
    for look, step in enumerate(steps):
        at, spread = float(fractions[look]), math.sqrt(step)
        budget = spent(at, alpha=alpha) - (spent(float(fractions[look - 1]), alpha=alpha) if look else 0.0)
        z = _bound(places, density * width, budget, at=at, spread=spread)
        bounds_of_looks.append(z)
        edge = z * math.sqrt(at)
        ahead = np.linspace(-edge, edge, _POINTS)
        density = stats.norm.pdf((ahead[:, None] - places[None, :]) / spread) @ (density * width) / spread
        width, places = float(ahead[1] - ahead[0]), ahead
    return bounds_of_looks


def _bound(places: Floats, mass: Floats, budget: float, *, at: float, spread: float) -> float:
    """Return the |z| at which a look spends its budget; `places` and `mass` are the distribution at the look before."""

    def excess(z: float) -> float:
        edge = z * math.sqrt(at)
        beyond = stats.norm.sf((edge - places) / spread) + stats.norm.cdf((-edge - places) / spread)
        return float(beyond @ mass) - budget

    return _FARTHEST if excess(_FARTHEST) >= 0 else float(optimize.brentq(excess, 0.0, _FARTHEST))
