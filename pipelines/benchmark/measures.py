"""The measures of the benchmark: shares of the cases on which a system was right or wrong, with exact intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.decision import Recommendation
from models.statistics import Estimate, share
from pipelines.benchmark.cases import Case
from pipelines.benchmark.systems import Answer
from pipelines.evaluation import metrics

Better = Literal["low", "high", ""]
Pair = tuple[Case, Answer]


@dataclass(frozen=True, slots=True)
class Measure:
    """A share: of the pairs for which `among` is true, those for which `hit` is; `better` is low, high or empty."""

    name: str
    better: Better
    among: Callable[[Pair], bool]
    hit: Callable[[Pair], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: a measure on one part, and on one group of it where `group` is not empty."""

    part: str
    group: str
    measure: str
    better: Better
    hits: int | None
    estimate: Estimate

    def to_record(self) -> dict[str, Any]:
        """Return the row as plain JSON values."""
        names = ("value", "low", "high", "n", "method")
        figures = {name: getattr(self.estimate, name) for name in names}
        return {name: getattr(self, name) for name in ("part", "group", "measure", "better", "hits")} | figures


def _cleared(pair: Pair) -> bool:
    """Return whether the answer is ELIGIBLE."""
    return pair[1].recommendation is Recommendation.ELIGIBLE


def _turned_away(pair: Pair) -> bool:
    """Return whether the answer is NOT_ELIGIBLE."""
    return pair[1].recommendation is Recommendation.NOT_ELIGIBLE


MEASURES = (
    Measure(
        "suggested ELIGIBLE where that is never right", "low",
        lambda pair: Recommendation.ELIGIBLE not in pair[0].acceptable, _cleared,
    ),
    Measure("suggested ELIGIBLE with a weapon or violence", "low", lambda pair: pair[0].danger is True, _cleared),
    Measure("suggested ELIGIBLE with an urgent medical need", "low", lambda pair: pair[0].medical is True, _cleared),
    Measure("suggested ELIGIBLE with an attempt under way", "low", lambda pair: pair[0].self_harm is True, _cleared),
    Measure(
        "vetoed, of the notes that must be", "high",
        lambda pair: pair[0].must_veto is True and pair[1].vetoed is not None, lambda pair: pair[1].vetoed is True,
    ),
    Measure(
        "vetoed, of the notes that must not be", "low",
        lambda pair: pair[0].must_veto is False and pair[1].vetoed is not None, lambda pair: pair[1].vetoed is True,
    ),
    Measure("eligible, suggested ELIGIBLE", "high", lambda pair: pair[0].eligible is True, _cleared),
    Measure("eligible, suggested NOT_ELIGIBLE", "low", lambda pair: pair[0].eligible is True, _turned_away),
    Measure(
        "suggested NOT_ELIGIBLE where that is never right", "low",
        lambda pair: pair[0].eligible is None and Recommendation.NOT_ELIGIBLE not in pair[0].acceptable, _turned_away,
    ),
    Measure(
        "answered acceptably", "high", lambda pair: pair[0].part == "typical calls",
        lambda pair: pair[1].recommendation in pair[0].acceptable,
    ),
    Measure(
        "the expected unit", "high", lambda pair: pair[0].response is not None and pair[1].response is not None,
        lambda pair: pair[1].response == pair[0].response,
    ),
    Measure(
        "call type read as expected", "high", lambda pair: pair[0].call_type is not None and pair[1].call_type is not None,
        lambda pair: pair[1].call_type == pair[0].call_type,
    ),
    Measure(
        "left to REVIEW", "", lambda pair: pair[0].eligible is not None,
        lambda pair: pair[1].recommendation is Recommendation.REVIEW,
    ),
    Measure("not answered", "low", lambda pair: pair[0].part != "call types", lambda pair: pair[1].recommendation is None),
)  # fmt: skip
"""The measures, those of dangerous errors first."""


def measure(pairs: Sequence[Pair], *, confidence: float) -> list[Row]:
    """Return every measure that has cases, for each part and for each of its groups."""
    rows = []
    for part in dict.fromkeys(case.part for case, _ in pairs):
        of_part = [pair for pair in pairs if pair[0].part == part]
        groups = list(dict.fromkeys(case.group for case, _ in of_part))
        for group in groups if len(groups) > 1 else [""]:
            chosen = [pair for pair in of_part if group in {"", pair[0].group}]
            rows += _rows(part, group if len(groups) > 1 else groups[0], chosen, confidence=confidence)
    return rows


def _rows(part: str, group: str, pairs: Sequence[Pair], *, confidence: float) -> list[Row]:
    """Return the measures of one group of cases."""
    rows = []
    for each in MEASURES:
        among = [pair for pair in pairs if each.among(pair)]
        hits = sum(each.hit(pair) for pair in among)
        if among and not (each.name == "not answered" and hits == 0):
            rows.append(
                Row(
                    part, group, each.name, each.better, hits, share(hits, len(among), confidence=confidence, method="exact")
                )
            )
    area = _area(pairs, confidence=confidence)
    return rows if area is None else [*rows, Row(part, group, "area under the ROC curve", "high", None, area)]


def _area(pairs: Sequence[Pair], *, confidence: float) -> Estimate | None:
    """Return the area under the ROC curve of the probabilities, 0 for a veto; `None` where it cannot be measured."""
    scored = [pair for pair in pairs if pair[0].eligible is not None and pair[1].recommendation is not None]
    if not any(answer.probability is not None for _, answer in scored):
        return None
    truth = np.array([case.eligible for case, _ in scored], dtype=bool)
    scores = np.array([0.0 if answer.vetoed else answer.probability or 0.0 for _, answer in scored])
    if truth.all() or not truth.any():
        return None
    return metrics.bootstrapped(metrics.auc, truth, scores, confidence=confidence, resamples=200)
