"""The calls of an adaptation: synthetic and local ones with their features and groups, and the parts of the program."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from models.call import Call
from models.classifier import features
from models.classifier.bundle import Adjustment
from models.classifier.encoder import Parts
from models.classifier.operating_point import OperatingPoint
from models.decision import Decision
from models.programs.files import ProgramSource
from models.programs.program import Program, load_program
from models.reading import Reader, Reading
from models.router import Router, reader_of
from models.signals import SignalDetector
from models.statistics import Bools, Rows
from models.veto import VetoMatcher
from pipelines.data.split import Split, split
from pipelines.data.table import Table, take
from pipelines.evaluation import metrics
from pipelines.settings import Config
from pipelines.training import labels as retrain
from pipelines.training.certify import WIDE_OPEN, open_point, unsaved_bundle
from pipelines.training.local_fit import NEEDED_HEADS, Examples, LocalSettings, fit_parts, log_odds, tune
from pipelines.training.local_groups import groups_of, sides_of
from pipelines.training.reference import fitted_line
from pipelines.training.train import head_labels


class RememberingReader(Reader):
    """A reader that keeps its readings, because many models decide the same calls."""

    def read(self, call: Call) -> Reading:
        """Return the reading of a call, which is made once."""
        if call not in self._readings:
            self._readings[call] = super().read(call)
        return self._readings[call]

    @cached_property
    def _readings(self) -> dict[Call, Reading]:
        """Return the readings made so far."""
        return {}


@dataclass(frozen=True, slots=True)
class Work:
    """Both tables of labelled calls with their features and groups; `blocks` are rows of the synthetic table."""

    synthetic_table: Table
    local_table: Table
    blocks: Split
    synthetic: Examples
    calibrate: Examples
    local: Examples
    groups: Rows
    program: Program
    matcher: VetoMatcher
    signals: SignalDetector
    reader: Reader
    config: Config

    def router(self, parts: Parts, point: OperatingPoint, training: dict[str, Any]) -> Router:
        """Return a router of parts that were not saved, at an operating point."""
        bundle = unsaved_bundle(parts, point, name="adapting", manifest={"training": training})
        return self.sharing(Router(bundle=bundle, program=self.program, matcher=self.matcher, signals=self.signals))

    def sharing(self, router: Router) -> Router:
        """Return the router, set to share this work's reader, so that each call is read once."""
        router.reader = self.reader
        return router


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold of the cross-fitting: the mask of its calls, shape (n,), its settings, its model and its area."""

    held: Bools
    settings: LocalSettings
    parts: Parts
    area: float


@dataclass(frozen=True, slots=True)
class HeldOutModel:
    """A fitted model and the mask of the local calls whose groups it was fitted without, shape (n,)."""

    parts: Parts
    rows: Bools


def prepare(synthetic: Table, local: Table, config: Config, program: ProgramSource) -> Work:
    """Return the work on two tables; both hold only calls labelled yes or no."""
    loaded = load_program(program)
    forgetful = reader_of(loaded)  # for calls that are read once
    matcher, signals = forgetful.matcher, forgetful.signals
    reader = RememberingReader(matcher, signals, call_types=loaded.call_types, time_zone=loaded.time_zone)
    blocks = split(synthetic.calls, synthetic.labels, config.split)

    def examples(table: Table, rows: Rows, reader: Reader) -> Examples:
        frame = features.frame([table.calls[row] for row in rows], reader)
        weights = retrain.weights(table.labels.iloc[rows], config.retrain).to_numpy()
        return Examples(frame, head_labels(table, rows), weights, retrain.is_selected(table.labels.iloc[rows]))

    return Work(
        synthetic, local, blocks, examples(synthetic, blocks.fit, forgetful), examples(synthetic, blocks.calibrate, reader),
        examples(local, np.arange(len(local.calls)), reader), groups_of(local), loaded, matcher, signals, reader, config,
    )  # fmt: skip


def cross_fit(work: Work, among: Bools, *, folds: int) -> tuple[list[Fold], Adjustment]:
    """Return one model for each fold, fitted without its calls, and the line that calibrates all their log-odds.

    `among` is the mask of the local calls that take part, shape (n,). The settings of each fold are searched on the calls of
    the other folds. Selected labels are fitted on, and neither scored nor calibrated on.
    """
    truth, base = work.local.eligible, work.config.classifier
    scored = among & ~work.local.selected
    fitted, scores = [], np.empty(len(truth))
    for fold in sides_of(work.groups, truth, ~scored, count=folds, seed=base.seed):
        held, rest = fold.held, np.flatnonzero(fold.fitted_on & among)
        examples = work.local.take(rest)
        settings = tune(work.synthetic, examples, work.groups[rest], base)
        parts = fit_parts(work.synthetic, examples, work.calibrate, settings, heads=NEEDED_HEADS)
        scores[held] = log_odds(parts, work.local.frame[held])
        fitted.append(Fold(held, settings, parts, metrics.auc(truth[held], scores[held])))
    rules = work.sharing(Router(bundle=None, program=work.program, matcher=work.matcher, signals=work.signals))
    rows = np.flatnonzero(scored)
    open_rows = rows[[not rules.decide(work.local_table.calls[row]).vetoed for row in rows]]
    return fitted, fitted_line(scores[open_rows], truth[open_rows])


def decided(
    work: Work,
    held_out_models: Sequence[HeldOutModel],
    point: OperatingPoint = WIDE_OPEN,
    training: dict[str, Any] | None = None,
) -> tuple[list[Decision], Rows]:
    """Return each model's decisions on its held-out calls, in the order of the table, and the rows of these calls."""
    decisions: dict[int, Decision] = {}
    for model in held_out_models:
        router = work.router(model.parts, point, training or {})
        decisions |= {int(row): router.decide(work.local_table.calls[row]) for row in np.flatnonzero(model.rows)}
    rows = np.array(sorted(decisions), dtype=np.intp)
    return [decisions[row] for row in rows.tolist()], rows


def synthetic_block(work: Work, parts: Parts, name: str) -> tuple[list[Decision], Table]:
    """Return the decisions of an open router on a block of the synthetic calls, and the block."""
    table = take(work.synthetic_table, getattr(work.blocks, name))
    router = work.router(parts, open_point(work.config), {})
    return [router.decide(call) for call in table.calls], table
