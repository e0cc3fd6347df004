"""Label Studio's and doccano's files are read as their documentation shows them, and what is written is read back."""

import json

import pytest

from models.call import Answer, Call
from models.errors import InvalidData
from models.labelling.exchange import from_doccano, from_label_studio, to_doccano, to_label_studio
from models.labelling.label import Judgement, Label, LabelTask, Prediction, from_choices

NAMES = {"Positive": "eligible", "Negative": "not_eligible"}


def choice(*names, tag="sentiment"):
    """Return a result as Label Studio writes it."""
    return [{"id": "r1", "from_name": tag, "to_name": "text", "type": "choices", "value": {"choices": list(names)}}]


STUDIO = [
    {
        "id": 1, "project": 83, "data": {"text": "man asleep at bus stop", "reviewer": 7},
        "annotations": [
            {"id": 1001, "result": choice("Positive"), "was_cancelled": False, "ground_truth": False, "lead_time": 4.288,
             "completed_by": 10},
            {"id": 1002, "result": [], "was_cancelled": True, "completed_by": {"id": 11, "email": "b@example.org"}},
        ],
        "predictions": [{"model_version": "one", "score": 0.5, "result": choice("Negative")}],
    },
    {"id": 2, "data": {"text": "two people fighting"}, "annotations": [], "predictions": []},
]  # fmt: skip
"""A task of a sentiment project in the form of Label Studio's documents, with invented texts."""

TASK = LabelTask(
    call=Call(narrative='said "help", ñ', call_id="7", call_type="Welfare Check", weapons_answer=Answer.NONE),
    judgements=(
        Judgement(person="ann", label=Label(eligible=False, weapon=True, call_type="Weapon"), seconds=3.5),
        Judgement(person="eve", label=Label(eligible=None, medical=True), adjudication=True),
    ),
    predictions=(Prediction(model_version="m", score=None, choices=("unsure",)),),
    more={"reviewer": 7},
)


def test_a_task_of_label_studio_is_read_with_its_annotations_and_predictions():
    """Choices are renamed, seconds and predictions kept, cancelled annotations and other data do no harm."""
    first, second = from_label_studio(json.dumps(STUDIO), names=NAMES)
    assert (first.call.narrative, dict(first.more)) == ("man asleep at bus stop", {"reviewer": 7})
    assert first.judgements == (Judgement(person="10", label=Label(eligible=True), seconds=4.288),)
    assert first.predictions == (Prediction(model_version="one", score=0.5, choices=("not_eligible",)),)
    assert (second.call.narrative, second.judgements) == ("two people fighting", ())


def test_what_label_studio_is_given_is_read_back():
    """A call with all that was said of it, both ways, in the parts that Label Studio requires of a task."""
    written = to_label_studio([TASK, *from_label_studio(json.dumps(STUDIO), names=NAMES)])
    assert from_label_studio(written) == [TASK, *from_label_studio(json.dumps(STUDIO), names=NAMES)]
    (task, *_) = json.loads(written)
    assert set(task) == {"data", "annotations", "predictions"}
    assert set(task["predictions"][0]) == {"model_version", "score", "result"}
    assert set(task["predictions"][0]["result"][0]) == {"from_name", "to_name", "type", "value"}


@pytest.mark.parametrize(
    "line",
    ['{"text": "man asleep at bus stop", "label": ["positive"]}',
     '{"id": 3, "data": "man asleep at bus stop", "label": ["positive"]}',
     '{"text": "man asleep at bus stop", "labels": ["positive"], "Comments": []}'],
)  # fmt: skip
def test_doccanos_lines_are_read(line):
    """A text with its labels, whichever release wrote it."""
    (task,) = from_doccano(line + "\n\n", names={"positive": "eligible"})
    assert task.call.narrative == "man asleep at bus stop"
    assert task.judgements[0].label == Label(eligible=True)


def test_what_doccano_is_given_is_read_back():
    """Call, the last label and other keys; a call without a label has none."""
    bare = LabelTask(call=Call(narrative="x"))
    first, second = from_doccano(to_doccano([TASK, bare]))
    assert (first.call, first.judgements[0].label, dict(first.more)) == (
        TASK.call,
        TASK.judgements[1].label,
        {"reviewer": 7},
    )
    assert (second.call, second.judgements) == (bare.call, ())


@pytest.mark.parametrize(
    ("read", "text", "fault"),
    [(from_label_studio, "{", "not JSON"), (from_label_studio, "{}", "list of tasks"),
     (from_label_studio, json.dumps([STUDIO[1], {"data": {"image": "x"}}]), "task 2 cannot be read"),
     (from_label_studio, json.dumps(STUDIO), "task 1: this choice is not known"),
     (from_doccano, '{"text": "x", "label": ["weapon"]}', "task 1: a label says once"),
     (from_doccano, '{"text": "x", "zone": {}}\n["x"]', "task 2 cannot be read")],
)  # fmt: skip
def test_what_cannot_be_read_is_named_by_its_place(read, text, fault):
    """No label is guessed, and no note stands in the message."""
    with pytest.raises(InvalidData, match=fault):
        read(text)


@pytest.mark.parametrize("label", [Label(eligible=True), Label(eligible=None, self_harm=True, call_type="type: x")])
def test_a_label_is_its_choices(label):
    """Both ways."""
    assert from_choices(label.to_choices()) == label
