"""Fit the heads from stock scikit-learn parts over one shared encoder: eligible, danger, medical, self-harm, risk, response.

Nothing of ours goes inside the artefact: the encoder is a `ColumnTransformer` over the columns of `features`, and each
head a calibrated logistic regression over its output. Signals come first, words with a smaller weight, then metadata.
Stop words are kept, because "no" decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from models.classifier.calibration import Calibration, calibrated
from models.classifier.features import CATEGORY_COLUMNS, NUMBER_COLUMNS
from models.classifier.heads import HEADS
from models.classifier.settings import ClassifierSettings

Parts = dict[str, Any]
"""The artefact: `encoder` and one estimator for each head that could be fitted."""

Labels = Mapping[str, NDArray[Any]]
"""The truth of each head by its name, shape (n,), with `None` or NaN where it is not known."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The artefact and how each of its heads was calibrated."""

    parts: Parts
    calibration: dict[str, Calibration] = field(default_factory=dict)


def make_encoder(settings: ClassifierSettings) -> ColumnTransformer:
    """Return an unfitted encoder; its input is a frame with the columns of `features.COLUMNS`."""
    signals = CountVectorizer(
        token_pattern=r"\S+", lowercase=False, binary=True, min_df=settings.min_document_frequency, dtype=np.float64
    )
    words = TfidfVectorizer(
        token_pattern=r"\S+",
        lowercase=False,
        ngram_range=(1, settings.word_ngrams),
        min_df=settings.min_document_frequency,
        max_features=settings.max_words,
        sublinear_tf=True,
    )
    type_words = TfidfVectorizer(token_pattern=r"\S+", lowercase=False, min_df=settings.min_document_frequency)
    blocks: dict[str, tuple[str, Any, Any]] = {
        "signals": ("signals", signals, "signals"),
        "words": ("words", words, "text"),
        "type_words": ("type_words", type_words, "call_type_words"),
        "categories": ("categories", OneHotEncoder(handle_unknown="ignore"), list(CATEGORY_COLUMNS)),
        "numbers": ("numbers", "passthrough", list(NUMBER_COLUMNS)),
    }
    metadata = ("type_words", "categories", "numbers")
    chosen: dict[str, tuple[str, ...]] = {
        "words": ("words",), "signals": ("signals",), "text": ("signals", "words"), "metadata": metadata,
        "both": ("signals", "words", *metadata),
    }  # fmt: skip
    weights = {"signals": settings.signal_weight, "words": settings.word_weight} | dict.fromkeys(
        metadata, settings.metadata_weight
    )
    names = chosen[settings.inputs]
    return ColumnTransformer(
        [blocks[name] for name in names],
        transformer_weights={name: weights[name] for name in names},
        sparse_threshold=1.0,
    )


def fit(
    frame: pd.DataFrame,
    labels: Labels,
    *,
    calibration_frame: pd.DataFrame,
    calibration_labels: Labels,
    settings: ClassifierSettings,
    eligible_weights: NDArray[np.float64] | None = None,
    calibration_weights: NDArray[np.float64] | None = None,
) -> Fitted:
    """Return the encoder and every head, fitted on one block and calibrated on a later one.

    Shapes: frame (n, columns), each label array (n,), `eligible_weights` (n,) where they are given, and
    `calibration_weights` the same for the later block. Every head learns from all calls whose truth is known; a head with
    a single known class is left out.
    """
    encoder = make_encoder(settings)
    encoded, later = encoder.fit_transform(frame), encoder.transform(calibration_frame)
    _plain_places(encoder)
    fitted = Fitted({"encoder": encoder})
    for head in HEADS:
        known, known_later = pd.notna(labels[head]), pd.notna(calibration_labels[head])
        target = _typed(labels[head][known], head)
        if len(np.unique(target)) < 2:
            continue
        weights = eligible_weights[known] if head == "eligible" and eligible_weights is not None else None
        estimator = LogisticRegression(C=settings.regularisation, max_iter=2000, random_state=settings.seed)
        truth = _typed(calibration_labels[head][known_later], head)
        with threadpool_limits(limits=1):  # so small a problem is twenty times slower where threads share the cores
            estimator.fit(encoded[np.flatnonzero(known)], target, sample_weight=weights)
            fitted.parts[head], fitted.calibration[head] = calibrated(
                estimator,
                later[np.flatnonzero(known_later)],
                truth,
                weights=calibration_weights[known_later] if head == "eligible" and calibration_weights is not None else None,
                seed=settings.seed,
            )
    return fitted


def _plain_places(encoder: ColumnTransformer) -> None:
    """Make the places of a vocabulary Python's own numbers: skops keeps each number of numpy's in a file of its own."""
    for _, block, _ in encoder.transformers_:
        if isinstance(block, CountVectorizer):
            block.vocabulary_ = {term: int(place) for term, place in block.vocabulary_.items()}


def _typed(target: NDArray[Any], head: str) -> NDArray[Any]:
    """Return labels as scikit-learn wants them: whole numbers for yes or no, words for the response."""
    return target.astype(str) if head == "response" else target.astype(int)
