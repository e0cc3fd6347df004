"""Training: `train` makes a certified bundle of a labelled table, `adapt` one of a base and a few hundred local labels.

Other modules compare variants, tune settings and keep runs in MLflow. `pipelines/README.md` shows it from a notebook.
"""

from pipelines.training.adapt import Adapted, adapt
from pipelines.training.train import Candidate, train

__all__ = ["Adapted", "Candidate", "adapt", "train"]
