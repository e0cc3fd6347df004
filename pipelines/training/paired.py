"""Two models on the same labelled calls: the figures of both and their difference, with paired bootstrap intervals."""

from dataclasses import dataclass

import numpy as np

from models.decision import Decision
from models.statistics import Bools, Estimate, Floats, Rows, bootstrap_draws, percentile_interval
from pipelines.evaluation import metrics
from pipelines.evaluation.evaluate import is_cleared, probabilities
from pipelines.settings import EvaluateSettings

FIGURES = ("area", "average precision", "calibration error", "found", "false clears")


@dataclass(frozen=True, slots=True)
class Paired:
    """A figure of the base and of the adapted model, and adapted minus base, over the same calls."""

    name: str
    base: Estimate
    adapted: Estimate
    difference: Estimate

    def __str__(self) -> str:
        """Return the figures as one line."""
        return f"{self.name:18} base {self.base}, adapted {self.adapted}, difference {_signed(self.difference)}"


def paired(
    base: list[Decision], adapted: list[Decision], truth: Bools, groups: Rows, settings: EvaluateSettings
) -> list[Paired]:
    """Return each of `FIGURES` for both models; decisions, truth and groups are of the same calls, (n,).

    The bootstrap draws whole groups, because calls of one group resemble each other.
    """
    models = [(probabilities(decisions), is_cleared(decisions)) for decisions in (base, adapted)]

    def statistic(rows: Rows) -> Floats:
        values = np.array([_figures(truth[rows], scores[rows], clears[rows], settings) for scores, clears in models])
        return np.concatenate([values[0], values[1], values[1] - values[0]])

    draws = bootstrap_draws(
        statistic, len(truth), resamples=settings.bootstrap, clusters=groups.tolist(),
        defined=lambda rows: bool(truth[rows].any() and not truth[rows].all()),
    )  # fmt: skip
    values = statistic(np.arange(len(truth)))
    estimates = [
        Estimate(
            float(value), *percentile_interval(draws[:, place], confidence=settings.confidence), len(truth), "bootstrap"
        )
        for place, value in enumerate(values)
    ]
    k = len(FIGURES)
    return [Paired(name, *(estimates[place + k * side] for side in range(3))) for place, name in enumerate(FIGURES)]


def _figures(truth: Bools, scores: Floats, clears: Bools, settings: EvaluateSettings) -> list[float]:
    """Return the figures of one model, in the order of `FIGURES`."""
    return [
        metrics.auc(truth, scores),
        metrics.average_precision(truth, scores),
        metrics.calibration_error(settings.calibration_bins)(truth, scores),
        float(clears[truth].mean()),
        float(clears[~truth].mean()),
    ]


def _signed(estimate: Estimate) -> str:
    """Return a difference with its sign and interval."""
    return f"{estimate.value:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"
