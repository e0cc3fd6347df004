"""Four blocks of calls in time: two to learn from, two to judge on, and nobody learnt from in whom is judged.

A caller or an address that calls again later is one of the city's ordinary calls: judging without them would be judging on
easier calls than those to come. So later calls stay where they are, and the earlier ones of the same caller or address are
not learnt from. The two blocks that judge leave nothing out.
"""

from collections.abc import Iterator, Mapping
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

    `keys` has the columns of `KEYS`, one row a call, and may have `ledger_at` and `learn_only` as in `LABEL_ROW`; a missing
    key is nobody else's. Raises `InvalidData` where a call has
    no time, `LeakageError` where the result would leak.
    """
    undated = sum(call.received_at is None for call in calls)
    if undated:
        raise InvalidData("calls have no received_at", value=undated, remedy="training splits by time: fill it in")
    times = pd.Series(pd.to_datetime([str(call.received_at) for call in calls], utc=True, format="ISO8601"))
    shares = np.array([settings.fit, settings.calibrate, settings.certify])
    block = np.empty(len(calls), dtype=np.intp)
    for rows, instants, learnt in _sources(keys, times):
        edges = np.round(np.cumsum(shares[:1] / shares[:2].sum() if learnt else shares) * len(rows), 6)
        order = rows[np.argsort(instants.iloc[rows].to_numpy(), kind="stable")]
        block[order] = np.searchsorted(edges, np.arange(len(rows)), side="right")
    own, stays = _own(keys), np.ones(len(calls), dtype=bool)
    for name in KEYS:
        stays &= pd.Series(block).groupby(own[name].to_numpy()).transform("max").to_numpy() == block
    stays |= block >= BLOCKS.index(JUDGED[0])
    fit, calibrate, certify, test = (np.flatnonzero((block == number) & stays) for number in range(len(BLOCKS)))
    removed = {name: int(((block == number) & ~stays).sum()) for number, name in enumerate(BLOCKS)}
    result = Split(fit, calibrate, certify, test, removed)
    assert_no_leak(result, times, own if "ledger_at" not in keys else own.assign(ledger_at=keys["ledger_at"].to_numpy()))
    return result


def _sources(keys: pd.DataFrame, times: pd.Series) -> Iterator[tuple[Indices, pd.Series, bool]]:
    """Yield the rows of each source, the instants that put them in order, and whether they are only learnt from.

    Calls of a file are cut by when they came in. Labels of the ledger are cut among themselves, by when use gave them, so
    that the newest calls are learnt from too; those that were chosen by what they say are never judged on.
    """
    if "ledger_at" not in keys:
        yield np.arange(len(times)), times, False
        return
    used = keys["ledger_at"].notna().to_numpy()
    chosen = keys["learn_only"].eq(True).to_numpy()
    labelled_at = pd.Series(pd.to_datetime(keys["ledger_at"].where(used, None), utc=True, format="ISO8601"))
    for rows, instants, learnt in (
        (~used, times, False), (used & ~chosen, labelled_at, False), (used & chosen, labelled_at, True),
    ):  # fmt: skip
        if rows.any():
            yield np.flatnonzero(rows), instants, learnt


def _own(keys: pd.DataFrame) -> pd.DataFrame:
    """Return the keys, with one of its own for every call that has none."""
    own = pd.Series([f"row-{number}" for number in range(len(keys))])
    return pd.DataFrame({name: keys[name].reset_index(drop=True).where(keys[name].notna().to_numpy(), own) for name in KEYS})


def assert_no_leak(result: Split, times: pd.Series, keys: pd.DataFrame) -> None:
    """Raise `LeakageError` where a block is empty, blocks overlap in time, or one that is learnt from shares a caller.

    The same holds for addresses; the blocks that judge may share them with one another. Labels of the ledger are cut by
    another clock and are not held against the times of the file's calls.
    """
    blocks = [getattr(result, name) for name in BLOCKS]
    if any(len(block) == 0 for block in blocks):
        sizes = [len(block) for block in blocks]
        raise LeakageError("a block is empty", value=sizes, remedy="bring more calls, or finer address keys")
    ours = np.ones(len(times), dtype=bool) if "ledger_at" not in keys else keys["ledger_at"].isna().to_numpy()
    for name, earlier, later in zip(BLOCKS, blocks[:-1], blocks[1:], strict=False):
        if times.iloc[earlier[ours[earlier]]].max() > times.iloc[later[ours[later]]].min():
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
