"""Fit the three heads from stock scikit-learn parts: eligible, response and risk over one shared encoder.

Nothing of ours goes inside the artefact: the encoder is a `ColumnTransformer` over the columns of `features`, and
each head a calibrated logistic regression over its output. Stop words are kept, because "no" decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from models.classifier import risk
from models.classifier.calibration import Calibration, calibrated
from models.classifier.features import CATEGORY_COLUMNS, NUMBER_COLUMNS

HEADS = ("eligible", "response", "risk")
INPUTS = ("text", "metadata", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSettings:
    """Hold what can be chosen about the classifier; `inputs` is one of `INPUTS`."""

    inputs: str
    word_ngrams: int
    min_document_frequency: int
    max_words: int
    regularisation: float
    metadata_weight: float
    seed: int


Parts = dict[str, Any]
"""The artefact: `encoder` and one estimator for each head that could be fitted."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Hold the artefact and how each of its heads was calibrated."""

    parts: Parts
    calibration: dict[str, Calibration] = field(default_factory=dict)


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
    text: list[tuple[str, Any, Any]] = [("words", words, "text")]
    metadata: list[tuple[str, Any, Any]] = [
        ("type_words", type_words, "call_type_words"),
        ("categories", OneHotEncoder(handle_unknown="ignore"), list(CATEGORY_COLUMNS)),
        ("numbers", "passthrough", list(NUMBER_COLUMNS)),
    ]
    blocks = {"text": text, "metadata": metadata, "both": [*text, *metadata]}[settings.inputs]
    scale = {"words": 1.0, "type_words": weight, "categories": weight, "numbers": weight}
    return ColumnTransformer(blocks, transformer_weights={name: scale[name] for name, _, _ in blocks}, sparse_threshold=1.0)


def fit(
    frame: pd.DataFrame,
    labels: Mapping[str, NDArray[Any]],
    *,
    calibration_frame: pd.DataFrame,
    calibration_labels: Mapping[str, NDArray[Any]],
    settings: ClassifierSettings,
    eligible_weights: NDArray[np.float64] | None = None,
) -> Fitted:
    """Fit the encoder and every head; labels may hold `None` or NaN where a head's truth is not known.

    Shapes: frame (n, columns), each label array (n,). A head with a single known class is left out. The risk head weighs
    each known outcome by how seldom calls like it are served (`models.classifier.risk`), the eligible head its labels by
    `eligible_weights`, shape (n,), where they are given.
    """
    encoder = make_encoder(settings)
    fitted = encoder.fit_transform(frame)
    _plain_places(encoder)
    later = encoder.transform(calibration_frame)
    result = Fitted({"encoder": encoder})
    for head in HEADS:
        known, known_later = pd.notna(labels[head]), pd.notna(calibration_labels[head])
        target = labels[head][known]
        if len(np.unique(target.astype(str))) < 2:
            continue
        weights = weights_later = None
        if head == "eligible" and eligible_weights is not None:
            weights = eligible_weights[known]
        if head == "risk":
            selection = risk.selection_model(fitted, known, labels["eligible"] == True, seed=settings.seed)  # noqa: E712
            weights = risk.weigh(selection, fitted, known)[known]
            weights_later = risk.weigh(selection, later, known_later)[known_later]
        estimator = LogisticRegression(C=settings.regularisation, max_iter=2000, random_state=settings.seed)
        estimator.fit(fitted[np.flatnonzero(known)], _typed(target, head), sample_weight=weights)
        truth = _typed(calibration_labels[head][known_later], head)
        result.parts[head], result.calibration[head] = calibrated(
            estimator, later[np.flatnonzero(known_later)], truth, weights=weights_later, seed=settings.seed
        )
    return result


def _plain_places(encoder: ColumnTransformer) -> None:
    """Make the places of a vocabulary Python's own numbers: skops keeps each number of numpy's in a file of its own."""
    for _, block, _ in encoder.transformers_:
        if isinstance(block, TfidfVectorizer):
            block.vocabulary_ = {term: int(place) for term, place in block.vocabulary_.items()}


def _typed(target: NDArray[Any], head: str) -> NDArray[Any]:
    """Return labels as scikit-learn wants them: whole numbers for yes or no, words for the response."""
    return target.astype(str) if head == "response" else target.astype(int)
