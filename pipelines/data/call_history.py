"""Earlier calls of each caller and each address, counted from the past of each call only."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.data.labels import KEYS

DAY = 86_400
WINDOWS = {"calls_24h": DAY, "calls_30d": 30 * DAY}
Longs = NDArray[np.int64]


def earlier_calls(keys: NDArray[np.uint64], seconds: Longs, window: int) -> Longs:
    """Return how many calls of the same key came strictly before each call and within a window, in seconds.

    Shapes: keys, seconds and the result (n,). Calls of the same second do not count each other.
    """
    _, codes = np.unique(keys, return_inverse=True)
    start = seconds - seconds.min() + window
    span = int(start.max()) + window + 1
    place = codes.astype(np.int64) * span + start
    ordered = np.sort(place)
    before = np.searchsorted(ordered, place, side="left")
    return np.asarray(before - np.searchsorted(ordered, place - window, side="left"), dtype=np.int64)


def compact(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a table that counting needs, in some thirty bytes per row: seconds, hashed keys, known counts.

    `frame` has received_at (times with offset), and caller_key, address_key or both. A missing time or key becomes 0.
    """
    times = pd.to_datetime(frame["received_at"], utc=True, format="ISO8601", errors="coerce")
    seconds = ((times - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)).fillna(0)
    compacted = pd.DataFrame({"seconds": seconds.to_numpy().astype(np.int64)}, index=frame.index)
    for key in KEYS:
        keys = frame[key] if key in frame else pd.Series(None, index=frame.index, dtype=object)
        hashed = pd.util.hash_array(keys.astype(str).to_numpy(dtype=object))
        compacted[key] = np.where(keys.notna().to_numpy(), hashed, np.uint64(0))
    for column in WINDOWS:
        counts = pd.to_numeric(frame[column]) if column in frame else pd.Series(np.nan, index=frame.index)
        compacted[column] = counts.astype("Float32")
    return compacted


def fill(table: pd.DataFrame) -> pd.DataFrame:
    """Return calls_24h and calls_30d of a compact table, counted where they were missing.

    The larger of the counts by caller and by address is taken; rows without a time, or without a key, stay missing.
    """
    filled = pd.DataFrame(index=table.index)
    for column, window in WINDOWS.items():
        counted = np.full(len(table), np.nan)
        for key in KEYS:
            known = (table[key].to_numpy() != 0) & (table["seconds"].to_numpy() != 0)
            if known.any():
                counts = earlier_calls(table[key].to_numpy()[known], table["seconds"].to_numpy()[known], window)
                counted[known] = np.fmax(counted[known], counts)
        filled[column] = table[column].astype("Float64").fillna(pd.Series(counted, index=table.index)).astype("Int64")
    return filled
