"""Calls and labels in the formats of Label Studio and doccano, both ways.

Label Studio: a list of tasks with `data`, `annotations` and `predictions` (its Basic JSON format). doccano: one JSON
object a line with `text` and `label`, and further keys beside them.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from models.call import FIELDS, Call
from models.errors import InvalidCall, InvalidData
from models.labelling.label import Judgement, LabelTask, Prediction, from_choices

Names = Mapping[str, str] | None
_FROM, _TO = "label", "text"
_TEXTS = ("narrative", "text", "data")


def from_label_studio(text: str, *, names: Names = None) -> list[LabelTask]:
    """Return the tasks of a Label Studio file; cancelled annotations are passed over, predictions are kept as they are.

    Raises `InvalidData` naming the task that cannot be read.
    """
    try:
        tasks = json.loads(text)
    except ValueError:
        raise InvalidData("this is not JSON", remedy="export the project as JSON") from None
    if not isinstance(tasks, list):
        raise InvalidData("Label Studio's file is a list of tasks", remedy="export the project as JSON")
    return [_placed(number, _studio_task, task, names) for number, task in enumerate(tasks, start=1)]


def to_label_studio(tasks: Iterable[LabelTask]) -> str:
    """Return tasks as Label Studio imports them; who labelled stands as `annotator`, which it passes over."""
    return json.dumps([_to_studio(task) for task in tasks], ensure_ascii=False, indent=1)


def from_doccano(text: str, *, names: Names = None) -> list[LabelTask]:
    """Return the calls of a doccano file, one a line; raise `InvalidData` naming the line that cannot be read."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return [_placed(number, _doccano_task, line, names) for number, line in lines]


def to_doccano(tasks: Iterable[LabelTask]) -> str:
    """Return tasks as doccano imports them, with the last judgement of each as its labels."""
    rows = []
    for task in tasks:
        label = task.judgements[-1].label.to_choices() if task.judgements else []
        rows.append({"text": task.call.narrative, "label": label, **_known(task.call), **task.more})
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _placed(number: int, read: Any, task: Any, names: Names) -> LabelTask:
    """Return a task; raise `InvalidData` with its number where it cannot be read."""
    try:
        result: LabelTask = read(task, names)
    except InvalidData as error:
        raise InvalidData(f"task {number}: {error.fault}", value=error.value, remedy=error.remedy) from None
    except InvalidCall as error:
        raise InvalidData(f"task {number}: {error.fault}", remedy=error.remedy) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidData(f"task {number} cannot be read", remedy="see the tool's own export format") from None
    return result


def _studio_task(task: Mapping[str, Any], names: Names) -> LabelTask:
    """Return a task of Label Studio."""
    judgements = []
    for annotation in task.get("annotations", ()):
        if annotation.get("was_cancelled"):
            continue
        label = from_choices(_choices(annotation["result"]), names=names)
        judgements.append(
            Judgement(
                person=_annotator(annotation),
                label=label,
                seconds=annotation.get("lead_time"),
                adjudication=bool(annotation.get("ground_truth")),
            )
        )
    predictions = tuple(
        Prediction(
            model_version=str(each.get("model_version", "")),
            score=each.get("score"),
            choices=tuple((names or {}).get(choice, choice) for choice in _choices(each["result"])),
        )
        for each in task.get("predictions", ())
    )
    call, more = _call(task["data"])
    return LabelTask(call=call, judgements=tuple(judgements), predictions=predictions, more=more)


def _to_studio(task: LabelTask) -> dict[str, Any]:
    """Return a task for Label Studio."""
    annotations = [
        {
            "annotator": judgement.person, "result": _result(judgement.label.to_choices()),
            "lead_time": judgement.seconds, "ground_truth": judgement.adjudication, "was_cancelled": False,
        }
        for judgement in task.judgements
    ]  # fmt: skip
    predictions = [
        {"model_version": each.model_version, "score": each.score, "result": _result(list(each.choices))}
        for each in task.predictions
    ]
    data = {"text": task.call.narrative, **_known(task.call), **task.more}
    return {"data": data, "annotations": annotations, "predictions": predictions}


def _result(choices: list[str]) -> list[dict[str, Any]]:
    """Return choices as Label Studio's result of one `Choices` tag named `label` over a `Text` tag named `text`."""
    return [{"from_name": _FROM, "to_name": _TO, "type": "choices", "value": {"choices": choices}}]


def _choices(result: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all choices of a result, whatever its tags are named."""
    return [choice for part in result if part.get("type") == "choices" for choice in part["value"]["choices"]]


def _annotator(annotation: Mapping[str, Any]) -> str:
    """Return who made an annotation: a name, or Label Studio's number or address of the user."""
    who = annotation.get("annotator", annotation.get("completed_by", "label_studio"))
    return str(who.get("email") or who.get("id")) if isinstance(who, Mapping) else str(who)


def _doccano_task(line: str, names: Names) -> LabelTask:
    """Return a line of doccano."""
    row = json.loads(line)
    labels = row.pop("label", row.pop("labels", None)) or []
    call, more = _call(row)
    if not labels:
        return LabelTask(call=call, more=more)
    return LabelTask(
        call=call, judgements=(Judgement(person="doccano", label=from_choices(labels, names=names)),), more=more
    )


def _call(data: Mapping[str, Any]) -> tuple[Call, dict[str, object]]:
    """Return the call of a row, and what else the row holds; raise `KeyError` where there is no text."""
    name = next(name for name in (*_TEXTS, None) if name is None or isinstance(data.get(name), str))
    if name is None:
        raise KeyError("text")
    record = {key: value for key, value in data.items() if key in FIELDS} | {"narrative": data[name]}
    more = {str(key): value for key, value in data.items() if key not in FIELDS and key != name}
    return Call.from_record(record), more


def _known(call: Call) -> dict[str, object]:
    """Return the fields of a call that are known, without the narrative."""
    return {name: value for name, value in call.to_record().items() if value is not None and name != "narrative"}
