"""The classifier fitted on synthetic and local calls together, and the search for its settings, such as their weights."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.classifier import encoder as classifier
from models.classifier.bundle import Adjustment
from models.classifier.encoder import Labels, Parts, make_encoder
from models.classifier.heads import HEADS, RISKS
from models.classifier.settings import ClassifierSettings
from models.statistics import Bools, Floats, Rows
from pipelines.training.local_groups import Sides, sides_of
from pipelines.training.reference import fitted_line

WEIGHTS = (10.0, 3.0, 30.0)
"""The weights of a local call against a synthetic one; the first is kept unless another is clearly better."""

REGULARISATION = (1.0, 0.3, 3.0)
"""Factors of the base's regularisation."""

BLOCKS: tuple[Mapping[str, float], ...] = (
    {}, {"signal_weight": 0.5}, {"word_weight": 0.5}, {"metadata_weight": 0.3},
)  # fmt: skip
"""Factors of the base's weights of signals, words and metadata."""

INNER_FOLDS = 3
MOST_SYNTHETIC = 6_000
"""Synthetic calls in the search: more of them hardly change the order of the settings."""

NEEDED_HEADS = ("eligible", *RISKS)
"""The heads that decide whether a call may be cleared."""

_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """The settings of a local model: the classifier's, and the weight of a local call against a synthetic one."""

    classifier: ClassifierSettings
    weight: float

    def to_record(self) -> dict[str, float]:
        """Return the searched settings as plain JSON values."""
        names = ("regularisation", "signal_weight", "word_weight", "metadata_weight")
        return {"local_weight": self.weight} | {name: getattr(self.classifier, name) for name in names}


@dataclass(frozen=True, slots=True)
class Examples:
    """Calls to fit on: features, shape (n, columns), the labels of each head, (n,), and the weight of each label, (n,).

    `selected` is the mask of the labels that were selected by what they say, shape (n,): they are never held out.
    """

    frame: pd.DataFrame
    heads: Labels
    weights: Floats
    selected: Bools

    @property
    def eligible(self) -> Bools:
        """Return which calls are eligible."""
        return self.heads["eligible"].astype(bool)

    def take(self, rows: Rows | Bools) -> "Examples":
        """Return some of the calls."""
        heads = {name: values[rows] for name, values in self.heads.items()}
        frame = self.frame[rows] if rows.dtype == bool else self.frame.iloc[rows]
        return Examples(frame, heads, self.weights[rows], self.selected[rows])


def fit_parts(
    synthetic: Examples, local: Examples, calibrate: Examples, settings: LocalSettings, *, heads: tuple[str, ...] = HEADS
) -> Parts:
    """Return the encoder and the heads, fitted on both kinds of calls; all heads but `eligible` are calibrated."""
    unknown = {name: np.full(len(synthetic.frame) + len(local.frame), None, dtype=object) for name in HEADS}
    labels = unknown | {name: np.concatenate([synthetic.heads[name], local.heads[name]]) for name in heads}
    fitted = classifier.fit(
        pd.concat([synthetic.frame, local.frame], ignore_index=True),
        labels,
        calibration_frame=calibrate.frame,
        calibration_labels={**calibrate.heads, "eligible": np.full(len(calibrate.frame), None, dtype=object)},
        settings=settings.classifier,
        eligible_weights=np.concatenate([synthetic.weights, settings.weight * local.weights]),
    )
    return fitted.parts


def log_odds(parts: Parts, frame: pd.DataFrame) -> Floats:
    """Return the log-odds of the eligible head, uncalibrated; shape (n,)."""
    return np.asarray(parts["eligible"].decision_function(parts["encoder"].transform(frame)))


def with_line(parts: Parts, line: Adjustment) -> Parts:
    """Return parts whose eligible head gives slope times its log-odds plus intercept, so that it needs no calibrator."""
    head = copy.deepcopy(parts["eligible"])
    head.coef_, head.intercept_ = line.slope * head.coef_, line.slope * head.intercept_ + line.intercept
    return parts | {"eligible": head}


def tune(synthetic: Examples, local: Examples, groups: Rows, base: ClassifierSettings) -> LocalSettings:
    """Return the settings with the lowest log loss on held-out groups of the local calls, or an earlier one about as good.

    Weight, regularisation and block weights are searched one after another. A setting replaces the best so far only where
    its mean loss is lower by more than one standard error of the paired difference.
    """
    rows = np.random.default_rng(base.seed).permutation(len(synthetic.frame))[:MOST_SYNTHETIC]
    search = _Search(synthetic.take(np.sort(rows)), local, groups, base)
    best = LocalSettings(base, WEIGHTS[0])
    for step in (_weights, _regularisations, _blocks):
        for candidate in step(best, base):
            gap = search.losses(candidate) - search.losses(best)
            if gap.mean() < -gap.std(ddof=1) / np.sqrt(len(gap)):
                best = candidate
    return best


def _weights(best: LocalSettings, _: ClassifierSettings) -> Iterator[LocalSettings]:
    """Yield the settings with each other weight of a local call."""
    yield from (replace(best, weight=weight) for weight in WEIGHTS[1:])


def _regularisations(best: LocalSettings, base: ClassifierSettings) -> Iterator[LocalSettings]:
    """Yield the settings with each other regularisation."""
    for factor in REGULARISATION[1:]:
        yield replace(best, classifier=replace(best.classifier, regularisation=factor * base.regularisation))


def _blocks(best: LocalSettings, base: ClassifierSettings) -> Iterator[LocalSettings]:
    """Yield the settings with each other weight of a block."""
    for factors in BLOCKS[1:]:
        changed: dict[str, Any] = {name: factor * getattr(base, name) for name, factor in factors.items()}
        yield replace(best, classifier=replace(best.classifier, **changed))


class _Search:
    """The log losses of settings on held-out local calls; calls are encoded once, block weights scale columns."""

    def __init__(self, synthetic: Examples, local: Examples, groups: Rows, base: ClassifierSettings) -> None:
        """Encode both kinds of calls with all block weights at one."""
        plain = replace(base, signal_weight=1.0, word_weight=1.0, metadata_weight=1.0)
        encoder = make_encoder(plain)
        encoded = encoder.fit_transform(pd.concat([synthetic.frame, local.frame], ignore_index=True)).tocsr()
        self._split = len(synthetic.frame)
        self._synthetic, self._local = encoded[: self._split], encoded[self._split :]
        self._encoder = encoder
        self._truths = synthetic.eligible, local.eligible
        self._label_weights = synthetic.weights, local.weights
        self._held_out = ~local.selected
        self._folds = sides_of(groups, local.eligible, local.selected, count=INNER_FOLDS, seed=base.seed)
        self._losses: dict[LocalSettings, Floats] = {}

    def losses(self, settings: LocalSettings) -> Floats:
        """Return each held-out local call's log loss, calibrated, from models fitted without its group."""
        if settings not in self._losses:
            scale = block_scale(self._encoder, settings.classifier)
            scores = out_of_fold(
                (self._synthetic @ scale, self._local @ scale), self._truths, self._label_weights, self._folds, settings
            )
            scores, truth = scores[self._held_out], self._truths[1][self._held_out]
            line = fitted_line(scores, truth)
            logits = line.intercept + line.slope * scores
            self._losses[settings] = np.logaddexp(0.0, np.where(truth, -logits, logits))
        return self._losses[settings]


def block_scale(encoder: Any, settings: ClassifierSettings) -> sparse.dia_array:
    """Return the diagonal matrix that multiplies the columns of each block by its weight.

    `encoder` was fitted with block weights of one.
    """
    by_name = {"signals": settings.signal_weight, "words": settings.word_weight}
    slices = encoder.output_indices_
    scale = np.empty(max(columns.stop for columns in slices.values()))
    for name, columns in slices.items():
        scale[columns] = by_name.get(name, settings.metadata_weight)
    return sparse.diags_array(scale)


def out_of_fold(
    encoded: tuple[Any, Any],
    truths: tuple[Bools, Bools],
    weights: tuple[Floats, Floats],
    folds: list[Sides],
    settings: LocalSettings,
) -> Floats:
    """Return the log-odds of each held-out local call from a model of the synthetic calls and the local ones to fit on.

    Each pair is of synthetic and of local calls. Shape (n,), NaN for a call that no fold holds out.
    """
    (synthetic, local), scores = encoded, np.full(len(truths[1]), np.nan)
    for fold in folds:
        rest = np.flatnonzero(fold.fitted_on)
        head = LogisticRegression(
            C=settings.classifier.regularisation, max_iter=500, tol=_TOLERANCE, random_state=settings.classifier.seed
        )
        with threadpool_limits(limits=1):
            head.fit(
                sparse.vstack([synthetic, local[rest]], format="csr"),
                np.concatenate([truths[0], truths[1][rest]]),
                sample_weight=np.concatenate([weights[0], settings.weight * weights[1][rest]]),
            )
        scores[fold.held] = head.decision_function(local[np.flatnonzero(fold.held)])
    return scores
