"""Simulation of units, shifts, travel and service (SimPy): the share of calls answered, the wait and the cost."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import simpy
from pydantic import Field

from models.common.config import read_toml
from models.errors import InvalidConfig
from pipelines.settings import Positive, Share, strict_dataclass, validated

SETTINGS = Path(__file__).with_name("simulation.toml")
_SPREAD = 0.5
_MOST_TEAMS = 60

Minutes = Annotated[float, Field(ge=0)]
Hour = Annotated[int, Field(ge=0, le=24)]


@strict_dataclass
class UnitPlan:
    """One unit: teams, zones (`all` or a list), mean travel and service in minutes, and cost.

    `hours` are the hours of duty (from, until) in local time; `[21, 10]` is a shift over midnight.
    """

    unit: str
    teams: Positive
    hours: tuple[Hour, Hour]
    zones: tuple[str, ...] | Literal["all"]
    travel: Minutes
    service: Minutes
    cost_per_hour: Annotated[float, Field(ge=0)]

    @property
    def hours_a_day(self) -> int:
        """Return the hours of duty in a day; a shift may pass midnight."""
        return (self.hours[1] - self.hours[0]) % 24 or 24


@strict_dataclass
class Plan:
    """A way of staffing a city; `patience` is how many minutes a call waits for a team."""

    patience: Minutes
    units: tuple[UnitPlan, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Simulated:
    """The result of one unit: means over the replications, each with the lowest and the highest; waits in minutes."""

    unit: str
    teams: int
    calls: int
    within_reach: int
    answered_a_day: tuple[float, float, float]
    share: tuple[float, float, float]
    wait: tuple[float, float, float]
    wait_90: float
    busy: float
    cost_per_call: float
    teams_for_target: int | None


def load_plans(path: Path = SETTINGS) -> tuple[list[Plan], float, int]:
    """Return the plans, the target share and the number of replications of a TOML file; raise `InvalidConfig`."""
    table = read_toml(path)
    remedy = "see pipelines/operations/simulation.toml"
    try:
        target, replications = table.pop("target"), table.pop("replications")
    except KeyError as error:
        raise InvalidConfig("missing key in config", value=str(error), remedy=remedy) from None
    plans = validated(dict[str, Plan], table, remedy=remedy)
    return (
        [replace(plan, name=name) for name, plan in plans.items()],
        validated(Share, target, remedy=remedy),
        validated(Positive, replications, remedy=remedy),
    )


def simulate(calls: pd.DataFrame, plan: Plan, *, days: float, target: float, replications: int) -> list[Simulated]:
    """Return the result of every unit of a plan on eligible calls (response, zone, minute and local hour)."""
    results = []
    for unit in plan.units:
        own = calls[calls["response"] == unit.unit]
        within = own[_within(own, unit)].sort_values("minute")
        result = _result(within, unit, plan.patience, days=days, replications=replications)
        needed = _needed(within, unit, plan.patience, days=days, target=target)
        results.append(replace(result, calls=len(own), teams_for_target=needed))
    return results


def _within(calls: pd.DataFrame, unit: UnitPlan) -> pd.Series:
    """Return which calls come in during a unit's hours and from its zones."""
    on_duty = (calls["hour"] - unit.hours[0]) % 24 < unit.hours_a_day
    return on_duty if unit.zones == "all" else on_duty & calls["zone"].isin(unit.zones)


def _result(within: pd.DataFrame, unit: UnitPlan, patience: float, *, days: float, replications: int) -> Simulated:
    """Return the means over the replications of one unit."""
    minutes = within["minute"].to_numpy(dtype=float)
    runs = [_run(minutes, unit, patience, seed=seed) for seed in range(replications)]
    answered = [len(waits) for waits, _ in runs]
    hours = days * unit.hours_a_day * unit.teams
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
        teams_for_target=None,
    )


def _run(minutes: Any, unit: UnitPlan, patience: float, *, seed: int) -> tuple[list[float], float]:
    """Simulate one unit once; return the waits of the answered calls, travel included, and the minutes its teams worked."""
    rng = np.random.default_rng(seed)
    environment = simpy.Environment()
    teams = simpy.Resource(environment, capacity=unit.teams)
    waits: list[float] = []
    spent = [0.0]

    def call(at: float) -> Generator[Any, Any, None]:
        yield environment.timeout(at - environment.now)
        with teams.request() as request:
            yield request | environment.timeout(patience)
            if not request.triggered:
                return  # no team became free in time: police take the call
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
    """Return the fewest teams that answer the target share of calls within reach; `None` where `_MOST_TEAMS` do not."""
    low, high = 1, _MOST_TEAMS
    if not len(within) or _result(within, replace(unit, teams=high), patience, days=days, replications=1).share[0] < target:
        return None
    while low < high:
        middle = (low + high) // 2
        enough = _result(within, replace(unit, teams=middle), patience, days=days, replications=1).share[0] >= target
        low, high = (low, middle) if enough else (middle + 1, high)
    return low


def _drawn(rng: np.random.Generator, mean: float) -> float:
    """Return a random time around a mean: lognormal, as service times are."""
    return 0.0 if mean <= 0 else float(rng.lognormal(np.log(mean) - _SPREAD**2 / 2, _SPREAD))


def _spread(values: list[float]) -> tuple[float, float, float]:
    """Return the mean, the lowest and the highest."""
    return float(np.mean(values)), min(values), max(values)


def lines(plan: Plan, results: list[Simulated], *, target: float) -> Iterator[str]:
    """Yield the results of a plan as lines of text."""
    yield f"plan {plan.name}: calls wait at most {plan.patience:g} minutes; mean of the replications (lowest to highest)"
    for unit in results:
        share, day, wait = unit.share, unit.answered_a_day, unit.wait
        name = unit.unit.replace("_", " ")
        yield f"  {name}, {unit.teams} teams: {unit.within_reach:,} of {unit.calls:,} eligible calls within reach"
        yield (
            f"    answered {share[0]:.1%} of these ({share[1]:.1%} to {share[2]:.1%}), "
            f"{day[0]:.1f} a day ({day[1]:.1f} to {day[2]:.1f})"
        )
        needed = unit.teams_for_target if unit.teams_for_target is not None else f"more than {_MOST_TEAMS}"
        yield (
            f"    wait {wait[0]:.1f} minutes, 90th percentile {unit.wait_90:.1f}; busy {unit.busy:.0%}; "
            f"${unit.cost_per_call:,.0f} a call; teams for {target:.0%}: {needed}"
        )
