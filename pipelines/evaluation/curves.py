"""Measure what each threshold would cost and bring: shares with intervals, net benefit, and calibration."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.statistics import Estimate, share
from pipelines.evaluation.metrics import Bools, Floats

THRESHOLDS = tuple(round(step, 2) for step in np.arange(0.05, 1.0, 0.05))


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Hold what suggesting ELIGIBLE from a threshold on would do."""

    threshold: float
    recall: Estimate
    false_clear: Estimate
    precision: Estimate


def over_thresholds(table: pd.DataFrame, *, confidence: float) -> list[AtThreshold]:
    """Return recall, false-clear rate and precision over thresholds; a vetoed call is cleared at none."""
    truth, score = table["truth"].to_numpy(), table["score"].to_numpy()
    made = []
    for threshold in THRESHOLDS:
        cleared = score >= threshold
        hits, wrong = int((cleared & truth).sum()), int((cleared & ~truth).sum())
        made.append(AtThreshold(
            threshold,
            share(hits, int(truth.sum()), confidence=confidence),
            share(wrong, int((~truth).sum()), confidence=confidence),
            share(hits, hits + wrong, confidence=confidence),
        ))  # fmt: skip
    return made


def net_benefit(truth: Bools, cleared: Bools, threshold: float) -> float:
    """Return true clears less false ones, weighed by the odds of the threshold, per call (Vickers and Elkin, 2006).

    >>> round(net_benefit(np.array([True, False]), np.array([True, True]), 0.5), 2)
    0.0
    """
    odds = threshold / (1 - threshold)
    return float(((cleared & truth).sum() - odds * (cleared & ~truth).sum()) / len(truth))


def decision_curve(
    table: pd.DataFrame, others: dict[str, Bools], *, confidence: float, resamples: int
) -> list[dict[str, float | Estimate]]:
    """Return, for each threshold, the net benefit of the model with its bootstrap interval, of all, and of others."""
    truth, score = table["truth"].to_numpy(), table["score"].to_numpy()
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(truth), len(truth)) for _ in range(resamples)]
    made: list[dict[str, float | Estimate]] = []
    for threshold in THRESHOLDS[1::2]:
        cleared = score >= threshold
        drawn = [net_benefit(truth[rows], cleared[rows], threshold) for rows in draws]
        low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
        value = net_benefit(truth, cleared, threshold)
        row: dict[str, float | Estimate] = {
            "threshold": threshold, "model": Estimate(value, float(low), float(high), len(truth), "bootstrap"),
            "everything cleared": net_benefit(truth, np.ones(len(truth), dtype=bool), threshold),
        }  # fmt: skip
        made.append(row | {name: net_benefit(truth, given, threshold) for name, given in others.items()})
    return made


def calibration(table: pd.DataFrame, *, bins: int, confidence: float) -> list[tuple[float, Estimate]]:
    """Return, for bands of as many calls each, the mean probability and the share that was eligible."""
    score: Floats = table["score"].to_numpy()
    truth = table["truth"].to_numpy()
    parts = [part for part in np.array_split(np.argsort(score, kind="stable"), bins) if len(part)]
    return [(float(score[part].mean()), share(int(truth[part].sum()), len(part), confidence=confidence)) for part in parts]
