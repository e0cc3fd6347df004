"""A file becomes a labelling project, and its labels become a file that projects and training read."""

import json

import pandas as pd
import pytest
from command import heartline
from ledgers import HASH_KEY

from models.labelling.label import Judgement, Label
from models.labelling.store import LabelStore
from models.ledger.encryption import NoteEncryption

LABELS = {1: Label(eligible=True), 2: Label(eligible=False, weapon=True, call_type="Weapon"), 3: Label(eligible=None)}


@pytest.fixture(autouse=True)
def hash_key(monkeypatch):
    """Give every command one key."""
    monkeypatch.setenv("HEARTLINE_HASH_KEY", HASH_KEY.decode())


def url(tmp_path, name="labels"):
    """Return a project's place."""
    return f"sqlite:///{tmp_path / name}.db"


def opened(place):
    """Return a project."""
    return LabelStore(place, NoteEncryption(HASH_KEY))


def create(tmp_path, data, *more, name="labels"):
    """Make a project out of a file, without a model."""
    return heartline(
        "label", "create", "--data", str(data), "--labels", url(tmp_path, name), "--runs", str(tmp_path / "none"), *more
    )


@pytest.fixture
def labelled(tmp_path):
    """Return the place of a project of eight calls, three of them labelled by one person."""
    data = tmp_path / "calls.csv"
    rows = {"narrative": [f"man number {n} in doorway" for n in range(8)], "call_id": [f"c{n}" for n in range(8)],
            "eligible": [True] * 8}  # fmt: skip
    pd.DataFrame(rows).to_csv(data, index=False)
    code, out, err = create(tmp_path, data, "--count", "6", "--double-share", "0", "--seed", "3")
    assert (code, "6 of 8 calls" in out) == (0, True), err
    store = opened(url(tmp_path))
    assert all(item.judgements == () for item in store.items())  # the labels of the file are not taken for answers
    for item_id, label in LABELS.items():
        store.answer(item_id, Judgement(person="ann", label=label, seconds=5.0))
    store.close()
    return url(tmp_path)


def by_call(place):
    """Return the labels of a project by call, without those who gave them."""
    store = opened(place)
    found = {task.call.call_id: [each.label for each in item.judgements] for item, task in store.tasks()}
    store.close()
    return {name: labels for name, labels in found.items() if labels}


@pytest.mark.parametrize(("layout", "ending"), [("labelled", "csv"), ("label_studio", "json"), ("doccano", "jsonl")])
def test_labels_go_out_and_come_back(labelled, tmp_path, layout, ending):
    """Exported and made into another project, each call has the same labels; a table leaves out what is not settled."""
    to = tmp_path / f"out.{ending}"
    assert heartline("label", "export", "--labels", labelled, "--format", layout, "--out", str(to))[0] == 0
    code, _, err = create(tmp_path, to, "--format", layout, name="again")
    assert code == 0, err
    before = {name: labels for name, labels in by_call(labelled).items() if layout != "labelled" or labels != [LABELS[3]]}
    assert by_call(url(tmp_path, "again")) == before


def test_the_table_is_read_for_training(labelled, tmp_path):
    """Eligible and the risks are columns with the names that training reads; a label in dispute is blank."""
    to = tmp_path / "out.csv"
    assert heartline("label", "export", "--labels", labelled, "--out", str(to))[0] == 0
    table = pd.read_csv(to).sort_values("eligible_a")
    assert list(table["eligible_a"]) == ["eligible", "not_eligible", "unsure"]
    assert [str(value) for value in table["eligible"]] == ["True", "False", "nan"]
    assert [str(value) for value in table["danger"]] == ["False", "True", "nan"]
    assert {"drawn_by", "random_rank", "labellers"} <= set(table)
    assert heartline("ingest", "--data", str(to), "--out", str(tmp_path / "calls.csv"))[0] == 0


def test_the_status_tells_how_far_it_is(labelled):
    """Labels, disputes and time; nothing of a note."""
    code, out, _ = heartline("label", "status", "--labels", labelled)
    assert code == 0
    assert "3 of 6 calls labelled, 2 settled, 1 in dispute" in out
    assert "median time a call 5 s; answers by: ann 3" in out
    assert "doorway" not in out


def test_another_tools_choices_are_renamed(tmp_path):
    """`--name THEIRS=OURS`; a choice without a name is an error."""
    result = [{"type": "choices", "from_name": "s", "to_name": "t", "value": {"choices": ["Positive"]}}]
    task = {"data": {"text": "man asleep"}, "annotations": [{"result": result}]}
    data = tmp_path / "tasks.json"
    data.write_text(json.dumps([task]), encoding="utf-8")
    assert create(tmp_path, data, "--format", "label_studio", "--name", "Positive=eligible")[0] == 0
    code, _, err = create(tmp_path, data, "--format", "label_studio", name="other")
    assert (code, "this choice is not known" in err) == (2, True)


@pytest.mark.parametrize("words", [["status"], ["export", "--out", "x.csv"]])
def test_a_project_that_is_not_there_is_an_error_of_the_input(words, tmp_path):
    """Where there is no project, a command exits 2 and names heartline label create."""
    code, _, err = heartline("label", *words, "--labels", url(tmp_path, "none"))
    assert (code, "label create" in err) == (2, True)
