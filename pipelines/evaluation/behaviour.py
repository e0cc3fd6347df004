"""Behaviour tests in the manner of CheckList: minimum functionality, invariance and directional expectations."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.call import Call
from models.common.config import read_toml
from models.decision import Decision, Recommendation
from models.router import Router
from pipelines.settings import validated

SUITE = Path(__file__).with_name("behaviour.toml")
_WRONG: dict[str, Callable[[Decision], bool]] = {
    "not turned away": lambda decision: decision.recommendation is Recommendation.NOT_ELIGIBLE,
    "not cleared": lambda decision: decision.recommendation is Recommendation.ELIGIBLE,
    "vetoed": lambda decision: not decision.vetoed,
}


class _Strict(BaseModel):
    """A table of the suite; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Minimum(_Strict):
    """Notes that every model must answer in one way."""

    name: str
    expect: Literal["not turned away", "not cleared", "vetoed"]
    notes: list[str]


class Invariance(_Strict):
    """Notes with slots, and values for them that may change the probability by at most `bound`."""

    name: str
    bound: float
    notes: list[str]
    values: list[str | dict[str, str]]


class Direction(_Strict):
    """Words that, added to any base note, may change the probability in one direction only, within `slack`."""

    name: str
    expect: Literal["not higher", "not lower"]
    slack: float
    add: list[str]


class Bases(_Strict):
    """The notes that words are added to."""

    notes: list[str]


class Suite(_Strict):
    """All behaviour tests."""

    minimum: list[Minimum]
    invariance: list[Invariance]
    direction: list[Direction]
    bases: Bases


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The result of one test: its cases, its failures, the largest change of the probability and the bound on it."""

    kind: str
    name: str
    cases: int
    failures: int
    worst: float
    bound: float

    @property
    def holds(self) -> bool:
        """Return whether no case failed."""
        return self.failures == 0


def load_suite(path: Path = SUITE) -> Suite:
    """Return the suite of a TOML file; raise `InvalidConfig` naming the key at fault."""
    return validated(Suite, read_toml(path), remedy="see pipelines/evaluation/behaviour.toml")


def behaviours(router: Router, suite: Path = SUITE, *, slack: float = 1.0) -> list[Behaviour]:
    """Return the results of the whole suite through the Router, its bounds times `slack`; a veto counts as probability 0."""
    tests = load_suite(suite)
    return [
        *(_minimum(router, test) for test in tests.minimum),
        *(_invariance(router, test, slack) for test in tests.invariance),
        *(_direction(router, test, tests.bases.notes, slack) for test in tests.direction),
    ]


def _minimum(router: Router, test: Minimum) -> Behaviour:
    """Return the result of a minimum test: the notes that were answered wrongly."""
    failures = sum(_WRONG[test.expect](_decide(router, note)) for note in test.notes)
    return Behaviour("minimum", test.name, len(test.notes), failures, float(failures), 0.0)


def _invariance(router: Router, test: Invariance, slack: float) -> Behaviour:
    """Return the result of an invariance test: how far the values of the slots change the probability of each note."""
    changes = []
    for note in test.notes:
        chances = [_chance(router, note.format(**_slots(value))) for value in test.values]
        changes.append(max(chances) - min(chances))
    return _within("invariance", test.name, changes, bound=test.bound * slack)


def _direction(router: Router, test: Direction, bases: list[str], slack: float) -> Behaviour:
    """Return the result of a direction test: how far added words change the probability in the wrong direction."""
    sign = 1.0 if test.expect == "not higher" else -1.0
    changes = [
        sign * (_chance(router, longer) - _chance(router, base))
        for base, added in itertools.product(bases, test.add)
        for longer in _both_ends(base, added)
    ]
    return _within("direction", test.name, changes, bound=test.slack * slack)


def _within(kind: str, name: str, changes: list[float], *, bound: float) -> Behaviour:
    """Return the result of a test whose changes of the probability must stay within a bound."""
    return Behaviour(kind, name, len(changes), sum(change > bound for change in changes), max(changes), bound)


def _both_ends(base: str, added: str) -> Iterator[str]:
    """Yield a note with words added at its end, and one with them at its start."""
    yield f"{base}, {added}"
    yield f"{added}, {base}"


def _slots(value: str | dict[str, str]) -> dict[str, str]:
    """Return the values of a note's slots by name."""
    return value if isinstance(value, dict) else {"x": value}


def _decide(router: Router, note: str) -> Decision:
    """Return the decision for a note without any other field."""
    return router.decide(Call(narrative=" ".join(note.split())))


def _chance(router: Router, note: str) -> float:
    """Return the probability of eligible, 0 for a veto."""
    decision = _decide(router, note)
    return 0.0 if decision.vetoed else decision.eligible_probability or 0.0
