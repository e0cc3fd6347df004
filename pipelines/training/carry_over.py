"""How well settings of the classifier carry over to scenarios and writing styles that were held out of fitting.

Synthetic calls come from no agency, so that no agency can be left out. The nearest substitute is to hold out every note of
some scenarios, or of some writing styles, fit on the others, and score the notes held out. The scores of all folds are
pooled, so that a setting must rank notes of unseen scenarios correctly against each other. Needs the columns `scenario`
(read as `heart_type`) and `style` of a synthetic corpus.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from threadpoolctl import threadpool_limits

from models.classifier import features
from models.classifier.encoder import make_encoder
from models.classifier.familiarity import unfamiliar_share
from models.classifier.settings import ClassifierSettings
from models.errors import InvalidData
from models.reading import Reader, Reading
from models.statistics import Bools, Floats
from pipelines.data.table import Table, take

HELD_OUT: Mapping[str, str] = {"scenario": "heart_type", "style": "style"}
"""What is held out, by the column of labels that names it."""

GRID: Mapping[str, tuple[float, ...]] = {
    "regularisation": (0.3, 1.0, 3.0),
    "signal_weight": (1.0, 2.0),
    "word_weight": (0.5, 1.0),
    "metadata_weight": (0.3, 1.0),
}
BOUNDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)
"""Bounds on the share of unfamiliar words that `abstention` tries."""
MOST_CALLS = 12_000
"""The size of the sample: more calls hardly change the order of the settings, and every setting costs ten fits."""

_FOLDS = 5
_FALSE_CLEAR = 0.03


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """The figures of settings on held-out notes: area, average precision, and the share found at 3 % false clears."""

    held_out: str
    settings: ClassifierSettings
    auc: float
    average_precision: float
    found: float


@dataclass(frozen=True, slots=True)
class Abstained:
    """The effect of a bound on unfamiliar words: share found, false clears, and the share of eligible notes within it."""

    bound: float
    found: float
    false_clears: float
    eligible_within: float


def carry_over(table: Table, settings: ClassifierSettings) -> Iterator[CarriedOver]:
    """Yield the figures of each setting of the grid on a sample of labelled calls; the same seed draws the same sample."""
    sample = _sample(table, settings)
    frame = features.frame(sample.calls, Reader())
    for candidate in candidates(settings):
        yield from carried_over(frame, sample.labels, candidate)


def candidates(settings: ClassifierSettings) -> Iterator[ClassifierSettings]:
    """Yield the settings of the grid."""
    for values in itertools.product(*GRID.values()):
        regularisation, signal_weight, word_weight, metadata_weight = values
        yield replace(
            settings,
            regularisation=regularisation,
            signal_weight=signal_weight,
            word_weight=word_weight,
            metadata_weight=metadata_weight,
        )


def carried_over(frame: pd.DataFrame, labels: pd.DataFrame, settings: ClassifierSettings) -> list[CarriedOver]:
    """Return the figures of settings on held-out scenarios and on held-out styles; frame and labels have one row per call.

    Raises `InvalidData` where the calls do not name their scenarios and styles.
    """
    truth = labels["eligible"].to_numpy(dtype=bool)
    results = []
    for name in HELD_OUT:
        scores = _out_of_fold(frame, truth, _folds(_groups(labels, name), truth), settings)
        limit = np.quantile(scores[~truth], 1 - _FALSE_CLEAR)
        results.append(
            CarriedOver(
                name, settings, float(roc_auc_score(truth, scores)), float(average_precision_score(truth, scores)),
                float((scores[truth] > limit).mean()),
            )
        )  # fmt: skip
    return results


def abstention(table: Table, settings: ClassifierSettings, *, least: float) -> Iterator[Abstained]:
    """Yield the effect of each bound on unfamiliar words, on notes of held-out scenarios.

    `least` is the probability from which a call counts as cleared. A word counts as unfamiliar where the notes of the other
    scenarios do not have it. Raises `InvalidData` where the calls do not name their scenarios.
    """
    sample, reader = _sample(table, settings), Reader()
    truth = sample.labels["eligible"].to_numpy(dtype=bool)
    folds = _folds(_groups(sample.labels, "scenario"), truth)
    readings = [reader.read(call) for call in sample.calls]
    frame = pd.DataFrame.from_records([features.row(reading) for reading in readings], columns=list(features.COLUMNS))
    scores, shares = expit(_out_of_fold(frame, truth, folds, settings)), np.empty(len(truth))
    for held in folds:
        vocabulary = _vocabulary([readings[place] for place in np.flatnonzero(~held)], settings.min_document_frequency)
        shares[held] = [unfamiliar_share(readings[place], vocabulary) for place in np.flatnonzero(held)]
    open_calls = np.array([not reading.veto.vetoes for reading in readings])
    for bound in BOUNDS:
        cleared = open_calls & (scores >= least) & (shares <= bound)
        yield Abstained(
            bound, float(cleared[truth].mean()), float(cleared[~truth].mean()), float((shares[truth] <= bound).mean())
        )


def _sample(table: Table, settings: ClassifierSettings) -> Table:
    """Return at most `MOST_CALLS` calls of a table in their order; the same seed draws the same sample."""
    return take(table, np.sort(np.random.default_rng(settings.seed).permutation(len(table.calls))[:MOST_CALLS]))


def _groups(labels: pd.DataFrame, name: str) -> pd.Series:
    """Return the group of each call, its scenario or style; raise `InvalidData` where no call names one."""
    column = HELD_OUT[name]
    if labels[column].isna().all():
        raise InvalidData(f"the calls do not name their {name}", value=column, remedy="use a synthetic corpus")
    return labels[column].astype(str)


def _vocabulary(readings: list[Reading], least: int) -> frozenset[str]:
    """Return the words that occur in at least `least` notes."""
    counts = Counter(word for reading in readings for word in {word.text for word in reading.words})
    return frozenset(word for word, count in counts.items() if count >= least)


def _folds(groups: pd.Series, truth: Bools) -> list[Bools]:
    """Return masks of the notes of each fold: whole groups, assigned so that the folds' shares of eligible are alike."""
    share = pd.Series(truth).groupby(groups.to_numpy()).mean().sort_values(kind="stable")
    fold_of = {name: place % _FOLDS for place, name in enumerate(share.index)}
    number = groups.map(fold_of).to_numpy()
    return [number == fold for fold in range(_FOLDS)]


def _out_of_fold(frame: pd.DataFrame, truth: Bools, folds: list[Bools], settings: ClassifierSettings) -> Floats:
    """Return the log-odds of each note from a model that was fitted without its group; shape (n,)."""
    scores = np.empty(len(truth))
    for held in folds:
        encoder = make_encoder(settings)
        head = LogisticRegression(C=settings.regularisation, max_iter=500, random_state=settings.seed)
        with threadpool_limits(limits=1):
            head.fit(encoder.fit_transform(frame[~held]), truth[~held])
            scores[held] = head.decision_function(encoder.transform(frame[held]))
    return scores
