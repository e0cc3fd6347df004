"""Give a share with its interval; a figure without one is not printed anywhere."""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hold a figure with its interval, the method that made it and the number of calls it rests on."""

    value: float
    low: float
    high: float
    n: int
    method: str

    def __str__(self) -> str:
        """Write the figure as a reader wants it."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}, n={self.n})" if self.n else "no calls"


def share(hits: int, n: int, *, confidence: float) -> Estimate:
    """Return a share with its Wilson interval.

    >>> str(share(1, 10, confidence=0.95))
    '0.100 (0.018 to 0.404, n=10)'
    """
    if n == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0, "wilson")
    z = float(stats.norm.ppf((1 + confidence) / 2))
    p, middle = hits / n, (hits / n + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Estimate(p, max(0.0, float(middle - half)), min(1.0, float(middle + half)), n, "wilson")
