"""Score one call at a time: the fitted linear heads compiled into look-ups, proved equal to scikit-learn at load.

`LinearScorer` reads the vocabulary, weights and calibration out of the fitted parts and adds up what one call needs,
about a hundred times faster than a pipeline built for tables. `proved` compares the two on the bundle's golden calls and
hands back `PipelineScorer`, scikit-learn itself, where they differ by more than 1e-9.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.call import Call
from models.classifier.encoder import HEADS, Parts
from models.classifier.features import CATEGORY_COLUMNS, COLUMNS, NUMBER_COLUMNS, Row, row
from models.classifier.heads import Head, Vector

TOLERANCE = 1e-9
_STRONGEST = 16


@dataclass(frozen=True, slots=True)
class Scores:
    """Hold what the heads say of one call, and why.

    `words` are the note's strongest terms with their parts of the log-odds of `eligible`, `words_sum` the sum over all its
    terms, `fields` the parts of the metadata. `words_sum`, fields and `intercept` add up to the log-odds before calibration.
    """

    eligible: float | None
    risk: float | None
    response: dict[str, float]
    words: tuple[tuple[str, float], ...] = ()
    words_sum: float = 0.0
    fields: tuple[tuple[str, float], ...] = ()
    intercept: float = 0.0

    @property
    def logit(self) -> float:
        """Return the log-odds of `eligible` before calibration."""
        return math.fsum([self.intercept, self.words_sum, *(part for _, part in self.fields)])


class Scorer(Protocol):
    """Score one row of features."""

    def score(self, features: Row) -> Scores:
        """Return the probabilities of one call."""
        ...


class PipelineScorer:
    """Score with scikit-learn itself, a table of one row at a time."""

    def __init__(self, parts: Parts) -> None:
        """Keep the fitted parts."""
        self.parts = parts

    def score(self, features: Row) -> Scores:
        """Return the probabilities of one call."""
        encoded = self.parts["encoder"].transform(pd.DataFrame([features], columns=list(COLUMNS)))
        given = {head: self.parts[head].predict_proba(encoded)[0] for head in HEADS if head in self.parts}
        classes = [str(name) for name in self.parts["response"].classes_] if "response" in self.parts else []
        return Scores(
            eligible=float(given["eligible"][1]) if "eligible" in given else None,
            risk=float(given["risk"][1]) if "risk" in given else None,
            response=dict(zip(classes, map(float, given.get("response", ())), strict=True)),
        )


class LinearScorer:
    """Score by looking up each word, category and number of a call in the fitted heads."""

    def __init__(self, parts: Parts) -> None:
        """Read the fitted parts; raise `ValueError` or `AttributeError` for parts that are not linear."""
        encoder = parts["encoder"]
        blocks = {name: fitted for name, fitted, _ in encoder.transformers_}
        scale = encoder.transformer_weights
        self._text = _Vocabulary(blocks["words"], weight=scale["words"]) if "words" in blocks else None
        self._type = _Vocabulary(blocks["type_words"], weight=scale["type_words"]) if "type_words" in blocks else None
        self._categories: dict[tuple[str, str], int] = {}
        if "categories" in blocks:
            for column, values in zip(CATEGORY_COLUMNS, blocks["categories"].categories_, strict=True):
                for value in values:
                    self._categories[column, str(value)] = len(self._categories)
        self._numbers = NUMBER_COLUMNS if "numbers" in blocks else ()
        self._heads = {head: Head(parts[head]) for head in HEADS if head in parts}
        stacked = np.hstack([head.weights for head in self._heads.values()])
        sizes = [self._text.size if self._text else 0, self._type.size if self._type else 0, len(self._categories)]
        self._w_text, self._w_type, self._w_category, self._w_number = np.split(stacked, np.cumsum(sizes))
        self._w_category = self._w_category * scale.get("categories", 0.0)
        self._w_number = self._w_number * scale.get("numbers", 0.0)
        self._columns = CATEGORY_COLUMNS if self._categories else ()
        self._category_part = lru_cache(maxsize=65_536)(self._read_categories)  # they come back: the hour, the zone's habits
        self._type_part = lru_cache(maxsize=1024)(self._read_type)  # a city has a few hundred call types
        if len(self._w_number) != len(self._numbers):
            raise ValueError("the heads and the encoder disagree on the number of features")
        edges = np.cumsum([0, *(head.weights.shape[1] for head in self._heads.values())])
        self._slices = {head: slice(a, b) for head, a, b in zip(self._heads, edges[:-1], edges[1:], strict=True)}
        self._eligible = self._slices["eligible"].start if "eligible" in self._slices else None

    def score(self, features: Row) -> Scores:
        """Return the probabilities of one call, and what moved `eligible`."""
        total = np.zeros(self._w_text.shape[1])
        words: list[tuple[str, float]] = []
        words_sum = 0.0
        fields: dict[str, float] = {}
        if self._text is not None:
            places, values = self._text.look_up(str(features["text"]))
            weights = self._w_text[places]
            total += values @ weights
            words, words_sum = self._word_shares(places, values, weights)
        if self._type is not None:
            part = self._type_part(str(features["call_type_words"]))
            total += part
            fields["call_type"] = self._of_eligible(part)
        if self._columns:
            part, shares = self._category_part(tuple([features[column] for column in self._columns]))
            total += part
            for column, share in shares:
                fields[column] = fields.get(column, 0.0) + share
        if self._numbers:
            values = np.array([features[column] for column in self._numbers], dtype=np.float64)
            rows = values[:, None] * self._w_number
            total += rows.sum(axis=0)
            for column, share in zip(self._numbers, self._shares(rows), strict=True):
                fields[column] = fields.get(column, 0.0) + share
        given = {head: fitted.probabilities(total[self._slices[head]]) for head, fitted in self._heads.items()}
        return Scores(
            eligible=float(given["eligible"][1]) if "eligible" in given else None,
            risk=float(given["risk"][1]) if "risk" in given else None,
            response=dict(zip(self._heads["response"].classes, given["response"].tolist(), strict=True))
            if "response" in given
            else {},
            words=tuple(words),
            words_sum=words_sum,
            fields=tuple(fields.items()),
            intercept=float(self._heads["eligible"].intercept[0]) if "eligible" in given else 0.0,
        )

    def _read_type(self, words: str) -> Vector:
        """Return what the words of a call type add; shape (outputs,)."""
        if self._type is None:
            return np.zeros(self._w_type.shape[1])
        places, values = self._type.look_up(words)
        return np.asarray(values @ self._w_type[places])

    def _read_categories(self, given: tuple[str | float, ...]) -> tuple[Vector, list[tuple[str, float]]]:
        """Return what a call's categories add, shape (outputs,), and each one's share of the log-odds of `eligible`."""
        pairs = [
            (column, self._categories.get((column, str(value)))) for column, value in zip(self._columns, given, strict=True)
        ]
        known = [(column, place) for column, place in pairs if place is not None]
        rows = self._w_category[[place for _, place in known]]
        return rows.sum(axis=0), list(zip((column for column, _ in known), self._shares(rows), strict=True))

    def _of_eligible(self, part: Vector) -> float:
        """Return a part's share of the log-odds of `eligible`."""
        return 0.0 if self._eligible is None else float(part[self._eligible])

    def _shares(self, rows: Vector) -> list[float]:
        """Return each row's share of the log-odds of `eligible`; shape of rows: (m, outputs)."""
        return [0.0] * len(rows) if self._eligible is None else rows[:, self._eligible].tolist()

    def _word_shares(
        self, places: NDArray[np.intp], values: Vector, weights: Vector
    ) -> tuple[list[tuple[str, float]], float]:
        """Return the note's strongest terms with their parts of the log-odds of `eligible`, and the sum over all terms."""
        if self._eligible is None or self._text is None or not len(places):
            return [], 0.0
        shares = values * weights[:, self._eligible]
        strongest = np.argsort(-np.abs(shares), kind="stable")[:_STRONGEST]
        terms = self._text.terms
        pairs = zip(places[strongest].tolist(), shares[strongest].tolist(), strict=True)
        return [(terms[place], share) for place, share in pairs], float(shares.sum())


class _Vocabulary:
    """Hold one fitted `TfidfVectorizer` as a dictionary."""

    def __init__(self, fitted: Any, *, weight: float) -> None:
        """Read the vocabulary and the inverse document frequencies."""
        if fitted.norm != "l2" or fitted.lowercase or fitted.ngram_range[0] != 1:
            raise ValueError("the vectoriser is not one that this scorer knows")
        self.places: dict[str, int] = {str(term): int(place) for term, place in fitted.vocabulary_.items()}
        self.terms = sorted(self.places, key=self.places.__getitem__)
        self.size = len(self.places)
        self._idf: Vector = np.asarray(fitted.idf_, dtype=np.float64)
        self._longest = int(fitted.ngram_range[1])
        self._sublinear = bool(fitted.sublinear_tf)
        self._weight = weight

    def look_up(self, text: str) -> tuple[NDArray[np.intp], Vector]:
        """Return the places of a text's terms and their normalised weights; shapes (m,) and (m,)."""
        words, known = text.split(), self.places.get
        counts: dict[int, int] = {}
        for size in range(1, self._longest + 1):
            grams = words if size == 1 else map(" ".join, zip(*(words[skip:] for skip in range(size)), strict=False))
            for gram in grams:
                place = known(gram)
                if place is not None:
                    counts[place] = counts.get(place, 0) + 1
        if not counts:
            return np.empty(0, dtype=np.intp), np.empty(0)
        places = np.fromiter(counts, dtype=np.intp, count=len(counts))
        often = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        raw = (1.0 + np.log(often) if self._sublinear else often) * self._idf[places]
        return places, raw * (self._weight / math.sqrt(float(raw @ raw)))


def proved(parts: Parts, golden: Sequence[tuple[Call, dict[str, Any]]]) -> tuple[Scorer, float]:
    """Return the fastest scorer that agrees with the recorded golden scores, and the largest difference found."""
    try:
        linear: Scorer = LinearScorer(parts)
    except (ValueError, AttributeError, KeyError):
        return PipelineScorer(parts), math.inf
    worst = max((_difference(linear.score(row(call)), expected) for call, expected in golden), default=0.0)
    return (linear if worst <= TOLERANCE else PipelineScorer(parts)), worst


def _difference(scores: Scores, expected: dict[str, Any]) -> float:
    """Return the largest difference between scores and recorded ones."""
    pairs = [(scores.eligible, expected["eligible"]), (scores.risk, expected["risk"])]
    pairs += [(scores.response.get(name), value) for name, value in expected["response"].items()]
    return max((math.inf if (a is None) != (b is None) else abs((a or 0.0) - (b or 0.0)) for a, b in pairs), default=0.0)
