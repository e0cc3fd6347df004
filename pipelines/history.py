"""Count each caller's and each address's earlier calls, from the past of each call only."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DAY = 86_400
WINDOWS = {"calls_24h": DAY, "calls_30d": 30 * DAY}
Longs = NDArray[np.int64]


def earlier_calls(keys: NDArray[np.uint64], seconds: Longs, window: int) -> Longs:
    """Return how many calls of the same key came strictly before each call and within a window, in seconds.

    Shapes: keys, seconds and the result (n,). Calls of the same second do not count one another: none is the past.
    """
    _, codes = np.unique(keys, return_inverse=True)
    start = seconds - seconds.min() + window
    span = int(start.max()) + window + 1
    place = codes.astype(np.int64) * span + start
    ordered = np.sort(place)
    before = np.searchsorted(ordered, place, side="left")
    return np.asarray(before - np.searchsorted(ordered, place - window, side="left"), dtype=np.int64)


def add_history(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with calls_24h and calls_30d filled where they were missing: the larger of caller's and address's.

    The table has received_at (times with offset), and caller_key, address_key or both; rows without either stay missing.
    """
    times = pd.to_datetime(frame["received_at"], utc=True, format="ISO8601", errors="coerce")
    made = frame.copy()
    for column, window in WINDOWS.items():
        counted = pd.Series(np.nan, index=frame.index)
        for key in ("caller_key", "address_key"):
            if key not in frame:
                continue
            known = (frame[key].notna() & times.notna()).to_numpy()
            if known.any():
                seconds = (times[known] - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
                hashed = pd.util.hash_array(frame.loc[known, key].astype(str).to_numpy(dtype=object))
                counts = earlier_calls(hashed, seconds.to_numpy().astype(np.int64), window)
                counted[known] = np.fmax(counted[known].to_numpy(), counts)
        given = pd.to_numeric(frame[column]) if column in frame else pd.Series(np.nan, index=frame.index)
        made[column] = given.where(given.notna(), counted).astype("Int64")
    return made
