"""Weak labels: what dispositions, call types, signals, rules and units sent say of a call together; never the truth.

Each source speaks for a call, against it, or stays silent. A latent class model weighs the sources by how they agree
(Dawid and Skene, Applied Statistics 28, 1979). Silence is an answer of its own here, because most sources can only speak
one way; where silence counts as missing, as in their own model, nothing is learnt from such a source. The result puts a
labelling queue in order, and nothing else may read it.
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
"""What each source says of each call, shape (n, sources): 1 for eligible, -1 against, 0 silent."""

UNIT_COLUMNS = ("unit_sent", "unit", "units", "response")
"""Columns that may name who went; a name that is no response of ours is silent."""

_FOR_OUTCOMES = frozenset({"resolved_by_phone", "referred"})
_AGAINST_OUTCOMES = frozenset(
    {"arrest_or_citation", "report", "transported", "death", "fire_or_hazard", "false_alarm", "cancelled"}
)
_RESPONSES_AGAINST = frozenset({"police", "ems", "fire"})
_START = np.array([[0.15, 0.60, 0.25], [0.40, 0.50, 0.10]])  # against, silent, for; of ineligible, of eligible calls
_STRENGTH, _SHARE, _SHARE_STRENGTH = 20.0, 0.15, 50.0
_MOST_ROUNDS, _SETTLED = 100, 1e-6


def votes(rows: pd.DataFrame, readings: list[Reading], program: Program, *, program_groups: frozenset[str]) -> pd.DataFrame:
    """Return what each source says of each call: one row a call, one column a source, with 1, -1 or 0.

    `rows` are the calls as their file has them, in the order of `readings`; `program_groups` are the groups of signals that
    speak for a call of the program's own.
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


def weak_probabilities(said: Votes) -> Floats:
    """Return how likely each call is eligible by all sources together, shape (n,).

    Expectation maximisation over two classes, with a prior on what each source says: a few hundred calls move it, a handful
    do not. A source that would count the other way round counts nothing, so that the classes cannot change places.
    """
    share, table = _SHARE, np.repeat(_START[:, None, :], said.shape[1], axis=1)  # (class, source, answer)
    answers = np.stack([said == answer for answer in (-1, 0, 1)], axis=2).astype(float)
    chances = np.full(len(said), share)
    for _ in range(_MOST_ROUNDS):
        logs = np.einsum("nsa,csa->nc", answers, np.log(table)) + np.log([1 - share, share])
        before, chances = chances, 1 / (1 + np.exp(logs[:, 0] - logs[:, 1]))
        if np.abs(chances - before).max(initial=0.0) < _SETTLED:
            break
        belongs = np.stack([1 - chances, chances])
        counts = np.einsum("cn,nsa->csa", belongs, answers) + _STRENGTH * _START[:, None, :]
        table = _one_way(counts / counts.sum(axis=2, keepdims=True), weights=belongs.mean(axis=1))
        share = float((chances.sum() + _SHARE * _SHARE_STRENGTH) / (len(said) + _SHARE_STRENGTH))
    return chances


def _one_way(table: Floats, *, weights: Floats) -> Floats:
    """Return the shares of the answers by class and source, made equal in both classes where an answer points the wrong way.

    Shapes: table (2, sources, 3), ineligible calls first; weights (2,), the share of each class.
    """
    table = table.copy()
    for answer, sign in ((0, -1), (2, 1)):
        wrong = sign * (table[1, :, answer] - table[0, :, answer]) < 0
        table[:, wrong, answer] = weights @ table[:, wrong, answer]
    table[:, :, 1] = np.clip(1 - table[:, :, 0] - table[:, :, 2], 1e-6, None)
    return np.asarray(table / table.sum(axis=2, keepdims=True))


def _groups(reading: Reading) -> set[str]:
    """Return the groups of the asserted signals of a note."""
    return {signal.group for signal in reading.signals if signal.asserted}


def _of_type(reading: Reading, program: Program) -> int:
    """Return what the call type says; one that is not known is silent."""
    name = reading.call_type.name
    if name in {UNMAPPED, MISSING}:
        return 0
    return 1 if name in program.eligible_call_types else -1


def _of_outcome(row: Mapping[str, Any]) -> int:
    """Return what the disposition or the outcome says."""
    outcome = _text(row.get("outcome")) or outcome_of(_text(row.get("disposition")))
    return int(outcome in _FOR_OUTCOMES) - int(outcome in _AGAINST_OUTCOMES)


def _of_unit(row: Mapping[str, Any]) -> int:
    """Return what the unit that was sent says."""
    name = next((text.lower() for column in UNIT_COLUMNS if (text := _text(row.get(column)))), None)
    return int(name in {unit.value for unit in PROGRAM_UNITS}) - int(name in _RESPONSES_AGAINST)


def _text(value: object) -> str | None:
    """Return a cell as text, or `None` where it holds nothing."""
    return None if value is None or (isinstance(value, float) and np.isnan(value)) else str(value).strip() or None
