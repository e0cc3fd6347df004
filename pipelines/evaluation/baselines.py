"""Baselines measured on the same calls: by call type, by the rules, by a word list, by the dispatcher's decision."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.call import Call
from models.decision import PROGRAM_UNITS
from models.programs.program import Program
from models.statistics import Bools, Estimate, share
from models.text.normalize import normalise

KEYWORDS = frozenset(
    "suicidal suicide depressed crisis hallucinating voices intoxicated drunk asleep sleeping homeless trespass trespassing "
    "loitering panhandling welfare wellbeing crying naked exposing yelling unwanted refuses refusing".split()
)
"""A simple hand-written list: words of the call types that programs name."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The figures of one way of choosing: the share of eligible calls found, and its errors."""

    name: str
    recall: Estimate
    false_clear: Estimate
    dangerous_clear: Estimate
    precision: Estimate


def choices(
    frame: pd.DataFrame, calls: Sequence[Call], program: Program, *, dispatched: Sequence[object] | None
) -> dict[str, Bools]:
    """Return the calls that each simpler way clears, shape (rows of the evaluation frame,) each.

    `calls` are all calls; the frame's index holds places in them. `dispatched` names who was sent to each of them, where
    that was recorded: a unit of the program counts as cleared.
    """
    labelled = [calls[place] for place in frame.index]
    by_type = np.array(
        [program.call_types.canonical(call.call_type).name in program.eligible_call_types for call in labelled], dtype=bool
    )
    unvetoed = ~frame["vetoed"].to_numpy()
    words = np.array([bool(KEYWORDS.intersection(normalise(call.narrative).text.split())) for call in labelled], dtype=bool)
    cleared = {
        "call type only": by_type, "rules only: whatever is not vetoed": unvetoed, "call type and rules": by_type & unvetoed,
        "keyword list and rules": words & unvetoed,
    }  # fmt: skip
    if dispatched is not None:
        units = {unit.value for unit in PROGRAM_UNITS}
        cleared["the dispatcher's own decision"] = np.array([str(dispatched[i]) in units for i in frame.index], dtype=bool)
    return cleared


def measure_choices(frame: pd.DataFrame, cleared: dict[str, Bools], *, confidence: float) -> list[Baseline]:
    """Return the figures of every way of choosing against the truth, the model first."""
    ways = {"this model, at its certified point": frame["cleared"].to_numpy()} | cleared
    return [_measured(name, way, frame, confidence=confidence) for name, way in ways.items()]


def _measured(name: str, cleared: Bools, frame: pd.DataFrame, *, confidence: float) -> Baseline:
    """Return the figures of one way of choosing."""
    truth, danger = frame["truth"].to_numpy(), frame["danger"].to_numpy()
    hits = int((cleared & truth).sum())
    return Baseline(
        name,
        recall=share(hits, int(truth.sum()), confidence=confidence),
        false_clear=share(int((cleared & ~truth).sum()), int((~truth).sum()), confidence=confidence),
        dangerous_clear=share(int((cleared & danger).sum()), int(danger.sum()), confidence=confidence),
        precision=share(hits, int(cleared.sum()), confidence=confidence),
    )
