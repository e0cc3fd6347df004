"""Four blocks of calls in time, with no caller and no address in two of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.call import Call
from models.errors import InvalidData, LeakageError
from pipelines.data.labels import KEYS
from pipelines.settings import SplitSettings

BLOCKS = ("fit", "calibrate", "certify", "test")
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Split:
    """The row numbers of each block, and how many rows were left out because their caller or address was seen earlier."""

    fit: Indices
    calibrate: Indices
    certify: Indices
    test: Indices
    left_out: int


def split(calls: list[Call], keys: pd.DataFrame, settings: SplitSettings) -> Split:
    """Return calls cut in time order; a caller belongs to the block of their first call; later calls elsewhere are left out.

    The same holds for addresses. `keys` has the columns of `KEYS`, one row a call; a missing key is nobody else's.
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
    keys, stays = _own(keys), np.ones(len(calls), dtype=bool)
    for name in KEYS:
        stays &= pd.Series(block).groupby(keys[name].to_numpy()).transform("min").to_numpy() == block
    fit, calibrate, certify, test = (np.flatnonzero((block == number) & stays) for number in range(len(BLOCKS)))
    result = Split(fit, calibrate, certify, test, left_out=int((~stays).sum()))
    assert_no_leak(result, times, keys)
    return result


def _own(keys: pd.DataFrame) -> pd.DataFrame:
    """Return the keys, with one of its own for every call that has none."""
    own = pd.Series([f"row-{number}" for number in range(len(keys))])
    return pd.DataFrame({name: keys[name].reset_index(drop=True).where(keys[name].notna().to_numpy(), own) for name in KEYS})


def assert_no_leak(result: Split, times: pd.Series, keys: pd.DataFrame) -> None:
    """Raise `LeakageError` where blocks overlap in time or share a caller or an address."""
    blocks = [getattr(result, name) for name in BLOCKS]
    if any(len(block) == 0 for block in blocks):
        raise LeakageError("a block is empty", value=[len(block) for block in blocks], remedy="bring more calls")
    for name, earlier, later in zip(BLOCKS, blocks[:-1], blocks[1:], strict=False):
        if times.iloc[earlier].max() > times.iloc[later].min():
            raise LeakageError("a block reaches past the next one's start", value=name, remedy="report this fault")
    for key in KEYS:
        seen: set[str] = set()
        for name, block in zip(BLOCKS, blocks, strict=True):
            held = set(keys[key].iloc[block])
            if seen & held:
                raise LeakageError(
                    f"a {key.removesuffix('_key')} stands in two blocks", value=name, remedy="report this fault"
                )
            seen |= held
