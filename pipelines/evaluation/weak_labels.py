"""Weak labels: probabilities of eligible from dispositions, call types, signals, rules and units sent. They are no truth.

Each source votes for eligible, against it, or not at all. A latent class model weights the sources by their agreement
(Dawid and Skene, Applied Statistics 28, 1979). No vote is an answer of its own here, because most sources can vote in one
direction only; where it counts as missing, as in the original model, nothing can be estimated for such a source. The result
orders a labelling queue and must not be used for anything else.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.classifier.features import MISSING
from models.decision import PROGRAM_UNITS
from models.programs.call_types import UNMAPPED
from models.programs.program import Program
from models.reading import Reading
from models.statistics import Floats
from pipelines.data.dispositions import outcome_of

Votes = NDArray[np.int8]
"""The vote of each source on each call, shape (n, sources): 1 for eligible, -1 against, 0 none."""

UNIT_COLUMNS = ("unit_sent", "unit", "units", "response")
"""Columns that may name the unit that was sent; an unknown name is no vote."""

_FOR_OUTCOMES = frozenset({"resolved_by_phone", "referred"})
_AGAINST_OUTCOMES = frozenset(
    {"arrest_or_citation", "report", "transported", "death", "fire_or_hazard", "false_alarm", "cancelled"}
)
_RESPONSES_AGAINST = frozenset({"police", "ems", "fire"})
_START = np.array([[0.15, 0.60, 0.25], [0.40, 0.50, 0.10]])  # against, silent, for; of ineligible, of eligible calls
_STRENGTH, _SHARE, _SHARE_STRENGTH = 20.0, 0.15, 50.0
_MOST_ROUNDS, _SETTLED = 100, 1e-6


def votes(rows: pd.DataFrame, readings: list[Reading], program: Program, *, program_groups: frozenset[str]) -> pd.DataFrame:
    """Return the vote of each source on each call: one row per call, one column per source, with 1, -1 or 0.

    `rows` are the calls as their file has them, in the order of `readings`; `program_groups` are the groups of signals that
    vote for eligible.
    """
    records = [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
    sources: Mapping[str, Callable[[Reading, Mapping[str, Any]], int]] = {
        "call type": lambda reading, _: _of_type(reading, program),
        "program signal": lambda reading, _: int(bool(_groups(reading) & program_groups)),
        "other signal": lambda reading, _: -int(bool(_groups(reading) - program_groups)),
        "rules": lambda reading, _: -int(bool(reading.veto.vetoes or reading.type_veto.vetoes)),
        "disposition": lambda _, row: _of_outcome(row),
        "unit sent": lambda _, row: _of_unit(row),
    }
    columns = {
        name: [source(reading, row) for reading, row in zip(readings, records, strict=True)]
        for name, source in sources.items()
    }
    return pd.DataFrame(columns, dtype=np.int8)


def weak_probabilities(votes: Votes) -> Floats:
    """Return the probability that each call is eligible by all sources together, shape (n,).

    Expectation maximisation over two classes, with a prior on the votes of each source that a few hundred calls outweigh and
    a handful do not. A source whose votes would point the wrong way gets no weight, so that the classes cannot be exchanged.
    """
    share, table = _SHARE, np.repeat(_START[:, None, :], votes.shape[1], axis=1)  # (class, source, answer)
    answers = np.stack([votes == answer for answer in (-1, 0, 1)], axis=2).astype(float)
    chances = np.full(len(votes), share)
    for _ in range(_MOST_ROUNDS):
        logs = np.einsum("nsa,csa->nc", answers, np.log(table)) + np.log([1 - share, share])
        before, chances = chances, 1 / (1 + np.exp(logs[:, 0] - logs[:, 1]))
        if np.abs(chances - before).max(initial=0.0) < _SETTLED:
            break
        memberships = np.stack([1 - chances, chances])
        counts = np.einsum("cn,nsa->csa", memberships, answers) + _STRENGTH * _START[:, None, :]
        table = _one_way(counts / counts.sum(axis=2, keepdims=True), weights=memberships.mean(axis=1))
        share = float((chances.sum() + _SHARE * _SHARE_STRENGTH) / (len(votes) + _SHARE_STRENGTH))
    return chances


def _one_way(table: Floats, *, weights: Floats) -> Floats:
    """Return the shares of the votes by class and source, equalised between classes where a vote points the wrong way.

    Shapes: table (2, sources, 3), ineligible calls first; weights (2,), the share of each class.
    """
    table = table.copy()
    for answer, sign in ((0, -1), (2, 1)):
        wrong = sign * (table[1, :, answer] - table[0, :, answer]) < 0
        table[:, wrong, answer] = weights @ table[:, wrong, answer]
    table[:, :, 1] = np.clip(1 - table[:, :, 0] - table[:, :, 2], 1e-6, None)
    return np.asarray(table / table.sum(axis=2, keepdims=True))


def _groups(reading: Reading) -> set[str]:
    """Return the groups of a note's asserted signals."""
    return {signal.group for signal in reading.signals if signal.asserted}


def _of_type(reading: Reading, program: Program) -> int:
    """Return the vote of the call type; an unknown one does not vote."""
    name = reading.call_type.name
    if name in {UNMAPPED, MISSING}:
        return 0
    return 1 if name in program.eligible_call_types else -1


def _of_outcome(row: Mapping[str, Any]) -> int:
    """Return the vote of the disposition or the outcome."""
    outcome = _text(row.get("outcome")) or outcome_of(_text(row.get("disposition")))
    return int(outcome in _FOR_OUTCOMES) - int(outcome in _AGAINST_OUTCOMES)


def _of_unit(row: Mapping[str, Any]) -> int:
    """Return the vote of the unit that was sent."""
    name = next((text.lower() for column in UNIT_COLUMNS if (text := _text(row.get(column)))), None)
    return int(name in {unit.value for unit in PROGRAM_UNITS}) - int(name in _RESPONSES_AGAINST)


def _text(value: object) -> str | None:
    """Return a cell as text, or `None` where it is blank."""
    return None if value is None or (isinstance(value, float) and np.isnan(value)) else str(value).strip() or None
