"""The difference between a city's unlabelled calls and a model's training calls: whether its threshold may hold for them.

A classifier two-sample test measures the difference by groups of features: an area of 0.5 means that the two are alike, an
area of 1 that every call can be attributed (Lopez-Paz and Oquab, ICLR 2017). The shares of unfamiliar notes, of notes
without a signal and of unknown call types are reported too. Nothing here needs labels, or measures correctness.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from models.call import Call
from models.classifier import features
from models.classifier.bundle import Bundle
from models.classifier.encoder import make_encoder
from models.classifier.familiarity import unfamiliar_share
from models.classifier.features import MISSING
from models.classifier.settings import ClassifierSettings
from models.errors import InvalidData
from models.programs.call_types import UNMAPPED
from models.reading import Reader, Reading
from models.statistics import Estimate, share
from pipelines.evaluation import metrics
from pipelines.settings import EvaluateSettings

FEWEST_CALLS, MOST_CALLS = 50, 3_000
COMPARED = {"notes": "words", "signals": "signals", "call types and fields": "metadata"}
"""The groups of features that are compared, with the encoder's inputs for each."""

FAR_AREA, FAR_UNFAMILIAR, FAR_UNKNOWN_TYPES, FAR_NO_SIGNAL = 0.75, 0.25, 0.10, 0.50
"""Limits of the verdict: the area of the signals, which are read by the same lists in both, and shares of the calls."""

_FOLDS, _MOST_LISTED = 5, 10


@dataclass(frozen=True, slots=True)
class DomainGap:
    """The differences of a city's calls from the training calls; shares are of the city's calls unless they say otherwise.

    `areas` are those of the two-sample test by group of features. `silent_signals` fire on at least one in a hundred
    training calls and on none of the city's. `reasons` are why the shipped threshold should not be trusted, if any.
    """

    calls: int
    areas: Mapping[str, Estimate]
    unfamiliar: Estimate
    no_signal: Estimate
    no_signal_training: Estimate
    unknown_types: Estimate
    silent_signals: tuple[str, ...]
    frequent_unknown_types: tuple[tuple[str, int], ...]
    certified_on: str
    reasons: tuple[str, ...]

    @property
    def believable(self) -> bool:
        """Return whether no reason against the shipped threshold was found."""
        return not self.reasons

    def to_record(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return asdict(self)


def compare_domain(
    bundle: Bundle, training: Sequence[Call], city: Sequence[Call], reader: Reader, settings: EvaluateSettings,
    classifier: ClassifierSettings,
) -> DomainGap:  # fmt: skip
    """Return the differences of a city's unlabelled calls from a bundle's training calls, over at most `MOST_CALLS` of each.

    Raises `InvalidData` where there are fewer than `FEWEST_CALLS` of either.
    """
    if min(len(training), len(city)) < FEWEST_CALLS:
        raise InvalidData("too few calls to compare", value=min(len(training), len(city)), remedy=f"at least {FEWEST_CALLS}")
    of_training, of_city = (_read(calls, reader, seed=classifier.seed) for calls in (training, city))
    training_frame, city_frame = (
        pd.DataFrame.from_records([features.row(reading) for reading in readings]) for readings in (of_training, of_city)
    )
    n, confidence = len(of_city), settings.confidence
    max_unfamiliar = bundle.operating_point.max_unfamiliar
    unfamiliar = [unfamiliar_share(reading, bundle.vocabulary) > max_unfamiliar for reading in of_city]
    unknown_types = Counter(
        str(reading.call.call_type) for reading in of_city if reading.call_type.name == UNMAPPED and reading.call.call_type
    )
    with_type = sum(reading.call_type.name != MISSING for reading in of_city)
    gap = DomainGap(
        calls=len(city),
        areas={
            name: _two_sample(training_frame, city_frame, replace(classifier, inputs=inputs), settings)
            for name, inputs in COMPARED.items()
        },
        unfamiliar=share(sum(unfamiliar), n, confidence=confidence),
        no_signal=_without_signal(of_city, confidence=confidence),
        no_signal_training=_without_signal(of_training, confidence=confidence),
        unknown_types=share(sum(unknown_types.values()), with_type, confidence=confidence),
        silent_signals=_silent(of_training, of_city),
        frequent_unknown_types=tuple(unknown_types.most_common(_MOST_LISTED)),
        certified_on=bundle.certified_on,
        reasons=(),
    )
    return replace(gap, reasons=tuple(_reasons(gap)))


def _read(calls: Sequence[Call], reader: Reader, *, seed: int) -> list[Reading]:
    """Return the readings of a sample of calls."""
    rows = np.random.default_rng(seed).permutation(len(calls))[:MOST_CALLS]
    return [reader.read(calls[row]) for row in np.sort(rows)]


def _two_sample(
    training: pd.DataFrame, city: pd.DataFrame, classifier: ClassifierSettings, settings: EvaluateSettings
) -> Estimate:
    """Return the area of a classifier that predicts, out of fold, which of two tables a call comes from."""
    frame = pd.concat([training, city], ignore_index=True)
    truth = np.arange(len(frame)) >= len(training)
    encoded = make_encoder(replace(classifier, min_document_frequency=2)).fit_transform(frame)
    head = LogisticRegression(
        C=classifier.regularisation, max_iter=500, class_weight="balanced", random_state=classifier.seed
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=classifier.seed)
    with threadpool_limits(limits=1):
        scores = cross_val_predict(head, encoded, truth, cv=folds, method="decision_function")
    return metrics.bootstrapped(
        metrics.auc, truth, scores, confidence=settings.confidence, resamples=settings.bootstrap
    )  # fmt: skip


def _fired(reading: Reading) -> frozenset[str]:
    """Return the signals that a note asserts."""
    return frozenset(signal.id for signal in reading.signals if signal.asserted)


def _without_signal(readings: Sequence[Reading], *, confidence: float) -> Estimate:
    """Return the share of notes on which no signal fires."""
    return share(sum(not _fired(reading) for reading in readings), len(readings), confidence=confidence)


def _silent(training: Sequence[Reading], city: Sequence[Reading]) -> tuple[str, ...]:
    """Return the signals that fire on one in a hundred training calls and on none of the city's, the most frequent first."""
    in_city = frozenset[str]().union(*map(_fired, city))
    counts = Counter(name for reading in training for name in _fired(reading))
    return tuple(name for name, count in counts.most_common() if count >= len(training) / 100 and name not in in_city)


def _reasons(gap: DomainGap) -> Iterator[str]:
    """Yield the reasons why the shipped threshold should not be trusted on these calls."""
    if gap.certified_on in {"synthetic", "unknown", "none"}:
        yield "its promise was proved on synthetic calls alone"
    area = gap.areas["signals"]
    if area.low > FAR_AREA:
        yield f"signals alone distinguish these calls from the training calls (area {area.value:.2f})"
    if gap.unfamiliar.low > FAR_UNFAMILIAR:
        yield f"{gap.unfamiliar.value:.0%} of the notes are unfamiliar to the model"
    if gap.no_signal.low > FAR_NO_SIGNAL:
        yield f"no signal fires on {gap.no_signal.value:.0%} of the notes"
    if gap.unknown_types.n and gap.unknown_types.low > FAR_UNKNOWN_TYPES:
        yield f"{gap.unknown_types.value:.0%} of the call types are not known"


def lines(gap: DomainGap) -> Iterator[str]:
    """Yield the comparison as lines, the verdict first."""
    if gap.believable:
        yield (
            "VERDICT: no reason against the shipped threshold was found. That is no proof: label at least 100 calls and run "
            "heartline adapt"
        )
    else:
        reasons = "; ".join(gap.reasons)
        yield f"VERDICT: do not trust the shipped threshold on these calls: {reasons}. Label calls and run heartline adapt"
    yield f"{gap.calls} calls compared with the training calls; the promise was proved on: {gap.certified_on}"
    for name, area in gap.areas.items():
        yield f"difference by {name:21} area {area}; 0.5 means alike"
    yield f"notes with unfamiliar words: {gap.unfamiliar}"
    yield f"notes on which no signal fires: {gap.no_signal}, in training {gap.no_signal_training}"
    yield f"call types that are not known: {gap.unknown_types}"
    for name, count in gap.frequent_unknown_types:
        yield f"  {name}: {count}"
    if gap.silent_signals:
        shown = ", ".join(gap.silent_signals[:_MOST_LISTED])
        yield f"signals that fire in training and on none of these calls: {len(gap.silent_signals)} ({shown})"
