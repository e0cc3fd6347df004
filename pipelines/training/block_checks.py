"""Checks of the certification block: whether it resembles all calls of its weeks, and what it proves per caller and address.

A promise holds for calls like those of the block. Calls of the same weeks that have no label, or whose label may not be
used, count too: where the model scores them differently from the labelled ones, the labelled calls were selected, and a
bound over them does not hold for the rest.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from models.call import Call
from models.classifier.operating_point import Block, OperatingPoint
from models.decision import Decision
from models.errors import NoSafeThreshold
from models.router import Router
from models.statistics import Bools, ClusteredBound, Floats, Rows, clustered_upper_bound
from pipelines.data.labels import KEYS
from pipelines.data.table import Table
from pipelines.evaluation.evaluate import is_cleared

MOST_SCORED = 2000
"""Calls without a label that are scored at most; a random sample where there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How far the labelled calls of a block are from all calls of its weeks.

    `labelled` and `left_out` count the calls with and without a usable label. `score_gap` is the largest distance between
    the two distributions of scores, `kept_gap` the difference of the shares that a veto or a doubt keeps from ELIGIBLE;
    `proved_*` are the parts of both that chance does not explain.
    """

    labelled: int
    left_out: int
    score_gap: float
    kept_gap: float
    proved_score_gap: float
    proved_kept_gap: float

    @property
    def share_left_out(self) -> float:
        """Return the share of the calls of the block's weeks that have no usable label."""
        return self.left_out / max(1, self.labelled + self.left_out)

    def __str__(self) -> str:
        """Return the comparison in words."""
        if not self.left_out:
            return f"certification block: {self.labelled} calls, none of its weeks left out"
        return (
            f"certification block: {self.labelled} calls, {self.left_out} of its weeks left out "
            f"({self.share_left_out:.1%}); "
            f"with them, scores would shift by up to {self.score_gap:.3f} and the share kept back by {self.kept_gap:+.3f}"
        )

    def to_record(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(self).items()}


def left_out_of(whole: Table, block: Table) -> Table:
    """Return the calls of a block's weeks that have no eligible label; unsure is a label, and is reported separately."""
    from_file = block.labels["ledger_at"].isna() if "ledger_at" in block.labels else [True] * len(block.calls)
    pairs = zip(block.calls, from_file, strict=True)
    times = [call.received_at for call, is_from_file in pairs if is_from_file and call.received_at is not None]
    if not times:
        return Table([], whole.labels.iloc[:0])
    first, last = min(times), max(times)
    rows = [
        row
        for row, (call, label) in enumerate(zip(whole.calls, whole.labels["eligible"], strict=True))
        if not isinstance(label, bool | str) and call.received_at is not None and first <= call.received_at <= last
    ]
    return Table([whole.calls[row] for row in rows], whole.labels.iloc[rows].reset_index(drop=True))


def likeness(labelled: Sequence[Decision], sample: Sequence[Decision], *, left_out: int, confidence: float) -> Likeness:
    """Return how far the decisions on labelled calls are from those on all calls of their weeks.

    `left_out` calls of these weeks have no usable label; `sample` are decisions on some of them. The distance is that of
    Kolmogorov and Smirnov with the bound of Dvoretzky, Kiefer and Wolfowitz, and the difference of two shares with its
    normal interval, each scaled by the share that is left out.
    """
    if not left_out or not sample:
        return Likeness(
            labelled=len(labelled), left_out=left_out, score_gap=0.0, kept_gap=0.0, proved_score_gap=0.0, proved_kept_gap=0.0
        )
    share = left_out / (len(labelled) + left_out)
    distance = float(stats.ks_2samp(_scores(labelled), _scores(sample)).statistic)
    chance = float(np.sqrt(np.log(2 / (1 - confidence)) / 2 * (1 / len(labelled) + 1 / len(sample))))
    kept_labelled, kept_sample = ~is_cleared(labelled), ~is_cleared(sample)
    gap = float(kept_sample.mean() - kept_labelled.mean())
    variance = sum(kept.mean() * (1 - kept.mean()) / len(kept) for kept in (kept_labelled, kept_sample))
    spread = float(stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance))
    return Likeness(
        labelled=len(labelled), left_out=left_out, score_gap=share * distance, kept_gap=share * gap,
        proved_score_gap=share * max(0.0, distance - chance), proved_kept_gap=share * max(0.0, abs(gap) - spread),
    )  # fmt: skip


def require_likeness(measured: Likeness, *, max_gap: float) -> None:
    """Raise `NoSafeThreshold` where a block is shown to differ from the calls of its weeks by more than a bound."""
    worst = max(measured.proved_score_gap, measured.proved_kept_gap)
    if worst > max_gap:
        raise NoSafeThreshold(
            f"the labelled calls of the certification block are not like the {measured.left_out} without a label",
            value=round(worst, 4),
            remedy=f"label a random sample of those weeks; at most {max_gap} is accepted (split.max_gap)",
        )


def decided_sample(router: Router, calls: Sequence[Call], *, seed: int) -> list[Decision]:
    """Return the decisions on at most `MOST_SCORED` calls, a random sample of those given."""
    rows: Rows = np.random.default_rng(seed).permutation(len(calls))[:MOST_SCORED]
    return [router.decide(calls[row]) for row in np.sort(rows)]


def clustered_bounds(block: Block, keys: pd.DataFrame, point: OperatingPoint) -> dict[str, ClusteredBound]:
    """Return the bounds of false and of dangerous clears where calls of one caller, or of one address, resemble each other.

    The higher of the bounds by caller and by address is returned. `keys` has the columns of `KEYS` and one row for each call
    of the block.
    """
    cleared = block.cleared(point.eligible_at, point.max_risk)
    bounds = {}
    for name, among in (("false_clear", ~block.eligible), ("dangerous_clear", block.dangerous)):
        by_key = [
            clustered_upper_bound(cleared[among], _clusters(keys[key], among), confidence=point.confidence) for key in KEYS
        ]
        bounds[name] = max(by_key, key=lambda bound: bound.bound)
    return bounds


def clustered_lines(bounds: dict[str, ClusteredBound], point: OperatingPoint) -> list[str]:
    """Return the bounds by caller and address in words, with a note where one is above the promise."""
    promised = {"false_clear": point.max_false_clear, "dangerous_clear": point.max_dangerous_clear}
    return [
        f"{name.replace('_', ' ')}s: {bound.hits} in {bound.n} calls of {bound.clusters} callers or addresses, equal to "
        f"{bound.effective_n:.0f} independent calls: at most {bound.bound:.4f}"
        + ("" if bound.bound <= promised[name] else f", more than the promised {promised[name]:g}")
        for name, bound in bounds.items()
    ]


def _clusters(keys: pd.Series, among: Bools) -> list[str]:
    """Return the cluster of each chosen call: its key, or its row where it has none."""
    chosen = np.flatnonzero(among)
    return [f"row {row}" if pd.isna(keys.iloc[row]) else f"key {keys.iloc[row]}" for row in chosen]


def _scores(decisions: Sequence[Decision]) -> Floats:
    """Return the eligible probability of each decision, a veto's too; shape (n,)."""
    return np.array([decision.eligible_probability or 0.0 for decision in decisions])
