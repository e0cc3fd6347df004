"""The licences of the packages that a lock file pins, as each package states them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from models.errors import InvalidData

UNKNOWN = "not stated"
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^\s;]+)", re.IGNORECASE | re.MULTILINE)
_LONGEST = 80
"""A longer text is the whole licence in the place of its name."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A package, its version and the licence that it states."""

    package: str
    version: str
    licence: str


def pinned(lock: Path) -> list[tuple[str, str]]:
    """Return the packages of a lock file with their versions; raise `InvalidData` where it cannot be read or has none."""
    try:
        pins = _PIN.findall(lock.read_text(encoding="utf-8"))
    except OSError:
        pins = []
    if not pins:
        raise InvalidData("no lock file with pinned packages", value=str(lock), remedy="make lock writes it")
    return pins


def licences(lock: Path) -> Iterator[Licence]:
    """Yield the licence of each package that a lock file pins; one that is not installed in that version states none."""
    for package, version in pinned(lock):
        yield Licence(package, version, _stated(package, version))


def _stated(package: str, version: str) -> str:
    """Return the licence in a package's metadata: an SPDX expression, or else its classifiers, or else its own words."""
    try:
        found = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return UNKNOWN
    if found["Version"] != version:
        return UNKNOWN
    names = [line.rsplit(" :: ", 1)[-1] for line in found.get_all("Classifier") or [] if line.startswith("License ::")]
    own = (found["License"] or "").strip() if "License" in found else ""
    expressions = found.get_all("License-Expression") or [""]
    return expressions[0] or "; ".join(names) or (own if own and len(own) <= _LONGEST and "\n" not in own else UNKNOWN)
