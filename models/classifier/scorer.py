"""Score one call at a time: the fitted linear heads compiled into look-ups, proved equal to scikit-learn at load.

`LinearScorer` reads the vocabularies, weights and calibrations out of the fitted parts and adds up what one call needs,
about a hundred times faster than a pipeline built for tables. `proved` compares the two on the bundle's golden rows and
returns `PipelineScorer`, scikit-learn itself, where they differ by more than 1e-9.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from models.classifier.encoder import HEADS, RISKS, Parts
from models.classifier.features import CATEGORY_COLUMNS, COLUMNS, NUMBER_COLUMNS, Row
from models.classifier.heads import Head, Vector
from models.decision import Contribution

TOLERANCE = 1e-9
_TEXT_BLOCKS = ("signals", "words", "type_words")


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


class Scorer(Protocol):
    """What scores one row of features."""

    def score(self, features: Row) -> Scores:
        """Return the probabilities of one call."""
        ...


class PipelineScorer:
    """Scikit-learn itself, given a table of one row at a time."""

    def __init__(self, parts: Parts) -> None:
        """Store the fitted parts."""
        self.parts = parts

    def score(self, features: Row) -> Scores:
        """Return the probabilities of one call."""
        encoded = self.parts["encoder"].transform(pd.DataFrame([features], columns=list(COLUMNS)))
        chances = {head: self.parts[head].predict_proba(encoded)[0] for head in HEADS if head in self.parts}
        classes = [str(name) for name in self.parts["response"].classes_] if "response" in self.parts else []
        response = dict(zip(classes, map(float, chances.pop("response", ())), strict=True))
        return scores_of(chances, response=response)


class LinearScorer:
    """The fitted heads as look-ups of each signal, word, category and number of a call."""

    def __init__(self, parts: Parts) -> None:
        """Read the fitted parts; raise `ValueError` or `AttributeError` for parts that are not linear."""
        encoder = parts["encoder"]
        blocks = {name: fitted for name, fitted, _ in encoder.transformers_}
        scale = encoder.transformer_weights
        self._heads = {head: Head(parts[head]) for head in HEADS if head in parts}
        edges = np.cumsum([0, *(head.weights.shape[1] for head in self._heads.values())])
        self._slices = {head: slice(a, b) for head, a, b in zip(self._heads, edges[:-1], edges[1:], strict=True)}
        self._eligible = self._slices["eligible"].start if "eligible" in self._slices else None
        stacked = np.hstack([head.weights for head in self._heads.values()])
        texts = {name: _Vocabulary(blocks[name], weight=scale[name]) for name in _TEXT_BLOCKS if name in blocks}
        categories = _categories(blocks["categories"]) if "categories" in blocks else {}
        sizes = [vocabulary.size for vocabulary in texts.values()]
        *rows, by_category, by_number = np.split(stacked, np.cumsum([*sizes, len(categories)]))
        self._blocks = {name: (texts[name], weights) for name, weights in zip(texts, rows, strict=True)}
        self._categories, self._by_category = categories, by_category * scale.get("categories", 0.0)
        self._columns = CATEGORY_COLUMNS if categories else ()
        self._numbers = NUMBER_COLUMNS if "numbers" in blocks else ()
        self._by_number = by_number * scale.get("numbers", 0.0)
        if len(self._by_number) != len(self._numbers):
            raise ValueError("the heads and the encoder disagree on the number of features")
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
    """One fitted `CountVectorizer` or `TfidfVectorizer` as a dictionary."""

    def __init__(self, fitted: Any, *, weight: float) -> None:
        """Read the vocabulary and, of a `TfidfVectorizer`, the inverse document frequencies."""
        self._weighted = isinstance(fitted, TfidfVectorizer)
        if fitted.lowercase or fitted.ngram_range[0] != 1 or (fitted.norm != "l2" if self._weighted else not fitted.binary):
            raise ValueError("the vectoriser is not one that this scorer knows")
        self.places: dict[str, int] = {str(term): int(place) for term, place in fitted.vocabulary_.items()}
        self.terms = sorted(self.places, key=self.places.__getitem__)
        self.size = len(self.places)
        self._idf: Vector = np.asarray(fitted.idf_, dtype=np.float64) if self._weighted else np.ones(self.size)
        self._longest = int(fitted.ngram_range[1])
        self._sublinear = bool(getattr(fitted, "sublinear_tf", False))
        self._weight = weight

    def look_up(self, text: str) -> tuple[NDArray[np.intp], Vector]:
        """Return the places of a text's terms and their values; shapes (m,) and (m,)."""
        words, known = text.split(), self.places.get
        counts: dict[int, int] = {}
        for size in range(1, self._longest + 1):
            grams = words if size == 1 else map(" ".join, zip(*(words[skip:] for skip in range(size)), strict=False))
            for gram in grams:
                place = known(gram)
                if place is not None:
                    counts[place] = counts.get(place, 0) + 1
        places = np.fromiter(counts, dtype=np.intp, count=len(counts))
        if not counts or not self._weighted:
            return places, np.full(len(counts), self._weight)
        often = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        raw = (1.0 + np.log(often) if self._sublinear else often) * self._idf[places]
        return places, raw * (self._weight / math.sqrt(float(raw @ raw)))


def _categories(fitted: Any) -> dict[tuple[str, str], int]:
    """Return the place of each value of each category in a fitted `OneHotEncoder`."""
    pairs = [
        (column, str(value)) for column, values in zip(CATEGORY_COLUMNS, fitted.categories_, strict=True) for value in values
    ]
    return {pair: place for place, pair in enumerate(pairs)}


def _add(fields: dict[str, float], shares: list[tuple[str, float]]) -> None:
    """Add shares to those of the same field."""
    for name, share in shares:
        fields[name] = fields.get(name, 0.0) + share


def proved(parts: Parts, golden: Sequence[tuple[Row, dict[str, Any]]]) -> tuple[Scorer, float]:
    """Return the fastest scorer that agrees with the recorded golden scores, and the largest difference found."""
    try:
        linear: Scorer = LinearScorer(parts)
    except (ValueError, AttributeError, KeyError):
        return PipelineScorer(parts), math.inf
    worst = max((difference(linear.score(features), expected) for features, expected in golden), default=0.0)
    return (linear if worst <= TOLERANCE else PipelineScorer(parts)), worst


def difference(scores: Scores, expected: dict[str, Any]) -> float:
    """Return the largest difference between scores and recorded ones, infinite where they do not name the same heads."""
    given, wanted = scores.probabilities | scores.response, expected["heads"] | expected["response"]
    if given.keys() != wanted.keys():
        return math.inf
    return max((abs(given[name] - wanted[name]) for name in wanted), default=0.0)
