"""The material that the corpus is written from: phrases, the city and the scenarios, read from TOML and validated."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import InvalidConfig

CORPUS_PATH = Path(__file__).with_name("corpus.toml")
SCENARIOS_PATH = Path(__file__).with_name("scenarios")

Phrases = list[str]
Weights = dict[str, float]


class _Entry(BaseModel):
    """An entry of the material: immutable, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Scenario(_Entry):
    """A kind of call: how often it occurs, how it is told, and what its scenes mean for the labels.

    `kind` is the program's call type that such calls belong to, the name where none is set. `danger`, `medical` and
    `self_harm` hold for every scene of the scenario: a weapon, violence or a threat; an ambulance needed first; an attempt
    under way or imminent. `obstacle` is how often a fact takes a call out of the program's hands, `crisis` how often a call
    of another kind is about a person whom a program takes, `adverse` how often a team that went met an adverse event.
    """

    name: str
    kind: str = ""
    cites: str = Field(min_length=20)
    share: float = Field(gt=0)
    obstacle: float | None = Field(default=None, ge=0, le=1)
    crisis: float = Field(default=0, ge=0, le=1)
    adverse: float = Field(default=0, ge=0, le=1)
    danger: bool = False
    medical: bool = False
    self_harm: bool = False
    response: Weights
    types: Weights
    hours: Literal["all", "day", "evening", "night"]
    places: Phrases = Field(min_length=1)
    first: Phrases = []
    cores: Phrases = Field(min_length=1)
    details: Phrases = []
    protocol: Phrases = []

    @property
    def call_kind(self) -> str:
        """Return the program's call type of the scenario."""
        return self.kind or self.name

    @property
    def ordinary(self) -> bool:
        """Return whether nothing in the scenario itself forbids an unarmed team."""
        return not (self.danger or self.medical or self.self_harm)


class Zone(_Entry):
    """A zone of the city: its share of all calls, and how much above the average its calls are the program's."""

    calls: float = Field(gt=0)
    program: float = Field(gt=0)
    streets: Phrases


class Material(_Entry):
    """Everything that the corpus is written from."""

    slots: dict[str, Phrases]
    city: dict[str, Zone]
    hours: dict[str, list[float]]
    style: dict[str, Phrases]
    abbreviations: dict[str, str]
    call_types: dict[str, Phrases]
    facts: dict[str, dict[str, Phrases]]
    weights: dict[str, Weights]
    shares: dict[str, float]
    scenario: list[Scenario]


@lru_cache(maxsize=1)
def load_material() -> Material:
    """Return the shipped material; raise `InvalidConfig` naming the entry that is not valid."""
    raw = _read(CORPUS_PATH)
    raw["scenario"] = [entry for path in sorted(SCENARIOS_PATH.glob("*.toml")) for entry in _read(path)["scenario"]]
    try:
        return Material.model_validate(raw)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    where = ".".join(map(str, fault["loc"]))
    raise InvalidConfig(f"the corpus material is not valid at {where}", value=fault["msg"], remedy="mend pipelines/corpus")


def _read(path: Path) -> dict[str, Any]:
    """Return a TOML file's table."""
    return tomllib.loads(path.read_text(encoding="utf-8"))
