"""Settings and the bound on unfamiliar words are measured on scenarios and styles that were held out of fitting."""

import pytest

from models.errors import InvalidData
from pipelines.data.table import read_table
from pipelines.training import carry_over
from pipelines.training.train import labelled


@pytest.fixture(scope="module")
def table(corpus):
    """Return the small corpus with its labels."""
    return labelled(read_table(corpus))


@pytest.fixture(autouse=True)
def few_calls(monkeypatch):
    """Draw few calls, so that five fits take a moment."""
    monkeypatch.setattr(carry_over, "MOST_CALLS", 600)


def test_a_wider_bound_finds_no_less_and_clears_no_less(table, small_config):
    """Found, false clears and the share of eligible notes within the bound only grow with it, and the widest holds all."""
    rows = list(carry_over.abstention(table, small_config.classifier, least=0.5))
    for name in ("bound", "found", "false_clears", "eligible_within"):
        values = [getattr(row, name) for row in rows]
        assert values == sorted(values), name
    assert rows[-1].eligible_within == 1.0
    assert rows[0].eligible_within < 1.0


def test_held_out_scenarios_need_their_names(table, small_config):
    """Calls that do not name their scenarios are refused, because nothing could be held out."""
    table.labels = table.labels.assign(heart_type=None) if hasattr(table.labels, "assign") else table.labels
    with pytest.raises(InvalidData):
        list(carry_over.abstention(table, small_config.classifier, least=0.5))
