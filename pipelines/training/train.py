"""Training of a candidate: split, fit, calibrate, certify, save the bundle, and evaluate it through the Router."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from models.classifier import bundle as bundles
from models.classifier import encoder as classifier
from models.classifier import features
from models.classifier.bundle import Adjustment
from models.classifier.golden import GOLDEN_CALLS
from models.classifier.heads import RISKS
from models.classifier.risk import RiskTable, risk_table
from models.errors import InvalidData
from models.programs.files import DEFAULT_PROGRAM, ProgramSource
from models.programs.kept import keep_program
from models.programs.program import load_program
from models.reading import Reader
from models.router import Router, matcher_of
from models.signals import detector_of
from models.statistics import Floats, Rows
from pipelines.data.rows import Notice
from pipelines.data.split import Split, split
from pipelines.data.table import Table, labelled, take
from pipelines.evaluation.evaluate import Evaluation, evaluate
from pipelines.settings import Config
from pipelines.training import compare
from pipelines.training import labels as retrain
from pipelines.training.block_checks import left_out_of
from pipelines.training.certify import any_risk, certify, open_router
from pipelines.training.compare import Compared
from pipelines.training.provenance import provenance
from pipelines.training.reference import MeasureOn, on_reference, recipe_of

_FEWEST_OF_TYPE = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model: its folder, its digest, its blocks, and its evaluation on the test block.

    `compared` are the figures of the variants, `without` the areas with each metadata field missing; both are empty unless
    variants were compared.
    """

    folder: Path
    digest: str
    split: Split
    evaluation: Evaluation
    training: dict[str, Any]
    compared: list[Compared] = field(default_factory=list)
    without: dict[str, float] = field(default_factory=dict)


def train(
    table: Table,
    config: Config,
    folder: Path,
    *,
    identity: Mapping[str, Any] = MappingProxyType({}),
    program: ProgramSource = DEFAULT_PROGRAM,
    comparing: bool = False,
    measure_on: MeasureOn | None = None,
    notice: Notice = lambda _: None,
) -> Candidate:
    """Train a candidate from labelled calls, save its bundle and return it.

    `identity` holds the digests of what it is trained on. With `comparing`, the variants of `compare` are measured first and
    the winner is trained. `measure_on` are reference notes on which calibration and floor are measured anew. `notice` is
    called with a sentence after each step. Raises `InvalidData` where no call has an eligible label, and `NoSafeThreshold`
    where no operating point keeps the promises.
    """
    if table.labels["eligible"].map(lambda value: isinstance(value, bool)).sum() == 0:
        raise InvalidData("no call has an eligible label", remedy="add a column eligible with yes or no")
    whole, table = table, labelled(table)
    blocks = split(table.calls, table.labels, config.split)
    notice(f"split: {blocks}")
    counts = retrain.label_counts(table.labels, blocks)
    for line in retrain.count_lines(counts):
        notice(line)
    loaded = load_program(program)
    matcher, signals = matcher_of(loaded), detector_of(loaded.signals)
    reader = Reader(matcher, signals, call_types=loaded.call_types, time_zone=loaded.time_zone)
    compared: list[Compared] = []
    if comparing:
        compared, winner = compare.compare(table, blocks, config, reader=reader, notice=notice)
        config = replace(config, classifier=replace(config.classifier, inputs=str(winner.inputs)))
    rows = {name: features.frame([table.calls[i] for i in getattr(blocks, name)], reader) for name in ("fit", "calibrate")}
    notice("features made")
    fitted = classifier.fit(
        rows["fit"],
        head_labels(table, blocks.fit),
        calibration_frame=rows["calibrate"],
        calibration_labels=head_labels(table, blocks.calibrate),
        settings=config.classifier,
        eligible_weights=retrain.weights(table.labels.iloc[blocks.fit], config.retrain).to_numpy(),
        calibration_weights=_calibration_weights(table.labels.iloc[blocks.calibrate], config),
    )
    parts = fitted.parts
    notice(f"heads fitted, calibrated by {', '.join(f'{head} {how.method}' for head, how in fitted.calibration.items())}")
    router = open_router(parts, loaded, matcher, signals, config=config)
    certify_on = take(table, blocks.certify)
    proved = certify(router, take(table, blocks.calibrate), certify_on, config, left_out=left_out_of(whole, certify_on))
    for line in proved.lines():
        notice(line)
    certified = on_reference(
        proved.point, router, table, config, recipe=recipe_of(config, identity, router), measure_on=measure_on
    )
    point = certified.point
    notice(
        f"operating point certified: eligible at {point.eligible_at:.4f}, not eligible below {point.not_eligible_below:.4f}"
    )
    notice(f"certified on {certified.on}: {certified.sentence}")
    training = provenance(config, identity, blocks, loaded) | {
        "signals": signals.version,
        "learnt_types": learnt_types(take(table, blocks.fit), reader),
        "certified_on": certified.on,
        "certified_by": certified.sentence,
        "profile": profile(_scores(parts, take(table, blocks.certify), reader, certified.adjustment), table, blocks.certify),
        "certification": proved.to_record(),
        "labels": counts,
        "calibration": {head: how.to_record() for head, how in fitted.calibration.items()},
    }
    unseen = np.concatenate([blocks.calibrate, blocks.certify])
    digest = bundles.save(
        folder,
        parts,
        point,
        risks=risk_tables(parts, take(table, unseen), config, reader),
        training=training,
        golden=[features.row(reader.read(call)) for call in GOLDEN_CALLS],
        adjustment=certified.adjustment,
    )
    keep_program(folder, loaded)
    router = Router(bundle=bundles.load(folder, expected_digest=digest), program=loaded, matcher=matcher, signals=signals)
    evaluation = evaluate(router, take(table, blocks.test), config.evaluate)
    notice("evaluated on the test block")
    without = compare.without_fields(parts, table, blocks.test, reader=reader) if comparing else {}
    return Candidate(folder, digest, blocks, evaluation, training, compared, without)


def risk_tables(parts: classifier.Parts, table: Table, config: Config, reader: Reader) -> dict[str, RiskTable]:
    """Return, for each risk, the share of calls that have it by bands of its score; no head was fitted on `table`."""
    encoded = parts["encoder"].transform(features.frame(table.calls, reader))
    truths = {name: table.labels[name].to_numpy(dtype=object) for name in RISKS} | {"risk": any_risk(table.labels)}
    chances = {name: np.asarray(parts[name].predict_proba(encoded)[:, 1]) for name in truths if name in parts}
    if "risk" in chances:
        chances["risk"] = np.max(list(chances.values()), axis=0)  # as the scorer computes it
    tables = {}
    for name, scores in chances.items():
        known = pd.notna(truths[name])
        if known.any():
            events = truths[name][known].astype(bool)
            tables[name] = risk_table(scores[known], events, confidence=config.evaluate.confidence)
    return tables


def _calibration_weights(labels: pd.DataFrame, config: Config) -> Floats | None:
    """Return the weights of a calibration block's labels, shape (n,); `None` where all are equal."""
    weights = retrain.weights(labels, config.retrain).to_numpy()
    return None if np.all(weights == weights[0]) else weights


def _scores(parts: classifier.Parts, block: Table, reader: Reader, adjustment: Adjustment) -> Floats:
    """Return the adjusted probability of each call of a block; shape (n,)."""
    raw = parts["eligible"].predict_proba(parts["encoder"].transform(features.frame(block.calls, reader)))[:, 1]
    return np.array([adjustment.apply(float(score)) for score in raw])


def profile(scores: Floats, table: Table, rows: Rows) -> dict[str, Any]:
    """Return what monitoring compares with: deciles of the probabilities of some rows, and each field's missing share."""
    gaps = Counter(name for row in rows for name in table.calls[row].missing)
    return {
        "score_edges": [round(float(edge), 6) for edge in np.quantile(scores, np.arange(1, 10) / 10)],
        "missing": {name: round(count / len(rows), 6) for name, count in sorted(gaps.items())},
    }


def learnt_types(block: Table, reader: Reader) -> list[str]:
    """Return the call types of at least `_FEWEST_OF_TYPE` eligible calls, in alphabetical order."""
    eligible = block.labels["eligible"].to_numpy(dtype=bool)
    counts = Counter(
        reader.call_types.canonical(call.call_type).name
        for call, is_eligible in zip(block.calls, eligible, strict=True)
        if is_eligible
    )
    return sorted(name for name, count in counts.items() if count >= _FEWEST_OF_TYPE)


def head_labels(table: Table, rows: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the labels of each head for some rows, `None` where a call has none; shape (rows,) each."""
    labels = table.labels.iloc[rows]
    return {
        "eligible": labels["eligible"].to_numpy(dtype=object),
        "response": labels["response"].to_numpy(dtype=object),
        **{name: labels[name].to_numpy(dtype=object) for name in RISKS},
        "risk": any_risk(labels),
    }
