"""Make a candidate: split, fit, calibrate, choose the operating point, save the bundle, judge it through the Router."""

import hashlib
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from models import bundle as bundles
from models import classifier, features, threshold
from models.bundle import Bundle
from models.decision import Recommendation
from models.errors import InvalidData
from models.program import Program, load_program
from models.router import Router
from models.rules import Rulebook
from models.scorer import proved
from models.threshold import OperatingPoint
from pipelines.config import Config
from pipelines.evaluate import Evaluation, evaluate
from pipelines.ingest import Table
from pipelines.split import BLOCKS, Split, split

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Hold a trained model: where it lies, its digest, its blocks and what was measured on the last of them."""

    folder: Path
    digest: str
    split: Split
    evaluation: Evaluation
    training: dict[str, Any]


def train(
    table: Table, config: Config, folder: Path, *, data_sha256: str, program: str | Path, say: Say = lambda _: None
) -> Candidate:
    """Train a candidate from labelled calls and save its bundle; raise `NoSafeThreshold` where no promise can be kept."""
    if table.labels["eligible"].map(lambda value: isinstance(value, bool)).sum() == 0:
        raise InvalidData("no call has an eligible label", remedy="add a column eligible with yes or no")
    table = _labelled(table)
    blocks = split(table.calls, table.labels["caller_key"], config.split)
    say(f"split {' '.join(f'{name}={len(getattr(blocks, name))}' for name in BLOCKS)}, left out {blocks.left_out}")
    rows = {name: features.frame([table.calls[i] for i in getattr(blocks, name)]) for name in ("fit", "calibrate")}
    say("features made")
    parts = classifier.fit(
        rows["fit"],
        _heads(table, blocks.fit),
        calibration_frame=rows["calibrate"],
        calibration_labels=_heads(table, blocks.calibrate),
        settings=config.classifier,
    )
    say("three heads fitted and calibrated")
    wanted = load_program(program)
    point = operating_point(parts, table, blocks.certify, config, wanted)
    say(f"operating point certified: eligible at {point.eligible_at:.4f}, not eligible below {point.not_eligible_below:.4f}")
    training = _provenance(config, data_sha256, blocks, wanted)
    digest = bundles.save(folder, parts, point, training=training)
    router = Router(bundle=bundles.load(folder, expected_digest=digest), program=wanted, rulebook=Rulebook())
    evaluation = evaluate(router, take(table, blocks.test), config.evaluate)
    say("judged on the test block")
    return Candidate(folder, digest, blocks, evaluation, training)


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
    dangerous = ((block.labels["danger"] == True) | (block.labels["adverse_event"] == True)).to_numpy()  # noqa: E712
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
    )


def take(table: Table, rows: np.ndarray[Any, Any]) -> Table:
    """Return some rows of a table."""
    return Table([table.calls[i] for i in rows], table.labels.iloc[rows].reset_index(drop=True))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _labelled(table: Table) -> Table:
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


def _provenance(config: Config, data_sha256: str, blocks: Split, program: Program) -> dict[str, Any]:
    """Say from what and how the bundle was made."""
    packages = ("heartline", "scikit-learn", "numpy", "pandas", "scipy", "skops", "spacy")
    return {
        "data_sha256": data_sha256,
        "config": config.flat(),
        "blocks": {name: len(getattr(blocks, name)) for name in BLOCKS} | {"left_out": blocks.left_out},
        "program": program.version,
        "rulebook": Rulebook().version,
        "git": git_state(),
        "environment": {name: metadata.version(name) for name in packages} | {"python": platform.python_version()},
    }


def git_state() -> dict[str, str]:
    """Return the commit and whether the tree has changes; `unknown` outside a checkout."""
    here = Path(__file__).parent

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=True)  # noqa: S603, S607
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return {"commit": commit or "unknown", "dirty": "unknown" if changes is None else str(bool(changes)).lower()}
