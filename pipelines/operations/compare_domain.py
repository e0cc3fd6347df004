"""How far a city's calls are from those a model learnt from, before anyone labels: whether its threshold can be believed.

A classifier two-sample test tells the two apart, by groups of features: with an area of .5 they are alike, with 1 every call
shows where it comes from (Lopez-Paz and Oquab, ICLR 2017). Beside it stand what the model does not know of the calls: words,
signals and call types. All of it is read off unlabelled calls; none of it says what a call is.
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
LOOKED_AT = {"notes": "words", "signals": "signals", "call types and fields": "metadata"}
"""What the test is shown at a time, and the encoder's inputs for it."""

FAR_AREA, FAR_UNFAMILIAR, FAR_UNKNOWN_TYPES, FAR_NO_SIGNAL = 0.75, 0.25, 0.10, 0.50
"""Limits of the verdict: the area for signals, whose wording the same lists read in both, and shares of the calls."""

_FOLDS, _MOST_LISTED = 5, 10


@dataclass(frozen=True, slots=True)
class DomainGap:
    """How a city's calls differ from the training's; shares are of the city's calls, `training` of the training's.

    `areas` are of the two-sample test by what it was shown. `silent_signals` fire on at least one training call in a hundred
    and on none here; `reasons` say why the shipped threshold cannot be believed, and are empty where nothing speaks against.
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
        """Return whether nothing speaks against the shipped threshold."""
        return not self.reasons

    def to_record(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return asdict(self)


def compare_domain(
    bundle: Bundle, training: Sequence[Call], city: Sequence[Call], reader: Reader, settings: EvaluateSettings,
    classifier: ClassifierSettings,
) -> DomainGap:  # fmt: skip
    """Compare a city's unlabelled calls with those that a bundle learnt from; both are sampled down to `MOST_CALLS`.

    Raises `InvalidData` where there are fewer than `FEWEST_CALLS` of either.
    """
    if min(len(training), len(city)) < FEWEST_CALLS:
        raise InvalidData("too few calls to compare", value=min(len(training), len(city)), remedy=f"at least {FEWEST_CALLS}")
    ours, theirs = (_read(calls, reader, seed=classifier.seed) for calls in (training, city))
    ours_frame, theirs_frame = (
        pd.DataFrame.from_records([features.row(reading) for reading in readings]) for readings in (ours, theirs)
    )
    n, confidence = len(theirs), settings.confidence
    most = bundle.operating_point.max_unfamiliar
    unknown = [unfamiliar_share(reading, bundle.vocabulary) > most for reading in theirs]
    types = Counter(
        str(reading.call.call_type) for reading in theirs if reading.call_type.name == UNMAPPED and reading.call.call_type
    )
    typed = sum(reading.call_type.name != MISSING for reading in theirs)
    gap = DomainGap(
        calls=len(city),
        areas={
            name: _two_sample(ours_frame, theirs_frame, replace(classifier, inputs=inputs), settings)
            for name, inputs in LOOKED_AT.items()
        },
        unfamiliar=share(sum(unknown), n, confidence=confidence),
        no_signal=share(sum(not _fired(reading) for reading in theirs), n, confidence=confidence),
        no_signal_training=share(sum(not _fired(reading) for reading in ours), len(ours), confidence=confidence),
        unknown_types=share(sum(types.values()), typed, confidence=confidence),
        silent_signals=_silent(ours, theirs),
        frequent_unknown_types=tuple(types.most_common(_MOST_LISTED)),
        certified_on=bundle.certified_on,
        reasons=(),
    )
    return replace(gap, reasons=tuple(_reasons(gap)))


def _read(calls: Sequence[Call], reader: Reader, *, seed: int) -> list[Reading]:
    """Return the readings of a sample of calls."""
    rows = np.random.default_rng(seed).permutation(len(calls))[:MOST_CALLS]
    return [reader.read(calls[row]) for row in np.sort(rows)]


def _two_sample(
    ours: pd.DataFrame, theirs: pd.DataFrame, classifier: ClassifierSettings, settings: EvaluateSettings
) -> Estimate:
    """Return the area with which a classifier that has not met a call tells which of two tables it comes from."""
    frame = pd.concat([ours, theirs], ignore_index=True)
    truth = np.arange(len(frame)) >= len(ours)
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


def _silent(ours: Sequence[Reading], theirs: Sequence[Reading]) -> tuple[str, ...]:
    """Return the signals that fire on one in a hundred training calls and on none of the city's, the most frequent first."""
    here = frozenset[str]().union(*map(_fired, theirs))
    counts = Counter(name for reading in ours for name in _fired(reading))
    return tuple(name for name, count in counts.most_common() if count >= len(ours) / 100 and name not in here)


def _reasons(gap: DomainGap) -> Iterator[str]:
    """Yield why the shipped threshold cannot be believed on these calls."""
    if gap.certified_on in {"synthetic", "unknown", "none"}:
        yield "its promise was proved on synthetic calls alone"
    area = gap.areas["signals"]
    if area.low > FAR_AREA:
        yield f"the signals of the notes alone tell these calls from the training's (area {area.value:.2f})"
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
            "VERDICT: nothing here speaks against the shipped threshold. That is no proof: label at least 100 calls and run "
            "heartline adapt"
        )
    else:
        yield f"VERDICT: do not believe the shipped threshold on these calls: {'; '.join(gap.reasons)}. Label and adapt"
    yield f"{gap.calls} calls compared with the training's; the promise was proved on: {gap.certified_on}"
    for name, area in gap.areas.items():
        yield f"told apart by {name:21} area {area}; 0.5 is alike"
    yield f"notes that the model finds unfamiliar: {gap.unfamiliar}"
    yield f"notes on which no signal fires: {gap.no_signal}, in training {gap.no_signal_training}"
    yield f"call types that are not known: {gap.unknown_types}"
    for name, count in gap.frequent_unknown_types:
        yield f"  {name}: {count}"
    if gap.silent_signals:
        shown = ", ".join(gap.silent_signals[:_MOST_LISTED])
        yield f"signals that fire in training and on none of these calls: {len(gap.silent_signals)} ({shown})"
