"""Four blocks of calls in time: two to learn from, two to judge on, and nobody learnt from in whom is judged.

A caller or an address that calls again later is one of the city's ordinary calls: judging without them would be judging on
easier calls than those to come. So later calls stay where they are, and the earlier ones of the same caller or address are
not learnt from. The two blocks that judge leave nothing out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.call import Call
from models.errors import InvalidData, LeakageError
from pipelines.data.labels import KEYS
from pipelines.settings import SplitSettings

BLOCKS = ("fit", "calibrate", "certify", "test")
JUDGED = ("certify", "test")
"""The blocks that nothing is learnt from: they may share callers and addresses with one another, as the future does."""

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Split:
    """The row numbers of each block, and how many rows of each were left out because their caller or address comes later."""

    fit: Indices
    calibrate: Indices
    certify: Indices
    test: Indices
    removed: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_out(self) -> int:
        """Return how many rows were left out of all blocks."""
        return sum(self.removed.values())

    def share_left_out(self, block: str) -> float:
        """Return the share of a block's calls that were left out."""
        removed = self.removed.get(block, 0)
        return removed / max(1, removed + len(getattr(self, block)))

    def __str__(self) -> str:
        """Return the sizes of the blocks, with the share that was left out of each."""
        return ", ".join(f"{name} {len(getattr(self, name))} ({self.share_left_out(name):.1%} left out)" for name in BLOCKS)


def split(calls: list[Call], keys: pd.DataFrame, settings: SplitSettings) -> Split:
    """Return calls cut in time order; whoever calls in a later block is not learnt from in an earlier one.

    `keys` has the columns of `KEYS`, one row a call; a missing key is nobody else's. Raises `InvalidData` where a call has
    no time, `LeakageError` where the result would leak.
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
        stays &= pd.Series(block).groupby(keys[name].to_numpy()).transform("max").to_numpy() == block
    stays |= block >= BLOCKS.index(JUDGED[0])
    fit, calibrate, certify, test = (np.flatnonzero((block == number) & stays) for number in range(len(BLOCKS)))
    removed = {name: int(((block == number) & ~stays).sum()) for number, name in enumerate(BLOCKS)}
    result = Split(fit, calibrate, certify, test, removed)
    assert_no_leak(result, times, keys)
    return result


def _own(keys: pd.DataFrame) -> pd.DataFrame:
    """Return the keys, with one of its own for every call that has none."""
    own = pd.Series([f"row-{number}" for number in range(len(keys))])
    return pd.DataFrame({name: keys[name].reset_index(drop=True).where(keys[name].notna().to_numpy(), own) for name in KEYS})


def assert_no_leak(result: Split, times: pd.Series, keys: pd.DataFrame) -> None:
    """Raise `LeakageError` where a block is empty, blocks overlap in time, or one that is learnt from shares a caller.

    The same holds for addresses; the blocks that judge may share them with one another.
    """
    blocks = [getattr(result, name) for name in BLOCKS]
    if any(len(block) == 0 for block in blocks):
        sizes = [len(block) for block in blocks]
        raise LeakageError("a block is empty", value=sizes, remedy="bring more calls, or finer address keys")
    for name, earlier, later in zip(BLOCKS, blocks[:-1], blocks[1:], strict=False):
        if times.iloc[earlier].max() > times.iloc[later].min():
            raise LeakageError("a block reaches past the next one's start", value=name, remedy="report this fault")
    for key in KEYS:
        later = set(keys[key].iloc[np.concatenate([getattr(result, name) for name in JUDGED])])
        for name in ("calibrate", "fit"):
            held = set(keys[key].iloc[getattr(result, name)])
            if later & held:
                raise LeakageError(
                    f"a {key.removesuffix('_key')} stands in two blocks", value=name, remedy="report this fault"
                )
            later |= held
