"""The groups of calls with the most errors, found by testing every group and every pair of groups."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from models.statistics import Estimate, holm, share
from pipelines.evaluation.evaluation_frame import GROUPS

FEWEST_CALLS, MOST_LISTED = 30, 10


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A group of calls and its rate of an error; `corrected` is the p-value after Holm's correction over all groups."""

    name: str
    error: str
    rate: Estimate
    elsewhere: Estimate
    corrected: float


@dataclass(frozen=True, slots=True)
class _Tested:
    """A group's errors and calls, those of all groups together, and the p-value of having so many."""

    name: str
    error: str
    hits: int
    n: int
    all_hits: int
    all_n: int
    p: float


def worst_subgroups(
    frame: pd.DataFrame, *, confidence: float, columns: tuple[str, ...] = GROUPS
) -> list[Subgroup]:  # fmt: skip
    """Return the groups whose rate of errors is most significantly higher than elsewhere, worst first.

    Each group is tested against the rest (Fisher's exact test, one-sided); groups of fewer than `FEWEST_CALLS` calls are
    skipped. A pair is left out where one of its two groups is listed already.
    """
    tested = sorted(_tests(frame, columns), key=lambda test: test.p)
    listed: list[Subgroup] = []
    for test, corrected in zip(tested, holm([test.p for test in tested]), strict=True):
        groups = set(test.name.split(" and "))
        if any(set(other.name.split(" and ")) < groups for other in listed if other.error == test.error):
            continue
        rate = share(test.hits, test.n, confidence=confidence)
        elsewhere = share(test.all_hits - test.hits, test.all_n - test.n, confidence=confidence)
        listed.append(Subgroup(test.name, test.error, rate, elsewhere, corrected))
        if len(listed) == MOST_LISTED:
            break
    return listed


def _tests(frame: pd.DataFrame, columns: tuple[str, ...]) -> Iterator[_Tested]:
    """Yield the test of every group and pair of groups, for each kind of error."""
    errors = (
        ("false clear", ~frame["truth"], frame["cleared"]),
        ("missed eligible", frame["truth"], frame["turned_away"]),
    )
    for error, among, wrong in errors:
        rows, bad = frame[among], wrong[among]
        for group in (*((column,) for column in columns), *itertools.combinations(columns, 2)):
            counts = bad.groupby([rows[column] for column in group]).agg(["sum", "size"])
            for key, (hits, n) in zip(counts.index, counts.to_numpy(), strict=True):
                if FEWEST_CALLS <= n < len(rows):
                    values = key if len(group) > 1 else (key,)
                    name = " and ".join(f"{column} {value}" for column, value in zip(group, values, strict=True))
                    p = float(stats.hypergeom.sf(hits - 1, len(rows), int(bad.sum()), n))
                    yield _Tested(name, error, int(hits), int(n), int(bad.sum()), len(rows), p)
