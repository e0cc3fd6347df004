"""The cross-walk of the system record: where reporting guidelines are answered, and risk bands in other systems' levels."""

from pathlib import Path

from models.common.config import read_toml
from pipelines.settings import strict_dataclass, validated

CROSSWALK = Path(__file__).with_name("crosswalk.toml")


@strict_dataclass
class GuidelineItem:
    """One item of a guideline: the files that answer it, and a note, which explains why where there are none."""

    item: str
    topic: str
    where: tuple[str, ...]
    note: str


@strict_dataclass
class Guideline:
    """A reporting guideline with its items."""

    name: str
    source: str
    items: tuple[GuidelineItem, ...]


@strict_dataclass
class Matrix:
    """Another system's levels for each risk band."""

    name: str
    source: str
    levels: dict[str, str]


@strict_dataclass
class Crosswalk:
    """All guidelines and matrices."""

    guidelines: tuple[Guideline, ...]
    matrices: tuple[Matrix, ...]


def load_guidelines() -> tuple[Guideline, ...]:
    """Return the guidelines; raise `InvalidConfig` naming the key at fault."""
    return _load().guidelines


def load_matrices() -> tuple[Matrix, ...]:
    """Return the matrices; raise `InvalidConfig` naming the key at fault."""
    return _load().matrices


def _load() -> Crosswalk:
    """Return the validated cross-walk."""
    return validated(Crosswalk, read_toml(CROSSWALK), remedy="see pipelines/release/crosswalk.toml")
