"""Score one call at a time: the look-up tables of the fitted linear heads, added up for what one call holds.

About a hundred times faster than a pipeline built for tables, and equal to it: `models.classifier.compiler` makes the
tables from scikit-learn's fitted parts and proves the two equal to 1e-9 when a bundle is written; when it is loaded, the
golden calls are scored again and must give the scores that scikit-learn gave.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from models.classifier.features import CATEGORY_COLUMNS, Row
from models.classifier.heads import HEADS, RISKS, Head, Vector
from models.classifier.tables import Tables
from models.classifier.vocabulary import Vocabulary
from models.decision import Contribution

TOLERANCE = 1e-9
_NOTE_BLOCKS = (("signals", "signal", "signals"), ("words", "word", "text"))
"""The blocks that read the note, the kind of their contributions, and the column that they read."""

Parts = Literal["all", "note", "none"]


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


def scores_of(chances: Mapping[str, float], *, response: dict[str, float], **more: Any) -> Scores:
    """Return scores from the probability of each head with two classes; the risk of any is never below one of them."""
    return Scores(
        eligible=chances.get("eligible"),
        danger=chances.get("danger"),
        medical=chances.get("medical"),
        self_harm=chances.get("self_harm"),
        risk=max((chances[name] for name in (*RISKS, "risk") if name in chances), default=None),
        response=response,
        **more,
    )


class LinearScorer:
    """The fitted heads as look-ups of each signal, word, category and number of a call."""

    def __init__(self, tables: Tables) -> None:
        """Index the tables of a model."""
        self._heads = {name: Head(table) for name, table in tables.heads.items()}
        edges = np.cumsum([0, *(len(head.intercept) for head in self._heads.values())]).tolist()
        self._response = self._heads.get("response")
        self._of_two = {name: head for name, head in self._heads.items() if name != "response"}
        self._intercept = float(self._heads["eligible"].intercept[0]) if "eligible" in self._heads else 0.0
        self._slices = {head: slice(a, b) for head, a, b in zip(self._heads, edges[:-1], edges[1:], strict=True)}
        self._eligible = self._slices["eligible"].start if "eligible" in self._slices else None
        sizes = [len(block.terms) for block in tables.blocks.values()]
        *rows, by_category, by_number = np.split(tables.weights, np.cumsum([*sizes, len(tables.categories)]))
        self._blocks = {
            name: (Vocabulary(block), weights) for (name, block), weights in zip(tables.blocks.items(), rows, strict=True)
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
        for name, kind, column in _NOTE_BLOCKS:
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

    def score_all(self, rows: Sequence[Row], *, contributions: Parts = "all") -> list[Scores]:
        """Return the scores of several calls, the same as those of `score` to the last bit.

        One pass over the terms of all calls together takes the place of one pass each. `contributions` says which are kept:
        all, those of the signals and the words of the note, or none.
        """
        if self._by_number.shape[1] < 2:  # NumPy adds a single column in another order
            return [self.score(features) for features in rows]
        total = np.zeros((len(rows), self._by_number.shape[1]))
        shares: list[list[Contribution]] = [[] for _ in rows]
        for name, kind, column in _NOTE_BLOCKS:
            part, terms = self._read_texts(name, [str(row[column]) for row in rows], named=contributions != "none")
            total += part
            for listed, found in zip(shares, terms, strict=False):
                listed += [Contribution(kind, term, share) for term, share in found]
        fields = self._add_fields(total, rows, named=contributions == "all")
        if contributions == "all":
            for listed, of_fields in zip(shares, fields, strict=True):
                listed += [Contribution("field", name, share) for name, share in of_fields.items()]
        return [self._scores(logits, tuple(listed)) for logits, listed in zip(total, shares, strict=True)]

    def _read_texts(
        self, block: str, texts: list[str], *, named: bool
    ) -> tuple[Vector | float, list[list[tuple[str, float]]]]:
        """Return what a block of text adds to each call, shape (n, outputs), and, where `named`, each term's share."""
        if block not in self._blocks:
            return 0.0, []
        vocabulary, weights = self._blocks[block]
        found = vocabulary.look_up_all(texts)
        rows = found.values[:, None] * weights[found.places]
        part = _sums(rows, found.sizes)
        if not named:
            return part, []
        terms = vocabulary.terms
        pairs = iter(zip([terms[place] for place in found.places.tolist()], self._of_eligible(rows), strict=True))
        return part, [list(itertools.islice(pairs, size)) for size in found.sizes]

    def _add_fields(self, total: Vector, rows: Sequence[Row], *, named: bool) -> list[dict[str, float]]:
        """Add what call types, categories and numbers come to, shape (n, outputs); return the shares where `named`."""
        fields: list[dict[str, float]] = [{} for _ in rows]
        for place, row in enumerate(rows):
            type_part, shares = self._type_part(str(row["call_type_words"]))
            if shares:
                total[place] += type_part
                fields[place]["call_type"] = math.fsum(share for _, share in shares)
            if self._columns:
                part, shares = self._category_part(tuple([row[column] for column in self._columns]))
                total[place] += part
                _add(fields[place], shares)
        if self._numbers:
            values = np.array([[row[column] for column in self._numbers] for row in rows], dtype=np.float64)
            parts = values[:, :, None] * self._by_number
            summed = parts[:, 0].copy()
            for number in range(1, len(self._numbers)):
                summed += parts[:, number]
            total += summed
            for of_call, part in zip(fields, parts, strict=True) if named else ():
                _add(of_call, list(zip(self._numbers, self._of_eligible(part), strict=True)))
        return fields

    def _scores(self, total: Vector, contributions: tuple[Contribution, ...]) -> Scores:
        """Return the probabilities that the summed log-odds of every output give; shape of `total`: (outputs,)."""
        logits = total.tolist()
        chances = {head: fitted.probability(logits[self._slices[head].start]) for head, fitted in self._of_two.items()}
        response: dict[str, float] = {}
        if self._response is not None:
            shares = self._response.probabilities(total[self._slices["response"]]).tolist()
            response = dict(zip(self._response.classes, shares, strict=True))
        return scores_of(chances, response=response, contributions=contributions, intercept=self._intercept)

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


def _sums(rows: Vector, sizes: list[int]) -> Vector:
    """Return the sums of stretches of rows, each added row by row as for one call; shape (stretches, outputs)."""
    sums = np.zeros((len(sizes), rows.shape[1]))
    lengths = np.array(sizes, dtype=np.intp)
    order = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[order]
    longest_first = lengths[order]
    for step in range(int(longest_first[0]) if len(sizes) else 0):
        still = int(np.searchsorted(-longest_first, -step, side="left"))
        sums[order[:still]] += rows[starts[:still] + step]
    return sums


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
