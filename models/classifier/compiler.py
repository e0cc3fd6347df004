"""Compile fitted scikit-learn parts into look-up tables, and prove the tables equal to scikit-learn.

Needed where a model is made or proved, and nowhere else: the service reads the tables, and never imports scikit-learn.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from models.classifier.encoder import Parts
from models.classifier.features import CATEGORY_COLUMNS, COLUMNS, NUMBER_COLUMNS, Row
from models.classifier.heads import HEADS, HeadTable, Vector
from models.classifier.scorer import LinearScorer, Scores, difference, scores_of
from models.classifier.tables import TEXT_BLOCKS, Tables, Terms

_BATCH = 4096


class PipelineScorer:
    """Scikit-learn itself, which the tables must equal."""

    def __init__(self, parts: Parts) -> None:
        """Store the fitted parts."""
        self.parts = parts

    def score(self, features: Row) -> Scores:
        """Return the probabilities of one call."""
        return self.score_all([features])[0]

    def score_all(self, rows: list[Row]) -> list[Scores]:
        """Return the probabilities of several calls."""
        encoded = self.parts["encoder"].transform(pd.DataFrame(rows, columns=list(COLUMNS)))
        chances = {head: self.parts[head].predict_proba(encoded) for head in HEADS if head in self.parts}
        classes = [str(name) for name in self.parts["response"].classes_] if "response" in self.parts else []
        response = chances.pop("response", np.empty((len(rows), 0)))
        return [
            scores_of(
                {head: float(both[place, 1]) for head, both in chances.items()},
                response=dict(zip(classes, map(float, response[place]), strict=True)),
            )
            for place in range(len(rows))
        ]


def compiled(parts: Parts) -> Tables:
    """Return fitted parts as tables; raise `ValueError` or `TypeError` for parts that no table can stand for."""
    encoder = parts["encoder"]
    fitted = {name: block for name, block, _ in encoder.transformers_}
    scale: Mapping[str, float] = encoder.transformer_weights
    blocks = {name: _terms(fitted[name], weight=scale[name]) for name in TEXT_BLOCKS if name in fitted}
    categories = _categories(fitted["categories"]) if "categories" in fitted else ()
    numbers = NUMBER_COLUMNS if "numbers" in fitted else ()
    linear = {head: _linear(parts[head]) for head in HEADS if head in parts}
    weights = np.hstack([estimator.coef_.T for estimator in linear.values()])
    texts = sum(len(block.terms) for block in blocks.values())
    weights[texts : texts + len(categories)] *= scale.get("categories", 0.0)
    weights[texts + len(categories) :] *= scale.get("numbers", 0.0)
    return Tables(
        blocks=blocks,
        categories=categories,
        numbers=numbers,
        heads={head: _head(parts[head], estimator) for head, estimator in linear.items()},
        weights=np.ascontiguousarray(weights, dtype=np.float64),
    )


def difference_from(parts: Parts, tables: Tables, rows: Iterable[Row]) -> tuple[float, int]:
    """Return the largest difference between tables and scikit-learn over rows of features, and the number of rows."""
    linear, stock, known = LinearScorer(tables), PipelineScorer(parts), list(rows)
    worst = 0.0
    for start in range(0, len(known), _BATCH):
        batch = known[start : start + _BATCH]
        for features, scores in zip(batch, stock.score_all(batch), strict=True):
            worst = max(worst, difference(linear.score(features), recorded(scores)))
    return (worst if math.isfinite(worst) else math.inf), len(known)


def recorded(scores: Scores) -> dict[str, Any]:
    """Return scores as plain JSON values, as a bundle keeps those of its golden calls."""
    return {"heads": scores.probabilities, "response": scores.response}


def _terms(fitted: Any, *, weight: float) -> Terms:
    """Return a fitted `CountVectorizer` or `TfidfVectorizer` as its terms."""
    weighted = isinstance(fitted, TfidfVectorizer)
    if fitted.lowercase or fitted.ngram_range[0] != 1 or (fitted.norm != "l2" if weighted else not fitted.binary):
        raise ValueError("no compiled form for this vectoriser")
    places = {str(term): int(place) for term, place in fitted.vocabulary_.items()}
    return Terms(
        terms=tuple(sorted(places, key=places.__getitem__)),
        idf=np.asarray(fitted.idf_, dtype=np.float64) if weighted else None,
        longest=int(fitted.ngram_range[1]),
        sublinear=bool(getattr(fitted, "sublinear_tf", False)),
        weight=float(weight),
    )


def _categories(fitted: Any) -> tuple[tuple[str, str], ...]:
    """Return each value of each category in a fitted `OneHotEncoder`, in the order of their columns."""
    return tuple(
        (column, str(value)) for column, values in zip(CATEGORY_COLUMNS, fitted.categories_, strict=True) for value in values
    )


def _linear(fitted: Any) -> Any:
    """Return the logistic regression of a head, calibrated or not; raise `TypeError` for another."""
    if isinstance(fitted, LogisticRegression):
        return fitted
    (inner,) = fitted.calibrated_classifiers_
    if not isinstance(inner.estimator.estimator, LogisticRegression):
        raise TypeError(f"no compiled form for {type(inner.estimator.estimator).__name__}")
    return inner.estimator.estimator


def _head(fitted: Any, linear: Any) -> HeadTable:
    """Return what was learnt of a head beside its weights; raise `ValueError` for a calibration that is not known."""
    classes, intercept = tuple(map(str, fitted.classes_)), np.asarray(linear.intercept_, dtype=np.float64)
    if fitted is linear:
        return HeadTable(classes=classes, intercept=intercept, method="none")
    (inner,) = fitted.calibrated_classifiers_
    method, curves = _curves(inner.calibrators)
    return HeadTable(classes=classes, intercept=intercept, method=method, curves=curves)


def _curves(calibrators: list[Any]) -> tuple[str, tuple[NDArray[np.float64], ...]]:
    """Return the method of a calibration and its numbers."""
    kind = type(calibrators[0]).__name__
    if kind == "_TemperatureScaling":
        return "temperature", (np.array([calibrators[0].beta_], dtype=np.float64),)
    if kind == "_SigmoidCalibration":
        return "sigmoid", tuple(np.array([each.a_, each.b_], dtype=np.float64) for each in calibrators)
    if kind == "IsotonicRegression":
        return "isotonic", tuple(_steps(each) for each in calibrators)
    raise ValueError(f"no compiled form for {kind}")


def _steps(fitted: Any) -> Vector:
    """Return the thresholds of an isotonic regression; shape (2, m)."""
    return np.array([fitted.X_thresholds_, fitted.y_thresholds_], dtype=np.float64)
