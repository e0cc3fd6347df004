"""Simulate units, shifts, travel and service (SimPy): what share of the calls is answered, after what wait, at what cost."""

import tomllib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import simpy

from models.errors import InvalidConfig

SETTINGS = Path(__file__).with_name("simulation.toml")
_SPREAD = 0.5
_MOST_TEAMS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPlan:
    """Hold one unit: its teams, hours (from, until), zones (`None` is all), and means of travel and service in minutes."""

    unit: str
    teams: int
    hours: tuple[int, int]
    zones: tuple[str, ...] | None
    travel: float
    service: float
    cost_per_hour: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold a way of staffing a city; `patience` is how long a call waits for a team, in minutes."""

    name: str
    patience: float
    units: tuple[UnitPlan, ...]


@dataclass(slots=True)
class Simulated:
    """Hold what one unit did: means over the replications, with the lowest and the highest."""

    unit: str
    teams: int
    calls: int
    within_reach: int
    answered_a_day: tuple[float, float, float]
    share: tuple[float, float, float]
    wait: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0))
    wait_90: float = 0.0
    busy: float = 0.0
    cost_per_call: float = 0.0
    teams_for_target: int | None = None


def load_plans(path: Path = SETTINGS) -> tuple[list[Plan], float, int]:
    """Read plans, the target and the number of replications; raise `InvalidConfig`."""
    try:
        told: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        target, runs = float(told.pop("target")), int(told.pop("replications"))
        plans = [Plan(name, float(plan["patience"]), tuple(map(_unit, plan["units"]))) for name, plan in told.items()]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise InvalidConfig("the simulation's settings cannot be read", value=str(path), remedy=repr(error)) from None
    return plans, target, runs


def simulate(calls: pd.DataFrame, plan: Plan, *, days: float, target: float, replications: int) -> list[Simulated]:
    """Simulate every unit of a plan over eligible calls with the columns response, zone, minute and hour (local)."""
    made = []
    for unit in plan.units:
        mine = calls[calls["response"] == unit.unit]
        within = mine[_within(mine, unit)].sort_values("minute")
        result = _result(within, unit, plan.patience, days=days, replications=replications)
        result.calls = len(mine)
        result.teams_for_target = _needed(within, unit, plan.patience, days=days, target=target)
        made.append(result)
    return made


def _within(calls: pd.DataFrame, unit: UnitPlan) -> pd.Series:
    """Tell which calls come while a unit is on duty and from where it goes."""
    on_duty = (calls["hour"] >= unit.hours[0]) & (calls["hour"] < unit.hours[1])
    return on_duty if unit.zones is None else on_duty & calls["zone"].isin(unit.zones)


def _result(within: pd.DataFrame, unit: UnitPlan, patience: float, *, days: float, replications: int) -> Simulated:
    """Run the replications of one unit."""
    minutes = within["minute"].to_numpy(dtype=float)
    runs = [_run(minutes, unit, patience, seed=seed) for seed in range(replications)]
    answered = [len(waits) for waits, _ in runs]
    hours = days * (unit.hours[1] - unit.hours[0]) * unit.teams
    means = [float(np.mean(waits)) if len(waits) else 0.0 for waits, _ in runs]
    return Simulated(
        unit=unit.unit,
        teams=unit.teams,
        calls=0,
        within_reach=len(minutes),
        answered_a_day=_spread([n / days for n in answered]),
        share=_spread([n / max(1, len(minutes)) for n in answered]),
        wait=_spread(means),
        wait_90=float(np.mean([np.quantile(waits, 0.9) if len(waits) else 0.0 for waits, _ in runs])),
        busy=float(np.mean([spent for _, spent in runs])) / 60 / hours,
        cost_per_call=hours * unit.cost_per_hour / max(1.0, float(np.mean(answered))),
    )


def _run(minutes: Any, unit: UnitPlan, patience: float, *, seed: int) -> tuple[list[float], float]:
    """Simulate one year of one unit; return the waits of the answered calls, travel included, and the minutes spent."""
    rng = np.random.default_rng(seed)
    environment = simpy.Environment()
    teams = simpy.Resource(environment, capacity=unit.teams)
    waits: list[float] = []
    spent = [0.0]

    def call(at: float) -> Generator[Any, Any, None]:
        yield environment.timeout(at - environment.now)
        with teams.request() as asked:
            yield asked | environment.timeout(patience)
            if not asked.triggered:
                return  # nobody came free in time: police take it
            travel, service = _drawn(rng, unit.travel), _drawn(rng, unit.service)
            waits.append(environment.now - at + travel / 2)
            spent[0] += travel + service
            yield environment.timeout(travel + service)

    start = float(minutes[0]) if len(minutes) else 0.0
    for at in minutes:
        environment.process(call(float(at) - start))
    environment.run()
    return waits, spent[0]


def _needed(within: pd.DataFrame, unit: UnitPlan, patience: float, *, days: float, target: float) -> int | None:
    """Return the fewest teams that answer the target's share of the calls within reach."""
    low, high = 1, _MOST_TEAMS
    if not len(within) or _result(within, replace(unit, teams=high), patience, days=days, replications=1).share[0] < target:
        return None
    while low < high:
        middle = (low + high) // 2
        met = _result(within, replace(unit, teams=middle), patience, days=days, replications=1).share[0] >= target
        low, high = (low, middle) if met else (middle + 1, high)
    return low


def _drawn(rng: np.random.Generator, mean: float) -> float:
    """Draw a time around a mean: lognormal, as service times are."""
    return 0.0 if mean <= 0 else float(rng.lognormal(np.log(mean) - _SPREAD**2 / 2, _SPREAD))


def _spread(values: list[float]) -> tuple[float, float, float]:
    """Return the mean, the lowest and the highest."""
    return float(np.mean(values)), min(values), max(values)


def _unit(told: dict[str, Any]) -> UnitPlan:
    """Read one unit; raise `KeyError` or `TypeError` where it is wrong."""
    known = {each.name for each in fields(UnitPlan)}
    if set(told) != known:
        raise KeyError(sorted(set(told) ^ known))
    zones = None if told["zones"] == "all" else tuple(told["zones"])
    return UnitPlan(**{**told, "hours": tuple(told["hours"]), "zones": zones})


def lines(plan: Plan, found: list[Simulated], *, target: float) -> Iterator[str]:
    """Yield what a plan would do."""
    yield f"plan {plan.name}: calls wait at most {plan.patience:g} minutes; mean of the replications (lowest to highest)"
    for one in found:
        share, day, wait = one.share, one.answered_a_day, one.wait
        name = one.unit.replace("_", " ")
        yield f"  {name}, {one.teams} teams: {one.within_reach:,} of {one.calls:,} eligible calls within reach"
        yield (
            f"    answered {share[0]:.1%} of these ({share[1]:.1%} to {share[2]:.1%}), "
            f"{day[0]:.1f} a day ({day[1]:.1f} to {day[2]:.1f})"
        )
        needed = one.teams_for_target if one.teams_for_target is not None else f"more than {_MOST_TEAMS}"
        yield (
            f"    wait {wait[0]:.1f} minutes, 90th percentile {one.wait_90:.1f}; busy {one.busy:.0%}; "
            f"${one.cost_per_call:,.0f} a call; teams for {target:.0%}: {needed}"
        )
