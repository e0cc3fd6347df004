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
from models.programs.program import Program, load_program
from models.reading import Reader
from models.router import Router, reader_of
from models.statistics import Floats, Rows
from pipelines.data.rows import Notice
from pipelines.data.split import Split, split
from pipelines.data.table import Table, distinct, labelled, take
from pipelines.evaluation.evaluate import Evaluation, evaluate
from pipelines.settings import Config
from pipelines.training import compare
from pipelines.training import labels as retrain
from pipelines.training.block_checks import left_out_of
from pipelines.training.certify import CertifiedBlock, any_risk, certify, open_router
from pipelines.training.compare import Compared
from pipelines.training.provenance import provenance
from pipelines.training.reference import Certified, MeasureOn, on_reference, recipe_of

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
    whole, table = table, distinct(labelled(table))
    if copies := sum(isinstance(value, bool) for value in whole.labels["eligible"]) - len(table.calls):
        notice(f"{copies} rows repeat a call: each call counts once")
    blocks = split(table.calls, table.labels, config.split)
    notice(f"split: {blocks}")
    for line in retrain.count_lines(retrain.label_counts(table.labels, blocks)):
        notice(line)
    loaded = load_program(program)
    reader = reader_of(loaded)
    compared: list[Compared] = []
    if comparing:
        compared, winner = compare.compare(table, blocks, config, reader=reader, notice=notice)
        config = replace(config, classifier=replace(config.classifier, inputs=str(winner.inputs)))
    run = _Run(table, blocks, config, loaded, reader)
    fitted = _fit(run)
    notice(f"heads fitted, calibrated by {', '.join(f'{head} {how.method}' for head, how in fitted.calibration.items())}")
    proved, certified = _certify(run, fitted.parts, whole, identity, measure_on=measure_on, notice=notice)
    training = _training_section(run, fitted, proved, certified, identity)
    digest = _save(run, fitted.parts, certified, training, folder)
    bundle = bundles.load(folder, expected_digest=digest)
    router = Router(bundle=bundle, program=loaded, matcher=reader.matcher, signals=reader.signals)
    evaluation = evaluate(router, run.block("test"), config.evaluate)
    notice("evaluated on the test block")
    without = compare.without_fields(fitted.parts, table, blocks.test, reader=reader) if comparing else {}
    return Candidate(folder, digest, blocks, evaluation, training, compared, without)


@dataclass(frozen=True, slots=True)
class _Run:
    """The labelled calls of one training with their blocks, the settings, the program and its reader."""

    table: Table
    blocks: Split
    config: Config
    program: Program
    reader: Reader

    def block(self, name: str) -> Table:
        """Return the calls of a block."""
        return take(self.table, getattr(self.blocks, name))


def _fit(run: _Run) -> classifier.Fitted:
    """Return the encoder and the heads, fitted on the fit block and calibrated on the calibration block."""
    blocks, labels = run.blocks, run.table.labels
    return classifier.fit(
        features.frame(run.block("fit").calls, run.reader),
        head_labels(run.table, blocks.fit),
        calibration_frame=features.frame(run.block("calibrate").calls, run.reader),
        calibration_labels=head_labels(run.table, blocks.calibrate),
        settings=run.config.classifier,
        eligible_weights=retrain.weights(labels.iloc[blocks.fit], run.config.retrain).to_numpy(),
        calibration_weights=_calibration_weights(labels.iloc[blocks.calibrate], run.config),
    )


def _certify(
    run: _Run,
    parts: classifier.Parts,
    whole: Table,
    identity: Mapping[str, Any],
    *,
    measure_on: MeasureOn | None,
    notice: Notice,
) -> tuple[CertifiedBlock, Certified]:
    """Return what the certification block proves, and the operating point after the figures of reference notes.

    `whole` are all calls, those without a label included. Raises `NoSafeThreshold`.
    """
    config, certify_on = run.config, run.block("certify")
    router = open_router(parts, run.program, run.reader.matcher, run.reader.signals, config=config)
    proved = certify(router, run.block("calibrate"), certify_on, config, left_out=left_out_of(whole, certify_on))
    for line in proved.lines():
        notice(line)
    recipe = recipe_of(config, identity, router)
    certified = on_reference(proved.point, router, run.table, config, recipe=recipe, measure_on=measure_on)
    point = certified.point
    notice(
        f"operating point certified: eligible at {point.eligible_at:.4f}, not eligible below {point.not_eligible_below:.4f}"
    )
    notice(f"certified on {certified.on}: {certified.sentence}")
    return proved, certified


def _training_section(
    run: _Run, fitted: classifier.Fitted, proved: CertifiedBlock, certified: Certified, identity: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the training section of the manifest: provenance, certification, and what monitoring compares with."""
    certify_on = run.block("certify")
    scores = _scores(fitted.parts, certify_on, run.reader, certified.adjustment)
    return provenance(run.config, identity, run.blocks, run.program) | {
        "signals": run.reader.signals.version,
        "learnt_types": learnt_types(run.block("fit"), run.reader),
        "certified_on": certified.on,
        "certified_by": certified.sentence,
        "profile": profile(scores, run.table, run.blocks.certify),
        "certification": proved.to_record(),
        "labels": retrain.label_counts(run.table.labels, run.blocks),
        "calibration": {head: how.to_record() for head, how in fitted.calibration.items()},
    }


def _save(run: _Run, parts: classifier.Parts, certified: Certified, training: dict[str, Any], folder: Path) -> str:
    """Save the bundle with its program and return its digest; risk tables come from calls that no head was fitted on."""
    unseen = np.concatenate([run.blocks.calibrate, run.blocks.certify])
    digest = bundles.save(
        folder,
        parts,
        certified.point,
        risks=risk_tables(parts, take(run.table, unseen), run.config, run.reader),
        training=training,
        golden=[features.row(run.reader.read(call)) for call in GOLDEN_CALLS],
        adjustment=certified.adjustment,
    )
    keep_program(folder, run.program)
    return digest


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
