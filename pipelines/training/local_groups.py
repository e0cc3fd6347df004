"""Groups of local calls that share a caller, an address or a note, and folds and halves that keep groups whole.

Labels that were selected by what they say (overrides and outcomes) are fitted on and never held out.
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
    """The masks of the calls that are held out and of those to fit on, shapes (n,); no group has calls in both."""

    held: Bools
    fitted_on: Bools


def groups_of(table: Table) -> Rows:
    """Return the number of each call's group, shape (n,): calls that share a caller, an address or a note."""
    n = len(table.calls)
    shared = [*(table.labels[key].reset_index(drop=True) for key in KEYS), _notes(table.calls)]
    edges = []
    offset = n
    for values in shared:
        codes, names = pd.factorize(values)  # -1 where there is none
        known = codes >= 0
        edges.append(np.stack([np.flatnonzero(known), offset + codes[known]]))
        offset += len(names)
    rows, columns = np.concatenate(edges, axis=1)
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(offset, offset))
    return np.asarray(connected_components(links, directed=False)[1][:n], dtype=np.intp)


def _notes(calls: Sequence[Call]) -> pd.Series:
    """Return each call's normalised note in lower case with single blanks, `None` for an empty one."""
    notes = [" ".join(normalise(call.narrative).text.casefold().split()) for call in calls]
    return pd.Series([note or None for note in notes], dtype=object)


def folds_of(groups: Rows, truth: Bools, *, count: int, seed: int) -> list[Bools]:
    """Return masks of the held-out calls of each fold: whole groups, with shares of eligible calls as equal as possible.

    Raises `InvalidData` where there are fewer groups than folds.
    """
    fewest = min(len(set(groups[truth])), len(set(groups[~truth])))
    if fewest < count:
        remedy = f"bring at least {count} for each label"
        raise InvalidData("too few separate callers and addresses", value=fewest, remedy=remedy)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    masks = []
    for _, held in splitter.split(np.zeros(len(truth)), truth, groups):
        mask = np.zeros(len(truth), dtype=bool)
        mask[held] = True
        masks.append(mask)
    return masks


def sides_of(groups: Rows, truth: Bools, selected: Bools, *, count: int, seed: int) -> list[Sides]:
    """Return the sides of each fold: every call whose label was not selected is held out once; all shapes (n,).

    Selected labels are fitted on in each fold that holds out none of their group. Raises `InvalidData` as `folds_of` does.
    """
    rows = np.flatnonzero(~selected)
    return [_sides(groups, rows[mask]) for mask in folds_of(groups[rows], truth[rows], count=count, seed=seed)]


def half_of(table: Table, groups: Rows, truth: Bools, selected: Bools, *, seed: int) -> tuple[Sides, str]:
    """Return the sides of a held-out half of the calls whose labels were not selected, and how the half was chosen."""
    rows = np.flatnonzero(~selected)
    mask, how = later_half(take(table, rows), groups[rows], truth[rows], seed=seed)
    return _sides(groups, rows[mask]), how


def _sides(groups: Rows, held: Rows) -> Sides:
    """Return the sides of held-out rows: every call of another group is fitted on."""
    mask = np.zeros(len(groups), dtype=bool)
    mask[held] = True
    return Sides(mask, ~np.isin(groups, groups[held]))


def later_half(table: Table, groups: Rows, truth: Bools, *, seed: int) -> tuple[Bools, str]:
    """Return the mask of the half to hold out, and how it was chosen: the later calls, or at random without dates.

    A group belongs to the half of its first call.
    """
    if any(call.received_at is None for call in table.calls):
        return folds_of(groups, truth, count=2, seed=seed)[0], "at random, because calls have no date"
    times = pd.Series(pd.to_datetime([str(call.received_at) for call in table.calls], utc=True, format="ISO8601"))
    first = times.groupby(groups).transform("min")
    return (first > first.median()).to_numpy(dtype=bool), "the later calls"
