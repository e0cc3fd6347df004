"""A limit on requests per principal: a token bucket that fills at a steady rate and holds two seconds' worth."""

import time
from dataclasses import dataclass

_MOST_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    """The number of requests left, and the time at which it was computed."""

    left: float
    at: float


class RateLimiter:
    """The buckets of all principals of one process; a rate of 0 is no limit."""

    def __init__(self, rate: float) -> None:
        """Store the rate, in requests per second."""
        self._rate = rate
        self._buckets: dict[str, _Bucket] = {}

    def allows(self, name: str) -> bool:
        """Take one request from a principal's bucket; return whether there was one."""
        if self._rate <= 0:
            return True
        now, full = time.monotonic(), 2.0 * self._rate
        if len(self._buckets) >= _MOST_BUCKETS and name not in self._buckets:
            self._forget_full(now, full)
        bucket = self._buckets.setdefault(name, _Bucket(full, now))
        bucket.left = min(full, bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True

    def _forget_full(self, now: float, full: float) -> None:
        """Delete the buckets that are full: a new one is the same."""
        self._buckets = {
            name: bucket for name, bucket in self._buckets.items() if bucket.left + (now - bucket.at) * self._rate < full
        }
