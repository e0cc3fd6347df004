"""The shifts of call-takers, by the local hours at which they begin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SHIFTS = (6, 18)
"""The default hours at which shifts begin."""


def shift_starts(local: pd.Series[pd.Timestamp], shifts: Sequence[int]) -> pd.Series[str]:
    """Return, for local times, the day and hour at which the shift of each began, such as `2026-03-01 18:00`.

    >>> import pandas as pd
    >>> shift_starts(pd.Series([pd.Timestamp("2026-03-01 03:00"), pd.Timestamp("2026-03-01 07:00")]), (6, 18)).tolist()
    ['2026-02-28 18:00', '2026-03-01 06:00']
    """
    starts = sorted(shifts)

    def start(moment: pd.Timestamp) -> str:
        begun = [hour for hour in starts if hour <= moment.hour]
        day = moment if begun else moment - timedelta(days=1)
        return f"{day:%Y-%m-%d} {begun[-1] if begun else starts[-1]:02d}:00"

    return local.map(start, na_action="ignore")
