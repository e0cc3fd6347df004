"""Fit the three heads from stock scikit-learn parts: eligible, response and risk over one shared encoder.

Nothing of ours goes inside the artefact: the encoder is a `ColumnTransformer` over the columns of `models.features`, and
each head a calibrated logistic regression over its output. Stop words are kept, because "no" decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from models.features import CATEGORY_COLUMNS, NUMBER_COLUMNS

HEADS = ("eligible", "response", "risk")
MIN_CALIBRATION_POSITIVES = 10
"""Fewer known events than this cannot place a calibration curve; the head is then left as fitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSettings:
    """Hold what can be chosen about the classifier."""

    word_ngrams: int
    min_document_frequency: int
    max_words: int
    regularisation: float
    metadata_weight: float
    seed: int


Parts = dict[str, Any]
"""The artefact: `encoder` and one estimator for each head that could be fitted."""


def make_encoder(settings: ClassifierSettings) -> ColumnTransformer:
    """Return an unfitted encoder; its input is a frame with the columns of `features.COLUMNS`."""
    words = TfidfVectorizer(
        token_pattern=r"\S+",
        lowercase=False,
        ngram_range=(1, settings.word_ngrams),
        min_df=settings.min_document_frequency,
        max_features=settings.max_words,
        sublinear_tf=True,
    )
    type_words = TfidfVectorizer(token_pattern=r"\S+", lowercase=False, min_df=settings.min_document_frequency)
    weight = settings.metadata_weight
    return ColumnTransformer(
        [
            ("words", words, "text"),
            ("type_words", type_words, "call_type_words"),
            ("categories", OneHotEncoder(handle_unknown="ignore"), list(CATEGORY_COLUMNS)),
            ("numbers", "passthrough", list(NUMBER_COLUMNS)),
        ],
        transformer_weights={"words": 1.0, "type_words": weight, "categories": weight, "numbers": weight},
        sparse_threshold=1.0,
    )


def fit(
    frame: pd.DataFrame,
    labels: Mapping[str, NDArray[Any]],
    *,
    calibration_frame: pd.DataFrame,
    calibration_labels: Mapping[str, NDArray[Any]],
    settings: ClassifierSettings,
) -> Parts:
    """Fit the encoder and every head; labels may hold `None` or NaN where a head's truth is not known.

    Shapes: frame (n, columns), each label array (n,). A head with a single known class is left out.
    """
    encoder = make_encoder(settings)
    fitted = encoder.fit_transform(frame)
    later = encoder.transform(calibration_frame)
    parts: Parts = {"encoder": encoder}
    for head in HEADS:
        known, known_later = pd.notna(labels[head]), pd.notna(calibration_labels[head])
        target = labels[head][known]
        if len(np.unique(target.astype(str))) < 2:
            continue
        estimator = LogisticRegression(C=settings.regularisation, max_iter=2000, random_state=settings.seed)
        estimator.fit(fitted[np.flatnonzero(known)], _typed(target, head))
        truth = _typed(calibration_labels[head][known_later], head)
        parts[head] = _calibrated(estimator, later[np.flatnonzero(known_later)], truth)
    return parts


def _typed(target: NDArray[Any], head: str) -> NDArray[Any]:
    """Return labels as scikit-learn wants them: whole numbers for yes or no, words for the response."""
    return target.astype(str) if head == "response" else target.astype(int)


def _calibrated(estimator: LogisticRegression, later: Any, truth: NDArray[Any]) -> Any:
    """Calibrate a fitted head on a later block, where enough of every class is known there."""
    counts = [int(np.sum(truth == name)) for name in estimator.classes_]
    if min(counts) < MIN_CALIBRATION_POSITIVES:
        return estimator
    method = "sigmoid" if len(counts) == 2 else "temperature"
    return CalibratedClassifierCV(FrozenEstimator(estimator), method=method).fit(later, truth)
