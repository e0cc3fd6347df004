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
"""Characters of a licence's name; a longer text is the licence itself."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A package, its version and the licence that it states."""

    package: str
    version: str
    licence: str


def pinned(lock: Path) -> list[tuple[str, str]]:
    """Return the packages of a lock file with their versions; raise `InvalidData` where it cannot be read or pins none."""
    try:
        pins = _PIN.findall(lock.read_text(encoding="utf-8"))
    except OSError:
        pins = []
    if not pins:
        raise InvalidData("no lock file with pinned packages", value=str(lock), remedy="write it with make lock")
    return pins


def licences(lock: Path) -> Iterator[Licence]:
    """Yield the licence of each package that a lock file pins; it is unknown where that version is not installed."""
    for package, version in pinned(lock):
        yield Licence(package, version, _stated(package, version))


def _stated(package: str, version: str) -> str:
    """Return the licence in a package's metadata: its SPDX expression, or its classifiers, or its short free text."""
    try:
        fields = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return UNKNOWN
    if fields["Version"] != version:
        return UNKNOWN
    names = [line.rsplit(" :: ", 1)[-1] for line in fields.get_all("Classifier") or [] if line.startswith("License ::")]
    text = (fields["License"] or "").strip() if "License" in fields else ""
    expressions = fields.get_all("License-Expression") or [""]
    return expressions[0] or "; ".join(names) or (text if text and len(text) <= _LONGEST and "\n" not in text else UNKNOWN)
