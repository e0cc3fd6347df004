"""Groups of local calls that must stay on one side: one caller, one address, or the same note; folds and halves of them.

Labels that were chosen by what they say (overrides, outcomes) are learnt from and never judged on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from models.call import Call
from models.errors import InvalidData
from models.statistics import Bools, Rows
from models.text.normalize import normalise
from pipelines.data.labels import KEYS
from pipelines.data.table import Table, take


@dataclass(frozen=True, slots=True)
class Sides:
    """The calls that a model judges and those that it learns from, shapes (n,); no group has calls in both."""

    held: Bools
    learnt: Bools


def groups_of(table: Table) -> Rows:
    """Return the number of each call's group, shape (n,): calls that share a caller, an address or a note."""
    n = len(table.calls)
    marks = [*(table.labels[key].reset_index(drop=True) for key in KEYS), _notes(table.calls)]
    edges = []
    offset = n
    for mark in marks:
        codes, names = pd.factorize(mark)  # -1 where there is none
        known = codes >= 0
        edges.append(np.stack([np.flatnonzero(known), offset + codes[known]]))
        offset += len(names)
    rows, columns = np.concatenate(edges, axis=1)
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(offset, offset))
    return np.asarray(connected_components(links, directed=False)[1][:n], dtype=np.intp)


def _notes(calls: Sequence[Call]) -> pd.Series:
    """Return each call's note as the program reads it, blanks and capitals aside; an empty one is nobody else's."""
    notes = [" ".join(normalise(call.narrative).text.casefold().split()) for call in calls]
    return pd.Series([note or None for note in notes], dtype=object)


def folds_of(groups: Rows, truth: Bools, *, count: int, seed: int) -> list[Bools]:
    """Return masks of the held-out calls of each fold: whole groups, with shares of eligible calls as alike as may be.

    Raises `InvalidData` where there are fewer groups than folds.
    """
    fewest = min(len(set(groups[truth])), len(set(groups[~truth])))
    if fewest < count:
        raise InvalidData("too few separate callers and addresses", value=fewest, remedy=f"at least {count} of each label")
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    masks = []
    for _, held in splitter.split(np.zeros(len(truth)), truth, groups):
        mask = np.zeros(len(truth), dtype=bool)
        mask[held] = True
        masks.append(mask)
    return masks


def sides_of(groups: Rows, truth: Bools, judged: Bools, *, count: int, seed: int) -> list[Sides]:
    """Return the two sides of each fold: every call that may be judged is held out once, all shapes (n,).

    The others are learnt from in every fold that holds out none of their group. Raises `InvalidData` as `folds_of` does.
    """
    rows = np.flatnonzero(judged)
    return [_sides(groups, rows[mask]) for mask in folds_of(groups[rows], truth[rows], count=count, seed=seed)]


def half_of(table: Table, groups: Rows, truth: Bools, judged: Bools, *, seed: int) -> tuple[Sides, str]:
    """Return the two sides of a held-out half of the calls that may be judged, and how the half was chosen."""
    rows = np.flatnonzero(judged)
    mask, how = later_half(take(table, rows), groups[rows], truth[rows], seed=seed)
    return _sides(groups, rows[mask]), how


def _sides(groups: Rows, held: Rows) -> Sides:
    """Return the sides of held-out rows: whatever belongs to none of their groups is learnt from."""
    mask = np.zeros(len(groups), dtype=bool)
    mask[held] = True
    return Sides(mask, ~np.isin(groups, groups[held]))


def later_half(table: Table, groups: Rows, truth: Bools, *, seed: int) -> tuple[Bools, str]:
    """Return the mask of the half that is held out, and how it was chosen: the later calls, or by chance without dates.

    A group belongs to the half of its first call.
    """
    if any(call.received_at is None for call in table.calls):
        return folds_of(groups, truth, count=2, seed=seed)[0], "by chance, because calls have no date"
    times = pd.Series(pd.to_datetime([str(call.received_at) for call in table.calls], utc=True, format="ISO8601"))
    first = times.groupby(groups).transform("min")
    return (first > first.median()).to_numpy(dtype=bool), "the later one, by date"
