"""How often calls of a risk score really were dangerous: a table of shares with intervals, and the certified low band.

A table divides the scores of labelled calls that the head has not learnt from into bands and counts, in each, the calls
of which the thing was true. Source of the intervals: Clopper and Pearson, Biometrika 26 (1934).
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifier.operating_point import allowed_errors
from models.common.extras import needs

_QUANTILES = (0.5, 0.75, 0.85, 0.9, 0.95, 0.975)
"""Risk is rare: bands of equal size would put every dangerous call into the last."""

_LOW_QUANTILES = np.arange(0.30, 0.96, 0.01)


@dataclass(frozen=True, slots=True)
class RiskTable:
    """The share of calls, by bands of a head's score, of which it was true.

    `edges` are the upper scores of all bands but the last; `bands` are (low, high, calls, events).
    """

    edges: tuple[float, ...] = ()
    bands: tuple[tuple[float, float, int, int], ...] = ()

    def interval(self, probability: float | None) -> tuple[float, float] | None:
        """Return the interval of the band that a probability falls into, or `None` where nothing was counted."""
        if probability is None or not self.bands:
            return None
        low, high, _, _ = self.bands[bisect_left(self.edges, probability)]
        return low, high

    def to_record(self) -> dict[str, Any]:
        """Return the table as plain JSON values."""
        return {"edges": list(self.edges), "bands": [list(band) for band in self.bands]}

    @classmethod
    def from_record(cls, record: Mapping[str, Sequence[Any]]) -> "RiskTable":
        """Return the table that `to_record` wrote."""
        bands = tuple((float(low), float(high), int(n), int(events)) for low, high, n, events in record["bands"])
        return cls(tuple(map(float, record["edges"])), bands)


def risk_table(scores: NDArray[np.float64], events: NDArray[np.bool_], *, confidence: float) -> RiskTable:
    """Return the table of labelled calls; shapes (n,) and (n,). It is empty where the scores do not differ."""
    with needs("a table of risks"):
        from scipy import stats  # noqa: PLC0415  a second and 60 MB that a service which only reads its model can spare

    edges = np.unique(np.quantile(scores, _QUANTILES)) if len(scores) else np.empty(0)
    if len(edges) < 2:
        return RiskTable()
    band_of = np.searchsorted(edges, scores, side="left")
    bands = []
    for band in range(len(edges) + 1):
        n, k = int(np.sum(band_of == band)), int(events[band_of == band].sum())
        low = float(stats.beta.ppf((1 - confidence) / 2, k, n - k + 1)) if k else 0.0
        high = float(stats.beta.ppf((1 + confidence) / 2, k + 1, n - k)) if k < n else 1.0
        bands.append((round(low, 6), round(high, 6), n, k))
    return RiskTable(tuple(float(edge) for edge in edges), tuple(bands))


def certified_low(
    scores: NDArray[np.float64],
    events: NDArray[np.bool_],
    *,
    edges_from: NDArray[np.float64],
    max_share: float,
    confidence: float,
) -> float | None:
    """Return the score below which at most `max_share` of calls have an event, or `None` where none can be proved.

    Shapes: scores and events (n,). The candidate edges are quantiles of `edges_from`, the scores of an earlier block, and
    are tested from the lowest up until one fails, so that the confidence holds for all of them together (fixed-sequence
    testing; Wiens, Drug Information Journal 37, 2003).
    """
    proved = None
    for edge in np.unique(np.quantile(edges_from, _LOW_QUANTILES)):
        below = scores < edge
        n, k = int(below.sum()), int(events[below].sum())
        if k > allowed_errors(n, max_rate=max_share, confidence=confidence):
            break
        proved = float(edge)
    return proved
