"""Copies of a call, such as one row a unit sent, prove no more than the call."""

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from models.call import Call
from models.errors import NoSafeThreshold
from pipelines.cli.tables import read_calls
from pipelines.data.table import LABEL_ROW, Table, distinct
from pipelines.training import train

AT = datetime(2026, 3, 1, tzinfo=UTC)


def table(*rows):
    """Return a table of calls with their labels, in order."""
    labels = [LABEL_ROW | {"row": number} | each for number, (_, each) in enumerate(rows, start=1)]
    return Table([call for call, _ in rows], pd.DataFrame.from_records(labels).astype(object))


def test_rows_of_one_call_become_the_most_cautious_one():
    """A label counts before none, no before yes, a danger before none; the order of the calls stays."""
    call = Call(narrative="asleep in doorway", call_id="1")
    other = replace(call, call_id="2")
    rows = [(call, {"eligible": True}), (other, {"eligible": True}), (call, {"eligible": False, "danger": False}),
            (call, {"eligible": False, "danger": True}), (call, {}), (other, {})]  # fmt: skip
    assert distinct(table(*rows)).labels["row"].tolist() == [2, 4]


@pytest.mark.parametrize(("change", "left"), [({}, 1), ({"zone": "D2"}, 2), ({"received_at": None}, 2)])
def test_without_an_id_a_copy_is_the_same_in_everything(change, left):
    """Two calls that differ in a field, or of which one has no time, are two calls."""
    call = Call(narrative="asleep in doorway", received_at=AT, zone="D1")
    assert len(distinct(table((call, {}), (replace(call, **change), {}))).calls) == left


def test_equal_notes_without_time_and_id_are_calls_of_their_own():
    """Nobody can tell whether "welfare check" is the same call twice."""
    call = Call(narrative="welfare check")
    assert len(distinct(table((call, {}), (call, {}))).calls) == 2


def test_a_command_counts_copies_once_and_says_so(tmp_path, capsys):
    """A file in which each call stands three times has as many calls as it has ids."""
    path = tmp_path / "units.csv"
    path.write_text("call_id,narrative,eligible\n" + "".join(f"{n // 3},asleep in doorway,no\n" for n in range(9)))
    assert len(read_calls(path).calls) == 3
    assert "6 rows repeat a call" in capsys.readouterr().err


@pytest.mark.slow
def test_copies_prove_nothing_in_training(corpus_table, small_config, tmp_path):
    """Calls that are too few to prove the promise stay too few when each stands in the file five times."""
    few = Table(corpus_table.calls[:1500], corpus_table.labels.iloc[:1500])
    copies = Table([*few.calls] * 5, pd.concat([few.labels] * 5, ignore_index=True))
    said = []
    with pytest.raises(NoSafeThreshold, match="too few dangerous calls"):
        train(copies, small_config, tmp_path / "bundle", notice=said.append)
    assert "6000 rows repeat a call: each call counts once" in said
