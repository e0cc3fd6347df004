"""Make a candidate: split, fit, calibrate, choose the operating point, save the bundle, judge it through the Router."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.classifier import bundle as bundles
from models.classifier import encoder as classifier
from models.classifier import features
from models.classifier import operating_point as threshold
from models.classifier.bundle import NO_RISK_TABLE, Bundle
from models.classifier.operating_point import OperatingPoint
from models.classifier.risk import RiskTable, risk_table
from models.classifier.scorer import proved
from models.decision import Recommendation
from models.errors import InvalidData
from models.programs.program import Program, load_program
from models.router import Router
from models.veto.matcher import Rulebook
from pipelines.data.split import BLOCKS, Split, split
from pipelines.data.table import Table
from pipelines.evaluation.evaluate import Evaluation, evaluate
from pipelines.settings import Config
from pipelines.training import compare
from pipelines.training import labels as retrain
from pipelines.training.compare import Compared
from pipelines.training.provenance import provenance

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Hold a trained model: where it lies, its digest, its blocks and what was measured on the last of them."""

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
    identity: Mapping[str, Any],
    program: str | Path,
    comparing: bool = False,
    say: Say = lambda _: None,
) -> Candidate:
    """Train a candidate from labelled calls and save its bundle; raise `NoSafeThreshold` where no promise can be kept.

    `identity` names what it is trained on. With `comparing`, the variants of `compare` are measured first and the
    winner's inputs are trained.
    """
    if table.labels["eligible"].map(lambda value: isinstance(value, bool)).sum() == 0:
        raise InvalidData("no call has an eligible label", remedy="add a column eligible with yes or no")
    table = labelled(table)
    blocks = split(table.calls, table.labels, config.split)
    say(f"split {' '.join(f'{name}={len(getattr(blocks, name))}' for name in BLOCKS)}, left out {blocks.left_out}")
    table_of: list[Compared] = []
    if comparing:
        table_of, winner = compare.compare(table, blocks, config, say=say)
        config = replace(config, classifier=replace(config.classifier, inputs=str(winner.inputs)))
    rows = {name: features.frame([table.calls[i] for i in getattr(blocks, name)]) for name in ("fit", "calibrate")}
    say("features made")
    fitted = classifier.fit(
        rows["fit"],
        _heads(table, blocks.fit),
        calibration_frame=rows["calibrate"],
        calibration_labels=_heads(table, blocks.calibrate),
        settings=config.classifier,
        eligible_weights=retrain.weights(table.labels.iloc[blocks.fit], config.retrain).to_numpy(),
    )
    parts = fitted.parts
    say(f"heads fitted, calibrated by {', '.join(f'{head} {how.method}' for head, how in fitted.calibration.items())}")
    wanted = load_program(program)
    point = operating_point(parts, table, blocks.certify, config, wanted)
    say(f"operating point certified: eligible at {point.eligible_at:.4f}, not eligible below {point.not_eligible_below:.4f}")
    training = provenance(config, identity, blocks, wanted) | {
        "profile": profile(parts, take(table, blocks.certify)),
        "calibration": {head: how.to_record() for head, how in fitted.calibration.items()},
    }
    known = np.concatenate([blocks.calibrate, blocks.certify])
    digest = bundles.save(folder, parts, point, risk=_risk(parts, take(table, known), config), training=training)
    router = Router(bundle=bundles.load(folder, expected_digest=digest), program=wanted, rulebook=Rulebook())
    evaluation = evaluate(router, take(table, blocks.test), config.evaluate)
    say("judged on the test block")
    without = compare.without_fields(parts, table, blocks.test) if comparing else {}
    return Candidate(folder, digest, blocks, evaluation, training, table_of, without)


def operating_point(
    parts: classifier.Parts, table: Table, certify: np.ndarray[Any, Any], config: Config, program: Program
) -> OperatingPoint:
    """Choose the operating point on the certification block, measured through the Router: vetoed calls never clear."""
    wide = OperatingPoint(
        eligible_at=0.0, not_eligible_below=0.0, confidence=0.0, max_false_clear=1.0, max_dangerous_clear=1.0,
        max_missed_eligible=1.0, n_ineligible=0, n_dangerous=0, n_eligible=0,
    )  # fmt: skip
    trial = Bundle("trial", proved(parts, ())[0], parts, wide, {}, 0.0)
    router = Router(bundle=trial, program=program, rulebook=Rulebook())
    block = take(table, certify)
    decisions = [router.decide(call) for call in block.calls]
    chances = np.array([decision.eligible_probability or 0.0 for decision in decisions], dtype=np.float64)
    clears = np.array([decision.recommendation is Recommendation.ELIGIBLE for decision in decisions])
    eligible = block.labels["eligible"].to_numpy(dtype=bool)
    adverse = (block.labels["adverse_event"] == True).to_numpy()  # noqa: E712  the column holds None too
    served = block.labels["adverse_event"].notna().to_numpy()
    dangerous = (block.labels["danger"] == True).to_numpy()  # noqa: E712
    if config.threshold.adverse_is_dangerous:
        dangerous |= adverse
    could_clear = np.where(clears, chances, -1.0)
    return threshold.choose(
        ineligible=could_clear[~eligible],
        dangerous=could_clear[dangerous],
        eligible=chances[eligible & clears],  # a call in doubt is REVIEW whatever its score: the score cannot miss it
        max_false_clear=config.threshold.max_false_clear,
        max_dangerous_clear=config.threshold.max_dangerous_clear,
        max_missed_eligible=config.threshold.max_missed_eligible,
        confidence=config.threshold.confidence,
        min_probability=config.threshold.min_probability,
        served=could_clear[served],
        adverse=adverse[served],
        max_adverse_share=config.threshold.max_adverse_share,
    )


def _risk(parts: classifier.Parts, served: Table, config: Config) -> RiskTable:
    """Count adverse events by bands of the risk score, on calls that the head has not learnt from."""
    outcome = served.labels["adverse_event"]
    known = np.flatnonzero(outcome.notna().to_numpy())
    if "risk" not in parts or not len(known):
        return NO_RISK_TABLE
    encoded = parts["encoder"].transform(features.frame([served.calls[i] for i in known]))
    scores = np.asarray(parts["risk"].predict_proba(encoded)[:, 1])
    return risk_table(scores, outcome.iloc[known].to_numpy(dtype=bool), confidence=config.evaluate.confidence)


def profile(parts: classifier.Parts, block: Table) -> dict[str, Any]:
    """Say what scores and gaps are ordinary: the tenths of the scores, and how often each field is missing."""
    scores = parts["eligible"].predict_proba(parts["encoder"].transform(features.frame(block.calls)))[:, 1]
    gaps = Counter(name for call in block.calls for name in call.missing)
    return {
        "score_edges": [round(float(edge), 6) for edge in np.quantile(scores, np.arange(1, 10) / 10)],
        "missing": {name: round(count / len(block.calls), 6) for name, count in sorted(gaps.items())},
    }


def take(table: Table, rows: np.ndarray[Any, Any]) -> Table:
    """Return some rows of a table."""
    return Table([table.calls[i] for i in rows], table.labels.iloc[rows].reset_index(drop=True))


def labelled(table: Table) -> Table:
    """Keep the calls whose eligible label is yes or no; unsure ones teach nothing about the line between."""
    return take(table, np.flatnonzero(table.labels["eligible"].map(lambda value: isinstance(value, bool)).to_numpy()))


def _heads(table: Table, rows: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the labels of each head; the response is learnt only from calls that have one."""
    labels = table.labels.iloc[rows]
    return {
        "eligible": labels["eligible"].to_numpy(dtype=object),
        "response": labels["response"].to_numpy(dtype=object),
        "risk": labels["adverse_event"].to_numpy(dtype=object),
    }
