"""Search for the groups of calls on which the model does worst, alone and in pairs; not only those that were asked for."""

import itertools
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from models.statistics import Estimate, share
from pipelines.evaluation.evaluation_frame import GROUPS

LEAST, MOST = 30, 10


@dataclass(frozen=True, slots=True)
class Slice:
    """Hold a group of calls and its rate of an error; `corrected` is the p-value after Holm's correction over all groups."""

    name: str
    error: str
    rate: Estimate
    elsewhere: Estimate
    corrected: float


def worst(table: pd.DataFrame, *, confidence: float, columns: tuple[str, ...] = GROUPS) -> list[Slice]:
    """Return the groups whose errors exceed the others' most surely, worst first.

    Each group is tested against the rest (Fisher's exact test, one-sided); those of fewer than thirty calls are passed over.
    """
    found: list[tuple[float, Slice]] = []
    errors = (
        ("false clear", ~table["truth"], table["cleared"]),
        ("missed eligible", table["truth"], table["turned"]),
    )
    for error, base, wrong in errors:
        rows, bad = table[base], wrong[base]
        for group in (*((one,) for one in columns), *itertools.combinations(columns, 2)):
            counts = bad.groupby([rows[column] for column in group]).agg(["sum", "size"])
            for key, (hits, n) in zip(counts.index, counts.to_numpy(), strict=True):
                if LEAST <= n < len(rows):
                    named = " and ".join(f"{c} {v}" for c, v in zip(group, key if len(group) > 1 else (key,), strict=True))
                    rest = int(bad.sum() - hits), int(len(rows) - n)
                    p = float(stats.hypergeom.sf(hits - 1, len(rows), int(bad.sum()), n))
                    rate, other = share(int(hits), int(n), confidence=confidence), share(*rest, confidence=confidence)
                    found.append((p, Slice(named, error, rate, other, p)))
    found.sort(key=lambda pair: pair[0])
    corrected, highest = [], 0.0
    for place, (p, one) in enumerate(found):
        highest = max(highest, min(1.0, p * (len(found) - place)))
        corrected.append(Slice(one.name, one.error, one.rate, one.elsewhere, highest))
    kept: list[Slice] = []
    for one in corrected:  # a pair says nothing new where one of its halves is listed already
        parts = set(one.name.split(" and "))
        listed = (set(other.name.split(" and ")) for other in kept if other.error == one.error)
        if not any(halves < parts for halves in listed):
            kept.append(one)
        if len(kept) == MOST:
            break
    return kept
