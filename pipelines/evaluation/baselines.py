"""Set the model beside simpler ways of choosing, on the same rows: what the call type, the rules or a word list would do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.call import Call
from models.decision import PROGRAM_UNITS
from models.programs.call_types import canonical
from models.programs.program import Program
from models.statistics import Estimate, share
from models.text.normalize import normalise
from pipelines.evaluation.metrics import Bools

KEYWORDS = frozenset(
    "suicidal suicide depressed crisis hallucinating voices intoxicated drunk asleep sleeping homeless trespass trespassing "
    "loitering panhandling welfare wellbeing crying naked exposing yelling unwanted refuses refusing".split()
)
"""Words of the call types that programs name, as a first list by hand would hold them."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Hold one way of choosing: what it finds and what it clears wrongly."""

    name: str
    recall: Estimate
    false_clear: Estimate
    dangerous_clear: Estimate
    precision: Estimate


def choices(
    table: pd.DataFrame, calls: Sequence[Call], program: Program, *, dispatched: Sequence[object] | None
) -> dict[str, Bools]:
    """Return what each simpler way clears, shape (rows of `table`,); `calls` are all calls, in the order of its index.

    `dispatched` is whom the dispatcher sent, where that was recorded: the program's units count as cleared.
    """
    kept = [calls[place] for place in table.index]
    by_type = np.array([canonical(call.call_type).name in program.eligible_call_types for call in kept], dtype=bool)
    unvetoed = ~table["vetoed"].to_numpy()
    words = np.array([bool(KEYWORDS.intersection(normalise(call.narrative).text.split())) for call in kept], dtype=bool)
    made = {
        "call type only": by_type, "rules only: whatever is not vetoed": unvetoed, "call type and rules": by_type & unvetoed,
        "keyword list and rules": words & unvetoed,
    }  # fmt: skip
    if dispatched is not None:
        units = {unit.value for unit in PROGRAM_UNITS}
        made["the dispatcher's own decision"] = np.array(
            [str(dispatched[place]) in units for place in table.index], dtype=bool
        )
    return made


def compare(table: pd.DataFrame, cleared: dict[str, Bools], *, confidence: float) -> list[Compared]:
    """Measure each way of choosing against the truth, the model first."""
    truth, danger = table["truth"].to_numpy(), table["danger"].to_numpy()
    made = []
    for name, given in ({"this model, at its certified point": table["cleared"].to_numpy()} | cleared).items():
        hits = int((given & truth).sum())
        made.append(Compared(
            name,
            share(hits, int(truth.sum()), confidence=confidence),
            share(int((given & ~truth).sum()), int((~truth).sum()), confidence=confidence),
            share(int((given & danger).sum()), int(danger.sum()), confidence=confidence),
            share(hits, int(given.sum()), confidence=confidence),
        ))  # fmt: skip
    return made
