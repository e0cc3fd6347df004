"""Groups of local calls that share a caller, an address or a note, and folds and halves that keep groups whole."""

from collections.abc import Sequence

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
from pipelines.data.table import Table


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


def later_half(table: Table, groups: Rows, truth: Bools, *, seed: int) -> tuple[Bools, str]:
    """Return the mask of the half to hold out, and how it was chosen: the later calls, or at random without dates.

    A group belongs to the half of its first call.
    """
    if any(call.received_at is None for call in table.calls):
        return folds_of(groups, truth, count=2, seed=seed)[0], "at random, because calls have no date"
    times = pd.Series(pd.to_datetime([str(call.received_at) for call in table.calls], utc=True, format="ISO8601"))
    first = times.groupby(groups).transform("min")
    return (first > first.median()).to_numpy(dtype=bool), "the later calls"
