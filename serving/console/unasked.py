"""The panel of safety questions that were unanswered at the end of a call, by shift in the program's time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from models.policy import QUESTIONS
from serving.console.filters import Filters
from serving.console.panels import Cell, Panel

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 31


def unasked_panel(table: pd.DataFrame, filters: Filters, t: Mapping[str, str]) -> Panel:
    """Return the panel: for each shift, the calls that ended without an answer to each question, linked to these calls.

    Calls that nobody took, such as past calls that were scored, do not count.
    """
    attended = table[table["questions"].notna()]
    rows = tuple(_row(str(shift), calls, filters) for shift, calls in attended.groupby("shift"))
    headers = (t["d_shift"], *(t[name] for name in QUESTIONS), t["d_unasked_any"], t["d_calls"])
    return Panel("unasked", t["d_unasked"], headers, rows[-_MOST_ROWS:], note=t["d_unasked_note"], wide=True)


def _row(shift: str, calls: pd.DataFrame, filters: Filters) -> tuple[Cell, ...]:
    """Return the counts of one shift."""
    open_ones = [set(str(questions).split(",")) - {""} for questions in calls["questions"]]
    counts = [
        Cell(str(sum(name in each for each in open_ones)), filters.link(shift=shift, unasked=name), number=True)
        for name in QUESTIONS
    ]
    any_open = Cell(str(_count(open_ones)), filters.link(shift=shift, unasked="any"), number=True)
    return (Cell(shift), *counts, any_open, Cell(str(len(calls)), filters.link(shift=shift, known="questions"), number=True))


def _count(sets: Iterable[set[str]]) -> int:
    """Return how many sets are not empty."""
    return sum(bool(each) for each in sets)
