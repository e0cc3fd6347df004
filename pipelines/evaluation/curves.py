"""Figures at each threshold: shares with intervals, net benefit, and calibration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.classifier.heads import RISKS
from models.decision import Decision
from models.statistics import Bools, Estimate, Floats, bootstrap_draws, equal_count_bins, percentile_interval, share
from pipelines.evaluation.metrics import DECIDED_FROM, FEWEST_IN_BIN

AROUND = 0.1
THRESHOLDS = tuple(round(step, 2) for step in np.arange(0.05, 1.0, 0.05))


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """The figures of suggesting ELIGIBLE from a threshold upwards."""

    threshold: float
    recall: Estimate
    false_clear: Estimate
    precision: Estimate


def over_thresholds(frame: pd.DataFrame, *, confidence: float) -> list[AtThreshold]:
    """Return recall, false-clear rate and precision at each of `THRESHOLDS`; no threshold clears a vetoed call."""
    truth, score = frame["truth"].to_numpy(), frame["score"].to_numpy()
    curve = []
    for threshold in THRESHOLDS:
        cleared = score >= threshold
        hits, wrong = int((cleared & truth).sum()), int((cleared & ~truth).sum())
        curve.append(AtThreshold(
            threshold,
            share(hits, int(truth.sum()), confidence=confidence),
            share(wrong, int((~truth).sum()), confidence=confidence),
            share(hits, hits + wrong, confidence=confidence),
        ))  # fmt: skip
    return curve


def net_benefit(truth: Bools, cleared: Bools, threshold: float) -> float:
    """Return, per call, true clears minus false clears weighted by the odds of the threshold (Vickers and Elkin, 2006).

    >>> round(net_benefit(np.array([True, False]), np.array([True, True]), 0.5), 2)
    0.0
    """
    odds = threshold / (1 - threshold)
    return float(((cleared & truth).sum() - odds * (cleared & ~truth).sum()) / max(len(truth), 1))


def decision_curve(
    frame: pd.DataFrame, others: dict[str, Bools], *, confidence: float, resamples: int
) -> list[dict[str, float | Estimate]]:
    """Return, for every second threshold, the net benefit of the model, of clearing all, and of `others`."""
    truth, score = frame["truth"].to_numpy(), frame["score"].to_numpy()
    thresholds = THRESHOLDS[1::2]
    draws = bootstrap_draws(
        lambda rows: [net_benefit(truth[rows], score[rows] >= threshold, threshold) for threshold in thresholds],
        len(truth),
        resamples=resamples,
    )
    curve: list[dict[str, float | Estimate]] = []
    for column, threshold in enumerate(thresholds):
        low, high = percentile_interval(draws[:, column], confidence=confidence)
        benefit = net_benefit(truth, score >= threshold, threshold)
        row: dict[str, float | Estimate] = {
            "threshold": threshold, "model": Estimate(benefit, low, high, len(truth), "bootstrap"),
            "everything cleared": net_benefit(truth, np.ones(len(truth), dtype=bool), threshold),
        }  # fmt: skip
        curve.append(row | {name: net_benefit(truth, cleared, threshold) for name, cleared in others.items()})
    return curve


@dataclass(frozen=True, slots=True)
class CalibrationBand:
    """A band of probabilities: its name, its mean probability, and the share of its calls whose label is true."""

    name: str
    mean: float
    share: Estimate

    @property
    def off(self) -> bool:
        """Return whether the mean probability lies outside the interval of the share."""
        return not self.share.low <= self.mean <= self.share.high


def calibration_where_decided(
    frame: pd.DataFrame, thresholds: dict[str, float], *, bins: int, confidence: float
) -> list[CalibrationBand]:
    """Return the bands where decisions are made: equal counts from `DECIDED_FROM` upwards, and one around each threshold."""
    score, truth = frame["score"].to_numpy(), frame["truth"].to_numpy()
    decided = np.flatnonzero(score >= DECIDED_FROM)
    parts = equal_count_bins(score[decided], max(1, min(bins, len(decided) // FEWEST_IN_BIN)))
    bands = {f"{score[decided[part]].min():.2f} to {score[decided[part]].max():.2f}": decided[part] for part in parts}
    for name, at in thresholds.items():
        bands[f"within {AROUND:g} of {name} ({at:.2f})"] = np.flatnonzero(np.abs(score - at) <= AROUND)
    return [_band(name, score[rows], truth[rows], confidence=confidence) for name, rows in bands.items() if len(rows)]


def risk_calibration(
    decisions: Sequence[Decision], labels: pd.DataFrame, *, bins: int, confidence: float
) -> dict[str, list[CalibrationBand]]:
    """Return, for each risk with probabilities and labels, its calibration in bins of equal count."""
    bands: dict[str, list[CalibrationBand]] = {}
    for risk in RISKS:
        chance = np.array([getattr(decision, f"{risk}_probability", None) for decision in decisions], dtype=np.float64)
        column = labels[risk] if risk in labels else pd.Series([None] * len(labels))
        known = np.flatnonzero(column.notna().to_numpy() & np.isfinite(chance))
        if len(known) >= FEWEST_IN_BIN:
            truth = column.iloc[known].to_numpy(dtype=bool)
            parts = equal_count_bins(chance[known], min(bins, len(known) // FEWEST_IN_BIN))
            bands[risk] = [
                _band(f"part {number}", chance[known][part], truth[part], confidence=confidence)
                for number, part in enumerate(parts, start=1)
            ]
    return bands


def _band(name: str, scores: Floats, truth: Bools, *, confidence: float) -> CalibrationBand:
    """Return a band of calls, shapes (n,)."""
    return CalibrationBand(name, float(scores.mean()), share(int(truth.sum()), len(truth), confidence=confidence))


def calibration(frame: pd.DataFrame, *, bins: int, confidence: float) -> list[tuple[float, Estimate]]:
    """Return the mean probability and the share that was eligible, for bins of equal count."""
    score, truth = frame["score"].to_numpy(), frame["truth"].to_numpy()
    return [
        (float(score[part].mean()), share(int(truth[part].sum()), len(part), confidence=confidence))
        for part in equal_count_bins(score, bins)
    ]
