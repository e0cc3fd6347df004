"""How often a certification block is refused for being unlike its weeks: by chance, and where labels were chosen."""

import os

import numpy as np
import pytest

from models.decision import Recommendation
from models.errors import NoSafeThreshold
from pipelines.training.block_checks import likeness, require_likeness

pytestmark = pytest.mark.benchmark
DRAWS = 2000 if os.environ.get("BENCHMARK") == "whole" else 100


class Scored:
    """The fields of a decision that the comparison reads."""

    def __init__(self, score):
        """Take a score; a call below a tenth is kept from ELIGIBLE."""
        self.eligible_probability = score
        self.recommendation = Recommendation.REVIEW if score < 0.1 else Recommendation.ELIGIBLE


def refused(*, shift, n=400, left_out=1200, seed=3):
    """Return how often a block of `n` is refused whose weeks hold calls with scores moved by `shift`."""
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(DRAWS):
        stays = [Scored(score) for score in rng.beta(1, 4, n)]
        others = [Scored(score) for score in np.clip(rng.beta(1, 4, left_out) + shift, 0, 1)]
        try:
            require_likeness(likeness(stays, others, left_out=left_out, confidence=0.95), max_gap=0.05)
        except NoSafeThreshold:
            count += 1
    return count / DRAWS


def test_chance_refuses_next_to_no_block_and_chosen_labels_are_found():
    """A random sample of labels is nearly never refused; one whose scores lie a tenth lower nearly always."""
    by_chance, chosen = refused(shift=0.0), refused(shift=0.1)
    print(f"refused by chance {by_chance:.4f}, where labels were chosen {chosen:.4f}")  # noqa: T201  the figures of `make bench`
    assert by_chance <= 0.02
    assert chosen >= 0.95
