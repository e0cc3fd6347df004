"""Split calls in time into four blocks with no caller on two sides, and assert it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.call import Call
from models.errors import InvalidData, LeakageError
from pipelines.config import SplitSettings

BLOCKS = ("fit", "calibrate", "certify", "test")
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Split:
    """Hold the row numbers of each block, and how many rows were left out because their caller was seen earlier."""

    fit: Indices
    calibrate: Indices
    certify: Indices
    test: Indices
    left_out: int


def split(calls: list[Call], callers: pd.Series, settings: SplitSettings) -> Split:
    """Cut calls in time order; a caller belongs to the block of their first call, and their later calls elsewhere go.

    Raises `InvalidData` where a call has no time, `LeakageError` where the result would leak.
    """
    undated = sum(call.received_at is None for call in calls)
    if undated:
        raise InvalidData("calls have no received_at", value=undated, remedy="training splits by time: fill it in")
    times = pd.Series(pd.to_datetime([str(call.received_at) for call in calls], utc=True, format="ISO8601"))
    order = np.argsort(times.to_numpy(), kind="stable")
    edges = np.cumsum([settings.fit, settings.calibrate, settings.certify]) * len(calls)
    block = np.empty(len(calls), dtype=np.intp)
    block[order] = np.searchsorted(edges, np.arange(len(calls)), side="right")
    keys = callers.where(callers.notna(), pd.Series([f"row-{number}" for number in range(len(calls))]))
    first = pd.Series(block).groupby(keys.to_numpy()).transform("min").to_numpy()
    fit, calibrate, certify, test = (np.flatnonzero((block == number) & (first == block)) for number in range(len(BLOCKS)))
    kept = len(fit) + len(calibrate) + len(certify) + len(test)
    result = Split(fit, calibrate, certify, test, left_out=len(calls) - kept)
    assert_no_leak(result, times, keys)
    return result


def assert_no_leak(result: Split, times: pd.Series, keys: pd.Series) -> None:
    """Raise `LeakageError` where blocks overlap in time or share a caller."""
    blocks = [getattr(result, name) for name in BLOCKS]
    if any(len(block) == 0 for block in blocks):
        raise LeakageError("a block is empty", value=[len(block) for block in blocks], remedy="bring more calls")
    for name, earlier, later in zip(BLOCKS, blocks[:-1], blocks[1:], strict=False):
        if times.iloc[earlier].max() > times.iloc[later].min():
            raise LeakageError("a block reaches past the next one's start", value=name, remedy="report this fault")
    seen: set[str] = set()
    for name, block in zip(BLOCKS, blocks, strict=True):
        callers = set(keys.iloc[block])
        if seen & callers:
            raise LeakageError("a caller stands in two blocks", value=name, remedy="report this fault")
        seen |= callers
