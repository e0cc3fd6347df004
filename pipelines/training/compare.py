"""Comparison of variants of the classifier on the same blocks, with paired intervals.

Every variant is fitted on the fit block and measured on the calibration block; the test block is not used. The simplest
variant whose area lies within one standard error of the best wins (Breiman's rule). Only variants that the service can
explain exactly may be trained for release.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from models.classifier import encoder as classifier
from models.classifier import features
from models.classifier.settings import ClassifierSettings
from models.reading import Reader
from models.statistics import Bools, Floats, Rows, percentile_interval
from pipelines.data.rows import Notice
from pipelines.data.split import Split
from pipelines.data.table import Table
from pipelines.evaluation import metrics
from pipelines.settings import Config

Fit = Callable[[pd.DataFrame, Bools, pd.DataFrame, ClassifierSettings], Floats]
"""A function that fits on a frame of features and its labels, and returns the scores of another frame, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to classify; `inputs` is the setting under which the service runs it, `None` where the service cannot."""

    name: str
    scores: Fit
    inputs: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """The figures of a variant: its area, the paired difference to the best with its interval, and whether it won."""

    name: str
    auc: float
    average_precision: float
    difference: float
    low: float
    high: float
    standard_error: float
    wins: bool = False


def _logistic(inputs: str) -> Fit:
    """Return a function that fits our encoder and a logistic regression."""

    def scores(fit: pd.DataFrame, truth: Bools, held: pd.DataFrame, settings: ClassifierSettings) -> Floats:
        encoder = classifier.make_encoder(replace(settings, inputs=inputs))
        head = LogisticRegression(C=settings.regularisation, max_iter=2000, random_state=settings.seed)
        head.fit(encoder.fit_transform(fit), truth)
        return np.asarray(head.decision_function(encoder.transform(held)))

    return scores


def _svm(fit: pd.DataFrame, truth: Bools, held: pd.DataFrame, settings: ClassifierSettings) -> Floats:
    """Return the scores of a linear support vector machine on words and metadata."""
    encoder = classifier.make_encoder(replace(settings, inputs="both"))
    head = LinearSVC(C=settings.regularisation / 10, random_state=settings.seed).fit(encoder.fit_transform(fit), truth)
    return np.asarray(head.decision_function(encoder.transform(held)))


def _characters(fit: pd.DataFrame, truth: Bools, held: pd.DataFrame, settings: ClassifierSettings) -> Floats:
    """Return the scores of a logistic regression on words and characters of the note."""
    words = classifier.make_encoder(replace(settings, inputs="text")).transformers[0][1]
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True,
                            min_df=settings.min_document_frequency, max_features=3 * settings.max_words)  # fmt: skip
    encoder = FeatureUnion([("words", words), ("characters", parts)])
    head = LogisticRegression(C=settings.regularisation, max_iter=2000, random_state=settings.seed)
    head.fit(encoder.fit_transform(fit["text"]), truth)
    return np.asarray(head.decision_function(encoder.transform(held["text"])))


def _boosting(fit: pd.DataFrame, truth: Bools, held: pd.DataFrame, settings: ClassifierSettings) -> Floats:
    """Return the scores of gradient boosting on the metadata alone."""
    names = list(features.CATEGORY_COLUMNS)
    codes = {name: {value: place for place, value in enumerate(sorted(set(fit[name])))} for name in names}

    def table(frame: pd.DataFrame) -> pd.DataFrame:
        coded = {name: frame[name].map(codes[name]).astype("float64") for name in names}
        return pd.DataFrame(coded | {name: frame[name] for name in features.NUMBER_COLUMNS})

    head = HistGradientBoostingClassifier(random_state=settings.seed).fit(table(fit), truth)
    return np.asarray(head.predict_proba(table(held))[:, 1])


VARIANTS = (
    Variant("metadata only, logistic", _logistic("metadata"), "metadata"),
    Variant("words only, logistic", _logistic("text"), "text"),
    Variant("words and metadata, logistic", _logistic("both"), "both"),
    Variant("words and metadata, linear SVM", _svm),
    Variant("metadata only, gradient boosting", _boosting),
    Variant("words and characters, logistic", _characters),
)
"""From the simplest to the most costly to serve and to explain."""


def compare(
    table: Table, blocks: Split, config: Config, *, reader: Reader | None = None, notice: Notice = lambda _: None
) -> tuple[list[Compared], Variant]:
    """Return the figures of every variant on the same blocks, and the winner among those that can be served.

    `reader` is the program's; the default reads as the shipped program does.
    """
    reader = reader or Reader()
    rows = {name: features.frame([table.calls[i] for i in getattr(blocks, name)], reader) for name in ("fit", "calibrate")}
    eligible = table.labels["eligible"]
    fit_truth, truth = (eligible.iloc[block].to_numpy(dtype=bool) for block in (blocks.fit, blocks.calibrate))
    scores: dict[str, Floats] = {}
    for variant in VARIANTS:
        scores[variant.name] = variant.scores(rows["fit"], fit_truth, rows["calibrate"], config.classifier)
        notice(f"{variant.name}: area {metrics.auc(truth, scores[variant.name]):.4f}")
    return ranked(scores, truth, config)


def ranked(scores: dict[str, Floats], truth: Bools, config: Config) -> tuple[list[Compared], Variant]:
    """Return the figures of each variant and the winner, by the paired bootstrap of their areas; scores and truth (n,)."""
    areas = {name: metrics.auc(truth, each) for name, each in scores.items()}
    best = max(areas, key=lambda name: areas[name])
    draws = metrics.paired_differences(metrics.auc, truth, scores, best, resamples=config.evaluate.bootstrap)
    table = []
    for name, each in scores.items():
        low, high = percentile_interval(draws[name], confidence=config.evaluate.confidence)
        table.append(
            Compared(
                name, areas[name], metrics.average_precision(truth, each), areas[name] - areas[best], low, high,
                float(draws[name].std(ddof=1)),
            )
        )  # fmt: skip
    within = [each for each in table if each.difference >= -each.standard_error]
    winner = next((variant for variant in VARIANTS if variant.inputs and any(e.name == variant.name for e in within)), None)
    if winner is None:  # no variant that can be served is within one standard error: take the best of those that can
        servable = [variant for variant in VARIANTS if variant.inputs and variant.name in scores]
        winner = max(servable, key=lambda variant: areas[variant.name])
    return [replace(each, wins=each.name == winner.name) for each in table], winner


def without_fields(parts: classifier.Parts, table: Table, rows: Rows, *, reader: Reader | None = None) -> dict[str, float]:
    """Return the area of the eligible head on some rows, with none and with each metadata field missing."""
    calls, reader = [table.calls[i] for i in rows], reader or Reader()
    truth = table.labels["eligible"].iloc[rows].to_numpy(dtype=bool)

    def area(frame: pd.DataFrame) -> float:
        return metrics.auc(truth, parts["eligible"].predict_proba(parts["encoder"].transform(frame))[:, 1])

    blank: dict[str, dict[str, Any]] = {
        "call_type": {"call_type": None}, "source": {"source": None}, "zone": {"zone": None},
        "caller_party": {"caller_party": None}, "language": {"language": None}, "time": {"received_at": None},
        "history": {"calls_24h": None, "calls_30d": None}, "premise_hazard": {"premise_hazard": None},
        "priority": {"priority": None},
        "answers": {"weapons_answer": None, "violence_answer": None, "medical_answer": None},
    }  # fmt: skip
    every = {key: None for changes in blank.values() for key in changes}
    cases = {"nothing missing": {}, **blank, "everything but the note": every}
    return {
        name: area(features.frame([replace(call, **changes) for call in calls], reader)) for name, changes in cases.items()
    }
