"""Evaluation of a model on labelled calls, through the Router: figures, report, fairness, behaviour, label review."""

from pipelines.evaluation.behaviour import Behaviour, behaviours
from pipelines.evaluation.evaluate import Evaluation, WrongAnswer, evaluate, evaluate_decisions
from pipelines.evaluation.evaluation_frame import evaluation_frame
from pipelines.evaluation.report import Report, report

__all__ = [
    "Behaviour", "Evaluation", "Report", "WrongAnswer", "behaviours", "evaluate", "evaluate_decisions", "evaluation_frame",
    "report",
]  # fmt: skip
