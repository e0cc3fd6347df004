"""Say how sure the risk is: outcomes are known only where a team went, and few of them are bad.

Training weighs each known outcome by how seldom calls like it were gone to (`weigh`), which corrects for
selection among calls that could have been served. Calls that are never served have no outcomes to learn from; for them
nothing corrects, and the interval of their band is the least that can be said.
Source: inverse probability weighting, Horvitz and Thompson, JASA 47 (1952); intervals: Clopper and Pearson (1934).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression

_BANDS = 3
_MAX_WEIGHT = 5.0


@dataclass(frozen=True, slots=True)
class RiskTable:
    """Hold the share of adverse events in each third of the scores of served calls, with its interval.

    `edges` are the upper scores of all bands but the last; `bands` are (low, high, calls, events).
    """

    edges: tuple[float, ...]
    bands: tuple[tuple[float, float, int, int], ...]

    def interval(self, probability: float | None) -> tuple[float, float] | None:
        """Return the interval of the band that a probability falls into."""
        if probability is None or not self.bands:
            return None
        low, high, _, _ = self.bands[int(np.searchsorted(self.edges, probability, side="left"))]
        return low, high

    def to_record(self) -> dict[str, Any]:
        """Write the table as plain JSON values."""
        return {"edges": list(self.edges), "bands": [list(band) for band in self.bands]}

    @classmethod
    def from_record(cls, record: Mapping[str, Sequence[Any]]) -> "RiskTable":
        """Read what `to_record` wrote."""
        bands = tuple((float(low), float(high), int(n), int(events)) for low, high, n, events in record["bands"])
        return cls(tuple(map(float, record["edges"])), bands)


def risk_table(scores: NDArray[np.float64], events: NDArray[np.bool_], *, confidence: float) -> RiskTable:
    """Count adverse events by thirds of the risk scores of served calls; shapes (n,) and (n,)."""
    if len(scores) < _BANDS or len(np.unique(scores)) < _BANDS:
        return RiskTable((), ())
    edges = np.quantile(scores, np.arange(1, _BANDS) / _BANDS)
    band_of = np.searchsorted(edges, scores, side="left")
    bands = []
    for band in range(_BANDS):
        n, k = int(np.sum(band_of == band)), int(events[band_of == band].sum())
        low = float(stats.beta.ppf((1 - confidence) / 2, k, n - k + 1)) if k else 0.0
        high = float(stats.beta.ppf((1 + confidence) / 2, k + 1, n - k)) if k < n else 1.0
        bands.append((round(low, 6), round(high, 6), n, k))
    return RiskTable(tuple(float(edge) for edge in edges), tuple(bands))


def selection_model(
    encoded: Any, known: NDArray[np.bool_], could_be: NDArray[np.bool_], *, seed: int
) -> LogisticRegression | None:
    """Learn who is served among those who could be; nothing where all or none of them are.

    Shapes: encoded (n, features), known and could_be (n,).
    """
    rows = np.flatnonzero(could_be | known)
    if len(np.unique(known[rows])) < 2:
        return None
    model = LogisticRegression(C=0.1, max_iter=1000, random_state=seed)
    return model.fit(encoded[rows], known[rows])


def weigh(model: LogisticRegression | None, encoded: Any, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return one over each call's chance of being served, shape (n,): 1 on average over the known, at most 5."""
    if model is None or not known.any():
        return np.ones(len(known))
    raw = 1.0 / np.clip(model.predict_proba(encoded)[:, 1], 0.02, 1.0)
    return np.asarray(np.minimum(raw / raw[known].mean(), _MAX_WEIGHT))
