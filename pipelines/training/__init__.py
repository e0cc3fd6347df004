"""Training: `train` makes a certified bundle from labelled calls, `adapt` one from a base and a few hundred local calls.

Other modules compare variants, search settings and record runs in MLflow. `pipelines/README.md` shows it from a notebook.
"""

from pipelines.training.adapt import Adapted, adapt
from pipelines.training.train import Candidate, train

__all__ = ["Adapted", "Candidate", "adapt", "train"]
