"""A city's own call types name its calls in every table and figure, and not only in the decision."""

import pandas as pd
import pytest
from command import ROOT

from models.call import Call
from models.ledger.decision_table import decision_table
from models.ledger.queries import Entry
from models.ledger.records import decision_content
from models.router import Router
from pipelines.data.table import read_table
from pipelines.evaluation.baselines import choices
from pipelines.evaluation.evaluate import evaluate, type_labels
from pipelines.evaluation.evaluation_frame import evaluation_frame
from pipelines.operations import backfill
from pipelines.settings import load_config
from serving.console.call_table import call_table

OWN, READ_AS = "ZORBING", "trespass"
"""A name that only the town's file knows, and the type that the file gives it."""


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Return a router of the example town, which takes zorbing for trespass, without a model."""
    path = tmp_path_factory.mktemp("town") / "town.toml"
    text = (ROOT / "data/examples/town.toml").read_text(encoding="utf-8")
    path.write_text(text.replace(f'"{OWN}" = "unmapped"', f'"{OWN}" = "{READ_AS}"'), encoding="utf-8")
    return Router.load(None, program=path)


@pytest.fixture
def table(tmp_path):
    """Return four labelled calls under the town's own name; the rules veto the eligible one with the knife."""
    notes = ["asleep in doorway", "sitting on the steps", "asleep in doorway, knife in hand", "barking dog"]
    labels = ["yes", "yes", "yes", "no"]
    frame = pd.DataFrame({"narrative": notes, "call_type": OWN, "eligible": labels, "danger": ["no", "no", "yes", "yes"]})
    frame.to_csv(tmp_path / "calls.csv", index=False)
    return read_table(tmp_path / "calls.csv")


@pytest.fixture
def entry(town):
    """Return the ledger's entry of a decision on such a call."""
    call = Call(narrative="asleep in doorway", call_type=OWN)
    content = decision_content(call, town.decide(call), fingerprint="f", actor="x", via="http")
    return Entry(1, content | {"kind": "decision"})


def test_the_evaluation_names_calls_by_the_citys_types(town, table):
    """Recall by type, wrong answers, groups, and the baseline that goes by the call type alone."""
    types = town.program.call_types
    result = evaluate(town, table, load_config().evaluate)
    decisions = [town.decide(call) for call in table.calls]
    frame = evaluation_frame(table, decisions, program=town.program)
    assert set(result.recall_by_type) == {READ_AS}
    assert {error.call_type for error in (*result.missed_eligible, *result.missed_vetoes)} == {READ_AS}
    assert set(type_labels(table, call_types=types)) == {READ_AS}
    assert set(frame["call type"]) == {READ_AS}
    assert choices(frame, table.calls, town.program, dispatched=None)["call type only"].all()


def test_scored_history_names_calls_by_the_citys_types(town):
    """The retrospective counts calls by this column."""
    call = Call(narrative="asleep in doorway", call_type=OWN)
    assert backfill.row(call, town.decide(call), call_types=town.program.call_types)["call_type"] == READ_AS


def test_the_ledgers_tables_name_calls_by_the_citys_types(town, entry):
    """Monitoring, the public page and the dashboard: a call type that the city's file maps raises no alarm."""
    types = town.program.call_types
    assert decision_table([entry], call_types=types)["heart_type"].tolist() == [READ_AS]
    assert call_table([entry], call_types=types, time_zone="UTC")["heart_type"].tolist() == [READ_AS]
