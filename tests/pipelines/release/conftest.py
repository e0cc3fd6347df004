"""A copy of the released store that tests may damage, and the test block of the gates."""

import pytest
from candidates import copy_of

from pipelines.data.split import split
from pipelines.data.table import labelled, take
from pipelines.evaluation.evaluate import evaluate
from pipelines.release import release as releasing


@pytest.fixture
def store(runs, tmp_path, small_config):
    """Return a store with one champion."""
    return copy_of(runs, tmp_path / "mlruns", small_config)


@pytest.fixture
def measured(monkeypatch, router, block, judged):
    """Let a release take the test block, and the first champion's evaluation on it, from the fixtures of these names."""

    def evaluation(candidate, calls, config):
        return judged if candidate.bundle.digest == router.bundle.digest else evaluate(candidate, calls, config)

    monkeypatch.setattr(releasing, "_test_block", lambda *_: block)
    monkeypatch.setattr(releasing, "evaluate", evaluation)


@pytest.fixture(scope="session")
def block(corpus_table, small_config):
    """Return the test block of the small corpus."""
    table = labelled(corpus_table)
    return take(table, split(table.calls, table.labels, small_config.split).test)


@pytest.fixture(scope="session")
def judged(router, block, small_config):
    """Return the champion's evaluation on it."""
    return evaluate(router, block, small_config.evaluate)
