"""The calls of an adaptation, read once: synthetic and local ones with their features, groups and the program's parts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from models.call import Call
from models.classifier import features
from models.classifier.bundle import Adjustment, Bundle
from models.classifier.compiler import compiled
from models.classifier.encoder import Parts
from models.classifier.operating_point import OperatingPoint
from models.classifier.scorer import LinearScorer
from models.decision import Decision
from models.programs.files import ProgramSource
from models.programs.program import Program, load_program
from models.reading import Reader, Reading
from models.router import Router, matcher_of
from models.signals import SignalDetector, detector_of
from models.statistics import Bools, Rows
from models.veto import VetoMatcher
from pipelines.data.split import Split, split
from pipelines.data.table import Table, take
from pipelines.evaluation import metrics
from pipelines.settings import Config
from pipelines.training import labels as retrain
from pipelines.training.certify import WIDE_OPEN
from pipelines.training.local_fit import NEEDED_HEADS, Examples, LocalSettings, fit_parts, log_odds, tune
from pipelines.training.local_groups import groups_of, sides_of
from pipelines.training.reference import fitted_line
from pipelines.training.train import head_labels


class RememberingReader(Reader):
    """A reader that remembers what it read, because many models judge the same calls."""

    def read(self, call: Call) -> Reading:
        """Return the reading of a call, read once."""
        if call not in self._known:
            self._known[call] = super().read(call)
        return self._known[call]

    @cached_property
    def _known(self) -> dict[Call, Reading]:
        """Return what was read so far."""
        return {}


@dataclass(frozen=True, slots=True)
class Work:
    """Both tables of labelled calls and what is read off them; `blocks` are the rows of the synthetic table."""

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
        scorer = LinearScorer(compiled(parts))
        bundle = Bundle("adapting", scorer, point, {"training": training}, 0.0, vocabulary=scorer.vocabulary)
        return self.sharing(Router(bundle=bundle, program=self.program, matcher=self.matcher, signals=self.signals))

    def sharing(self, router: Router) -> Router:
        """Return a router that reads each call once, together with all other routers of this work."""
        router.reader = self.reader
        return router


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold of the cross-fitting: the calls it judges, shape (n,), its own search's settings, its model and its area."""

    held: Bools
    settings: LocalSettings
    parts: Parts
    area: float


@dataclass(frozen=True, slots=True)
class Judge:
    """A fitted model and the local calls that it may judge, because it met none of their groups; shape (n,)."""

    parts: Parts
    rows: Bools


def prepare(synthetic: Table, local: Table, config: Config, program: ProgramSource) -> Work:
    """Return the calls with their features; both tables hold only calls labelled yes or no."""
    wanted = load_program(program)
    matcher, signals = matcher_of(wanted), detector_of(wanted.signals)
    reader = RememberingReader(matcher, signals, call_types=wanted.call_types, time_zone=wanted.time_zone)
    blocks = split(synthetic.calls, synthetic.labels, config.split)

    once = Reader(matcher, signals, call_types=wanted.call_types, time_zone=wanted.time_zone)

    def examples(table: Table, rows: Rows, reader: Reader) -> Examples:
        frame = features.frame([table.calls[row] for row in rows], reader)
        weights = retrain.weights(table.labels.iloc[rows], config.retrain).to_numpy()
        return Examples(frame, head_labels(table, rows), weights, ~retrain.chosen(table.labels.iloc[rows]))

    return Work(
        synthetic, local, blocks, examples(synthetic, blocks.fit, once), examples(synthetic, blocks.calibrate, reader),
        examples(local, np.arange(len(local.calls)), reader), groups_of(local), wanted, matcher, signals, reader, config,
    )  # fmt: skip


def cross_fit(work: Work, among: Bools, *, folds: int) -> tuple[list[Fold], Adjustment]:
    """Return models that each met none of the calls they judge, and the line that calibrates their log-odds together.

    `among` are the local calls that may be learnt from, shape (n,); those that may be judged are judged once each. Each
    fold searches its own settings on its other calls.
    """
    truth, base, judged = work.local.eligible, work.config.classifier, among & work.local.judged
    fitted, scores = [], np.empty(len(truth))
    for fold in sides_of(work.groups, truth, judged, count=folds, seed=base.seed):
        held, rest = fold.held, np.flatnonzero(fold.learnt & among)
        learnt = work.local.take(rest)
        settings = tune(work.synthetic, learnt, work.groups[rest], base)
        parts = fit_parts(work.synthetic, learnt, work.calibrate, settings, heads=NEEDED_HEADS)
        scores[held] = log_odds(parts, work.local.frame[held])
        fitted.append(Fold(held, settings, parts, metrics.auc(truth[held], scores[held])))
    rules = work.sharing(Router(bundle=None, program=work.program, matcher=work.matcher, signals=work.signals))
    rows = np.flatnonzero(judged)
    open_rows = rows[[not rules.decide(work.local_table.calls[row]).vetoed for row in rows]]
    return fitted, fitted_line(scores[open_rows], truth[open_rows])


def decided(
    work: Work, judges: Sequence[Judge], point: OperatingPoint = WIDE_OPEN, training: dict[str, Any] | None = None
) -> tuple[list[Decision], Rows]:
    """Return the decisions on the calls that judges may judge, in the order of the table, and the rows of these calls."""
    decisions: dict[int, Decision] = {}
    for judge in judges:
        router = work.router(judge.parts, point, training or {})
        decisions |= {int(row): router.decide(work.local_table.calls[row]) for row in np.flatnonzero(judge.rows)}
    rows = np.array(sorted(decisions), dtype=np.intp)
    return [decisions[row] for row in rows.tolist()], rows


def synthetic_block(work: Work, parts: Parts, name: str) -> tuple[list[Decision], Table]:
    """Return the decisions of an open router on a block of the synthetic calls, and the block."""
    table = take(work.synthetic_table, getattr(work.blocks, name))
    point = replace(WIDE_OPEN, max_unfamiliar=work.config.threshold.max_unfamiliar)
    router = work.router(parts, point, {})
    return [router.decide(call) for call in table.calls], table
