"""A labelling project made from a file of calls, in the order in which to label them, and its labels as a table."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from models.call import FIELDS
from models.decision import Recommendation
from models.errors import InvalidCall, InvalidData
from models.labelling import exchange
from models.labelling.label import ELIGIBLE, FLAGS, NOT_ELIGIBLE, UNSURE, Judgement, Label, LabelTask, Prediction
from models.labelling.progress import RISKS, LabelledItem
from models.labelling.store import LabelStore, Queued
from models.router import Router
from pipelines.data.readers import records
from pipelines.data.table import read_row
from pipelines.evaluation.label_queue import queue_order

CALLS, LABELLED, LABEL_STUDIO, DOCCANO = "calls", "labelled", "label_studio", "doccano"
FORMATS = (CALLS, LABELLED, LABEL_STUDIO, DOCCANO)
"""`calls` is a table of calls with any other columns; `labelled` is a table that `label_table` returned, with its labels."""

_CHOICE = {
    Recommendation.ELIGIBLE: ELIGIBLE, Recommendation.NOT_ELIGIBLE: NOT_ELIGIBLE, Recommendation.REVIEW: UNSURE,
}  # fmt: skip

_WORDS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}


def read_tasks(path: Path, layout: str, *, names: Mapping[str, str] | None = None) -> tuple[list[LabelTask], pd.DataFrame]:
    """Return the tasks of a file, and a table of them with all columns of the file; rows that are not calls are left out.

    `layout` is one of `FORMATS`, `names` maps another tool's choices to ours. Raises `InvalidData` where no row is a call.
    """
    if layout in {CALLS, LABELLED}:
        rows = [dict(record) for record in records(path)]
        read = [(task, row) for row in rows if (task := _task(row, labelled=layout == LABELLED)) is not None]
        tasks, frame = [task for task, _ in read], pd.DataFrame.from_records([row for _, row in read])
    else:
        reader = {LABEL_STUDIO: exchange.from_label_studio, DOCCANO: exchange.from_doccano}[layout]
        tasks = reader(path.read_text(encoding="utf-8"), names=names)
        frame = pd.DataFrame.from_records([task.call.to_record() for task in tasks])
    if not tasks:
        raise InvalidData("no row could be read as a call", value=str(path), remedy="see heartline ingest")
    return tasks, frame


def queue(
    tasks: Sequence[LabelTask],
    frame: pd.DataFrame,
    *,
    router: Router,
    count: int,
    random_share: float,
    double_share: float,
    seed: int,
) -> list[Queued]:
    """Return the first `count` tasks in the order in which to label them, a share of them for two labellers.

    Each holds the router's answer beside the predictions of its file, for adjudicators; labellers never see it.
    """
    order = queue_order(frame, router=router, random_share=random_share, seed=seed).head(count)
    rng = random.Random(seed)  # noqa: S311  reproducible, not secret
    return [
        Queued(
            task=_predicted(tasks[place], router),
            drawn_by=drawn_by,
            random_rank=random_rank,
            needed=2 if rng.random() < double_share else 1,
        )
        for place, drawn_by, random_rank in zip(
            order["place"].tolist(), order["drawn_by"].tolist(), order["random_rank"].tolist(), strict=True
        )
    ]


def label_table(store: LabelStore) -> pd.DataFrame:
    """Return a row for each labelled call: the call, its settled label, each labeller's label, and how it was drawn.

    `eligible` and the risks are blank where the label is in dispute or not complete; `eligible_a` and `eligible_b` are the
    labels of the first two people, `unsure` included.
    """
    return pd.DataFrame.from_records([_row(item, task) for item, task in store.tasks() if item.judgements])


def settled_tasks(store: LabelStore) -> list[LabelTask]:
    """Return every labelled call with all its judgements, for export to other tools."""
    return [
        LabelTask(call=task.call, judgements=item.judgements, predictions=task.predictions, more=task.more)
        for item, task in store.tasks()
        if item.judgements
    ]


def _task(row: Mapping[str, Any], *, labelled: bool) -> LabelTask | None:
    """Return the task of a row, with its label where it has one; `None` where the row is not a call."""
    try:
        call = read_row(row)
    except InvalidCall:
        return None
    eligible = _flag(row, "eligible")
    if not labelled or eligible is None:
        return LabelTask(call=call)
    flags = {name: bool(_flag(row, name)) for name in FLAGS}
    if _flag(row, "danger") and not (flags["weapon"] or flags["violence"]):
        raise InvalidData("a dangerous call names neither weapon nor violence", remedy="fill in weapon or violence")
    call_type = row.get("labelled_type")
    label = Label(
        eligible=eligible, call_type=call_type if isinstance(call_type, str) and call_type.strip() else None, **flags
    )
    return LabelTask(call=call, judgements=(Judgement(person="file", label=label),))


def _flag(row: Mapping[str, Any], name: str) -> bool | None:
    """Return the yes or no in a column of a row, `None` where it is blank; raise `InvalidData` for anything else."""
    value = row.get(name)
    if value is None or not str(value).strip() or str(value).lower() == "nan":
        return None
    try:
        return _WORDS[str(value).strip().lower()]
    except KeyError:
        raise InvalidData(f"{name} is neither yes nor no", value=value, remedy="write true or false") from None


def _predicted(task: LabelTask, router: Router) -> LabelTask:
    """Return a task with the router's answer among its predictions."""
    decision = router.decide(task.call)
    prediction = Prediction(
        model_version=decision.versions.model,
        score=decision.eligible_probability,
        choices=(_CHOICE[decision.recommendation],),
    )
    return LabelTask(call=task.call, judgements=task.judgements, predictions=(*task.predictions, prediction), more=task.more)


def _row(item: LabelledItem, task: LabelTask) -> dict[str, Any]:
    """Return one labelled call as a row."""
    label, call = item.settled, task.call.to_record()
    first, second = [*item.labels, None, None][:2]
    return {
        **{name: call[name] for name in FIELDS},
        "eligible": None if label is None else label.eligible,
        **{name: None if label is None else getattr(label, name) for name in (*RISKS, "weapon", "violence")},
        "labelled_type": None if label is None else label.call_type,
        "eligible_a": None if first is None else first.to_choices()[0],
        "eligible_b": None if second is None else second.to_choices()[0],
        "labellers": len(item.labels),
        "adjudicated": any(each.adjudication for each in item.judgements),
        "drawn_by": item.drawn_by,
        "random_rank": item.random_rank,
    }
