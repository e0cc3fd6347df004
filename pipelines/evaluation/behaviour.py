"""Test how a candidate behaves (CheckList): what it must get right, what must not move it, and which way danger moves it."""

import itertools
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.call import Call
from models.decision import Decision, Recommendation
from models.router import Router

SUITE = Path(__file__).with_name("behaviour.toml")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Hold one test: how many cases, how many failed, the worst move measured and the bound on it."""

    kind: str
    name: str
    cases: int
    failures: int
    worst: float
    bound: float

    @property
    def holds(self) -> bool:
        """Tell whether the candidate behaves."""
        return self.failures == 0


def behaviours(router: Router, suite: Path = SUITE) -> list[Behaviour]:
    """Run the whole suite through the Router, where vetoed calls count as probability nought."""
    told: dict[str, Any] = tomllib.loads(suite.read_text(encoding="utf-8"))
    return [
        *(_minimum(router, test) for test in told["minimum"]),
        *(_invariance(router, test) for test in told["invariance"]),
        *(_direction(router, test, told["bases"]["notes"]) for test in told["direction"]),
    ]


def _minimum(router: Router, test: Mapping[str, Any]) -> Behaviour:
    """Check what any candidate must get right."""
    checks: dict[str, Callable[[Decision], bool]] = {
        "not turned away": lambda decision: decision.recommendation is Recommendation.NOT_ELIGIBLE,
        "not cleared": lambda decision: decision.recommendation is Recommendation.ELIGIBLE,
        "vetoed": lambda decision: not decision.vetoed,
    }
    wrong = checks[test["expect"]]
    failures = sum(wrong(_decide(router, note)) for note in test["notes"])
    return Behaviour("minimum", test["name"], len(test["notes"]), failures, float(failures), 0.0)


def _invariance(router: Router, test: Mapping[str, Any]) -> Behaviour:
    """Check that swapping what should not matter hardly moves the probability."""
    moves = []
    for note in test["notes"]:
        chances = [_chance(router, note.format(**_slots(value))) for value in test["values"]]
        moves.append(max(chances) - min(chances))
    bound = float(test["bound"])
    return Behaviour("invariance", test["name"], len(moves), sum(move > bound for move in moves), max(moves), bound)


def _direction(router: Router, test: Mapping[str, Any], bases: list[str]) -> Behaviour:
    """Check that added words move the probability only the right way, wherever they stand."""
    sign = 1.0 if test["expect"] == "not higher" else -1.0
    moves = [
        sign * (_chance(router, longer) - _chance(router, base))
        for base, added in itertools.product(bases, test["add"])
        for longer in _both_ways(base, added)
    ]
    bound = float(test["slack"])
    return Behaviour("direction", test["name"], len(moves), sum(move > bound for move in moves), max(moves), bound)


def _both_ways(base: str, added: str) -> Iterator[str]:
    """Put words after a note and before it."""
    yield f"{base}, {added}"
    yield f"{added}, {base}"


def _slots(value: Any) -> dict[str, str]:
    """Return what fills a note's slots."""
    return dict(value) if isinstance(value, dict) else {"x": str(value)}


def _decide(router: Router, note: str) -> Decision:
    """Decide a bare note, its questions answered as for a calm call."""
    return router.decide(Call(narrative=" ".join(note.split())))


def _chance(router: Router, note: str) -> float:
    """Return the probability of eligible, nought for a veto."""
    decision = _decide(router, note)
    return 0.0 if decision.vetoed else decision.eligible_probability or 0.0
