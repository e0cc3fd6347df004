"""The records of a run for MLflow: its data sets, its parts as nested runs, its tables and its model card."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from models.call import Call, Source
from pipelines.evaluation.evaluate import Evaluation, WrongAnswer
from pipelines.training.compare import Compared

INVENTED_CALL = Call(
    narrative="male asleep in doorway of store refusing to leave, manager wants him moved along, no weapons seen",
    call_id="example-1",
    received_at=datetime(2026, 3, 2, 15, 12, tzinfo=UTC),
    call_type="Trespass",
    source=Source.ADMIN_LINE,
    zone="D1",
)
"""An invented call that shows MLflow's users what the registered model reads."""


@dataclass(frozen=True, slots=True)
class UsedData:
    """A data set that a run used: its name, path, SHA-256 and purpose; never its rows."""

    name: str
    path: str
    sha256: str
    context: str


@dataclass(frozen=True, slots=True)
class NestedRun:
    """One part of a run, recorded as a run inside it: a fold, a variant or a trial."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


def variants(compared: list[Compared]) -> list[NestedRun]:
    """Return each variant of a comparison as a nested run."""
    runs = []
    for each in compared:
        figures = asdict(each)
        tags = {"variant": str(figures.pop("name")), "wins": str(figures.pop("wins")).lower()}
        runs.append(NestedRun(tags["variant"], tags, {}, figures))
    return runs


def used_data(tags: Mapping[str, str]) -> Iterator[UsedData]:
    """Yield the data sets that the tags of a training run name."""
    for prefix, context in (("data", "training"), ("local", "adaptation")):
        path, sha256 = tags.get(f"{prefix}_path"), tags.get(f"{prefix}_sha256")
        if path and sha256:
            yield UsedData(path.rsplit("/", maxsplit=1)[-1], path, sha256, context)


def figures_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return every figure with its interval, its method and its number of calls, one row each."""
    rows = [{"figure": name} | asdict(estimate) for name, estimate in evaluation.figures.items() if estimate.n]
    return pd.DataFrame(rows, columns=["figure", "value", "low", "high", "n", "method"])


def errors_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return the wrong answers by row of the file, the worst kind first, without the notes."""
    kinds: dict[str, list[WrongAnswer]] = {
        "false clear": evaluation.false_clears,
        "dangerous, not vetoed": evaluation.missed_vetoes,
        "turned away": evaluation.missed_eligible,
    }
    rows = [
        {"error": kind} | asdict(each) | {"reasons": ", ".join(each.reasons)}
        for kind, answers in kinds.items()
        for each in answers
    ]
    return pd.DataFrame(rows, columns=["error", "row", "call_type", "recommendation", "probability", "reasons"])


def description(training: Mapping[str, Any]) -> str:
    """Return a short description of a run or a registered version."""
    adapted = training.get("adapted")
    if adapted:
        start = f"Adapted to {adapted['labelled']} labelled local calls from base {str(adapted['base'])[:16]}."
    else:
        start = f"Trained on {training['blocks']['fit']} calls."
    proof = training.get("certified_by", "")
    return f"{start} Certified on: {training.get('certified_on', 'unknown')}. {proof}{'.' if proof else ''}"


def model_card(manifest: Mapping[str, Any], evaluation: Evaluation) -> str:
    """Return a short model card in Markdown: purpose, origin, figures and limits."""
    training, point = manifest["training"], manifest["operating_point"]
    lines = [
        "# Model card",
        "",
        f"Bundle `{manifest['digest']}`, program {training['program']}, rules {training['rulebook']}.",
        "",
        "It suggests to a clinician in a 911 centre whether an alternative-response program should answer a call, which",
        "unit, and how risky the call looks. It advises and never dispatches; a mention of a weapon always vetoes.",
        "",
        description(training),
        "",
        f"ELIGIBLE from a probability of {point['eligible_at']:.3f}, NOT_ELIGIBLE below {point['not_eligible_below']:.3f}.",
        "",
        f"| figure ({evaluation.n} labelled calls) | value | interval | calls |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['figure']} | {row['value']:.3f} | {row['low']:.3f} to {row['high']:.3f} | {row['n']} |"
        for row in figures_table(evaluation).to_dict("records")
    ]
    return "\n".join([*lines, "", "The promises hold only for calls like those that they were measured on.", ""])
