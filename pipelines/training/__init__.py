"""Training: `train` makes a certified bundle of a labelled table; other modules compare variants and keep runs in MLflow.

`pipelines/README.md` shows it from a notebook.
"""

from pipelines.training.train import Candidate, train

__all__ = ["Candidate", "train"]
