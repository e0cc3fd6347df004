"""Plots of a training run: calibration, precision against recall, and the errors at each threshold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from models.statistics import Bools, Floats, equal_count_bins
from pipelines.evaluation.evaluate import Evaluation

_BINS = 10


def draw(evaluation: Evaluation, point: Mapping[str, float]) -> dict[str, Figure]:
    """Return the figures by name, with the operating point marked; an empty table where all labels are alike."""
    truth, scores = evaluation.truth, evaluation.scores
    if truth.all() or not truth.any():
        return {}
    return {
        "calibration": _calibration(truth, scores),
        "precision_recall": _precision_recall(truth, scores),
        "threshold_trade_off": _trade_off(truth, scores, point),
    }


def new_plot(title: str, x: str, y: str) -> tuple[Figure, Any]:
    """Return an empty plot with its labels."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes


def _calibration(truth: Bools, scores: Floats) -> Figure:
    """Return a plot of the share that was eligible against the predicted probability."""
    figure, axes = new_plot("Calibration (test block)", "predicted probability of eligible", "share that was eligible")
    bins = equal_count_bins(scores, _BINS)
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="perfect")
    axes.plot([scores[b].mean() for b in bins], [truth[b].mean() for b in bins], marker="o", label="tenths of the calls")
    axes.legend()
    return figure


def _precision_recall(truth: Bools, scores: Floats) -> Figure:
    """Return a plot of precision against recall."""
    figure, axes = new_plot("Precision and recall (test block)", "recall of eligible calls", "precision")
    precision, recall, _ = precision_recall_curve(truth, scores)
    axes.plot(recall, precision)
    return figure


def _trade_off(truth: Bools, scores: Floats, point: Mapping[str, float]) -> Figure:
    """Return a plot of the false-clear rate and the recall over thresholds, with the certified one marked."""
    figure, axes = new_plot("Shares at each threshold (test block)", "threshold for ELIGIBLE", "share")
    steps = np.linspace(0, 1, 201)
    axes.plot(steps, [(scores[~truth] >= step).mean() for step in steps], label="ineligible cleared")
    axes.plot(steps, [(scores[truth] >= step).mean() for step in steps], label="eligible found")
    axes.axvline(point["eligible_at"], color="black", linestyle=":", label="certified threshold")
    axes.legend()
    return figure
