"""Score one call at a time: the look-up tables of the fitted linear heads, added up for what one call holds.

About a hundred times faster than a pipeline built for tables, and equal to it: `models.classifier.compiler` makes the
tables from scikit-learn's fitted parts and proves the two equal to 1e-9 when a bundle is written; when it is loaded, the
golden calls are scored again and must give the scores that scikit-learn gave.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifier.features import CATEGORY_COLUMNS, Row
from models.classifier.heads import HEADS, RISKS, Head, Vector
from models.classifier.tables import Tables, Terms
from models.decision import Contribution

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The probabilities of the heads for one call, and what moved `eligible`.

    `contributions` and `intercept` add up to the log-odds of `eligible` before calibration. `response` has a share for
    each service. A head that the bundle lacks is `None`. `failed` says that a model is there and could not score the call.
    """

    eligible: float | None = None
    danger: float | None = None
    medical: float | None = None
    self_harm: float | None = None
    risk: float | None = None
    response: dict[str, float]
    contributions: tuple[Contribution, ...] = ()
    intercept: float = 0.0
    failed: bool = False

    @property
    def logit(self) -> float:
        """Return the log-odds of `eligible` before calibration."""
        return math.fsum([self.intercept, *(part.weight for part in self.contributions)])

    @property
    def probabilities(self) -> dict[str, float]:
        """Return the probabilities that are known, by head, without the responses."""
        given = {head: getattr(self, head) for head in HEADS if head != "response"}
        return {head: value for head, value in given.items() if value is not None}


def scores_of(chances: Mapping[str, Vector], *, response: dict[str, float]) -> Scores:
    """Return scores from both probabilities of each head with two classes; the risk of any is never below one of them."""
    known = {head: float(pair[1]) for head, pair in chances.items()}
    return Scores(
        eligible=known.get("eligible"),
        danger=known.get("danger"),
        medical=known.get("medical"),
        self_harm=known.get("self_harm"),
        risk=max((known[name] for name in (*RISKS, "risk") if name in known), default=None),
        response=response,
    )


class LinearScorer:
    """The fitted heads as look-ups of each signal, word, category and number of a call."""

    def __init__(self, tables: Tables) -> None:
        """Index the tables of a model."""
        self._heads = {name: Head(table) for name, table in tables.heads.items()}
        edges = np.cumsum([0, *(len(head.intercept) for head in self._heads.values())]).tolist()
        self._slices = {head: slice(a, b) for head, a, b in zip(self._heads, edges[:-1], edges[1:], strict=True)}
        self._eligible = self._slices["eligible"].start if "eligible" in self._slices else None
        sizes = [len(block.terms) for block in tables.blocks.values()]
        *rows, by_category, by_number = np.split(tables.weights, np.cumsum([*sizes, len(tables.categories)]))
        self._blocks = {
            name: (_Vocabulary(block), weights) for (name, block), weights in zip(tables.blocks.items(), rows, strict=True)
        }
        self._categories, self._by_category = {pair: place for place, pair in enumerate(tables.categories)}, by_category
        self._columns = CATEGORY_COLUMNS if tables.categories else ()
        self._numbers, self._by_number = tables.numbers, by_number
        words = tables.blocks.get("words")
        self.vocabulary = frozenset(term for term in words.terms if " " not in term) if words else frozenset()
        self._category_part = lru_cache(maxsize=65_536)(self._read_categories)  # they recur: the hour, the zone's habits
        self._type_part = lru_cache(maxsize=1024)(lambda words: self._read_text("type_words", words))  # a few hundred

    def score(self, features: Row) -> Scores:
        """Return the probabilities of one call, and what moved `eligible`."""
        total, contributions = np.zeros(self._by_number.shape[1]), []
        for name, kind, column in (("signals", "signal", "signals"), ("words", "word", "text")):
            part, shares = self._read_text(name, str(features[column]))
            total += part
            contributions += [Contribution(kind, term, share) for term, share in shares]
        fields: dict[str, float] = {}
        type_part, shares = self._type_part(str(features["call_type_words"]))
        if shares:
            total += type_part
            fields["call_type"] = math.fsum(share for _, share in shares)
        if self._columns:
            part, shares = self._category_part(tuple([features[column] for column in self._columns]))
            total += part
            _add(fields, shares)
        if self._numbers:
            rows = np.array([features[column] for column in self._numbers], dtype=np.float64)[:, None] * self._by_number
            total += rows.sum(axis=0)
            _add(fields, list(zip(self._numbers, self._of_eligible(rows), strict=True)))
        contributions += [Contribution("field", name, share) for name, share in fields.items()]
        return self._scores(total, tuple(contributions))

    def _scores(self, total: Vector, contributions: tuple[Contribution, ...]) -> Scores:
        """Return the probabilities that the summed log-odds of every output give; shape of `total`: (outputs,)."""
        chances = {head: fitted.probabilities(total[self._slices[head]]) for head, fitted in self._heads.items()}
        response = chances.pop("response", None)
        services = {} if response is None else dict(zip(self._heads["response"].classes, response.tolist(), strict=True))
        return replace(
            scores_of(chances, response=services),
            contributions=contributions,
            intercept=float(self._heads["eligible"].intercept[0]) if "eligible" in chances else 0.0,
        )

    def _read_text(self, block: str, text: str) -> tuple[Vector | float, list[tuple[str, float]]]:
        """Return what a block of text adds, shape (outputs,), and each term's share of the log-odds of `eligible`."""
        if block not in self._blocks:
            return 0.0, []
        vocabulary, weights = self._blocks[block]
        places, values = vocabulary.look_up(text)
        if not len(places):
            return 0.0, []
        rows = values[:, None] * weights[places]
        terms = vocabulary.terms
        return rows.sum(axis=0), list(zip([terms[place] for place in places.tolist()], self._of_eligible(rows), strict=True))

    def _read_categories(self, values: tuple[str | float, ...]) -> tuple[Vector, list[tuple[str, float]]]:
        """Return what a call's categories add, shape (outputs,), and each one's share of the log-odds of `eligible`."""
        pairs = [
            (column, self._categories.get((column, str(value)))) for column, value in zip(self._columns, values, strict=True)
        ]
        known = [(column, place) for column, place in pairs if place is not None]
        rows = self._by_category[[place for _, place in known]]
        return rows.sum(axis=0), list(zip((column for column, _ in known), self._of_eligible(rows), strict=True))

    def _of_eligible(self, rows: Vector) -> list[float]:
        """Return each row's share of the log-odds of `eligible`; shape of rows: (m, outputs)."""
        return [0.0] * len(rows) if self._eligible is None else rows[:, self._eligible].tolist()


class _Vocabulary:
    """The terms of one block as a dictionary."""

    def __init__(self, table: Terms) -> None:
        """Read the terms and, where a block has them, the inverse document frequencies."""
        self.terms = table.terms
        self._places = {term: place for place, term in enumerate(table.terms)}
        self._idf, self._longest = table.idf, table.longest
        self._sublinear, self._weight = table.sublinear, table.weight

    def look_up(self, text: str) -> tuple[NDArray[np.intp], Vector]:
        """Return the places of a text's terms and their values; shapes (m,) and (m,)."""
        words, known = text.split(), self._places.get
        counts: dict[int, int] = {}
        for size in range(1, self._longest + 1):
            grams = words if size == 1 else map(" ".join, zip(*(words[skip:] for skip in range(size)), strict=False))
            for gram in grams:
                place = known(gram)
                if place is not None:
                    counts[place] = counts.get(place, 0) + 1
        places = np.fromiter(counts, dtype=np.intp, count=len(counts))
        if not counts or self._idf is None:
            return places, np.full(len(counts), self._weight)
        often = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        raw = (1.0 + np.log(often) if self._sublinear else often) * self._idf[places]
        return places, raw * (self._weight / math.sqrt(float(raw @ raw)))


def _add(fields: dict[str, float], shares: list[tuple[str, float]]) -> None:
    """Add shares to those of the same field."""
    for name, share in shares:
        fields[name] = fields.get(name, 0.0) + share


def worst_difference(scorer: LinearScorer, golden: Sequence[tuple[Row, dict[str, Any]]]) -> float:
    """Return the largest difference between a scorer and recorded scores of golden calls."""
    return max((difference(scorer.score(features), expected) for features, expected in golden), default=0.0)


def difference(scores: Scores, expected: dict[str, Any]) -> float:
    """Return the largest difference between scores and recorded ones, infinite where they do not name the same heads."""
    given, wanted = scores.probabilities | scores.response, expected["heads"] | expected["response"]
    if given.keys() != wanted.keys():
        return math.inf
    return max((abs(given[name] - wanted[name]) for name in wanted), default=0.0)
