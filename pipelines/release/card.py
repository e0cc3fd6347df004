"""The model card and system record, written from the files of the runs; a duty without its evidence is marked."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from models.classifier.bundle import read_manifest
from models.common.config import read_toml
from models.decision import RiskBand
from models.programs.program import Program
from models.statistics import Estimate
from pipelines.evaluation.pages import render
from pipelines.release import history as releases
from pipelines.release.crosswalk import load_guidelines, load_matrices
from pipelines.settings import strict_dataclass, validated

ITEMS, PROJECT = Path(__file__).with_name("card.toml"), Path(__file__).parents[2]
INTENDED = (
    "to suggest to a call-taker or clinician in a 911 centre, while a call is taken, whether an alternative-response "
    "program should answer it, which unit, and how risky it looks"
)
MISUSE = (
    "to dispatch anyone without a person's decision", "to decide about a person, their record, their custody or their care",
    "on a city's calls before it was trained and measured on that city's calls", "to measure or rank call-takers",
    "where notes are written by machines that nobody checks",
)  # fmt: skip
LIMITS = (
    "the promise on false clears holds for calls like those of the certification block",
    "risk is known only where a team went",
    "a misspelt key word loses its weight in the classifier; the veto recognises slips",
    "in doubt it answers REVIEW: a person decides, and that is not an error",
)  # fmt: skip


@strict_dataclass
class Duty:
    """One duty of the record: the article and function that require it, and the files that prove it, below `root`."""

    article: str
    nist: str
    item: str
    root: Literal["project", "runs"]
    evidence: tuple[str, ...]


@strict_dataclass
class Duties:
    """All duties of the record."""

    items: tuple[Duty, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence that exists: its file and, where one is named, the figure in it."""

    name: str
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One duty of the record, with the evidence that exists and the names of what is missing."""

    article: str
    nist: str
    item: str
    present: tuple[Evidence, ...]
    absent: tuple[str, ...]

    @property
    def shown(self) -> bool:
        """Return whether all evidence of the duty exists."""
        return not self.absent


def items(runs: Path, project: Path = PROJECT) -> list[Item]:
    """Return every duty with the evidence that exists and the names of what is missing."""
    duties = validated(Duties, read_toml(ITEMS), remedy="see pipelines/release/card.toml")
    return [_item(duty, runs if duty.root == "runs" else project) for duty in duties.items]


def _item(duty: Duty, root: Path) -> Item:
    """Return a duty with the evidence below a folder."""
    evidence = {name: _evidence(root, name) for name in duty.evidence}
    present = tuple(each for each in evidence.values() if each is not None)
    return Item(duty.article, duty.nist, duty.item, present, tuple(name for name, each in evidence.items() if each is None))


def _evidence(root: Path, name: str) -> Evidence | None:
    """Return a file, or a figure of a report (`FILE#FIGURE`) with its value; `None` where it is missing."""
    file, _, figure = name.partition("#")
    path = root / file
    if not path.is_file():
        return None
    if not figure:
        return Evidence(name)
    figures = json.loads(path.read_text(encoding="utf-8"))["evaluation"]["figures"]
    return Evidence(name, str(Estimate(**figures[figure]))) if figure in figures else None


def card(runs: Path, bundle: Path, program: Program, *, accountable: str, project: Path = PROJECT) -> dict[str, Any]:
    """Return the values of the card: from the manifest, the release history and the last report on this model."""
    manifest = read_manifest(bundle)
    history = releases.read(runs)
    return {
        "name": "Heartline",
        "program": program.name,
        "intended": INTENDED,
        "misuse": MISUSE,
        "limits": LIMITS,
        "accountable": accountable,
        "digest": manifest["digest"],
        "versions": manifest["versions"],
        "operating_point": manifest["operating_point"],
        "training": manifest["training"],
        "release": history[-1].line() if history else None,
        "report": _report(runs, str(manifest["digest"])),
        "items": items(runs, project),
        "guidelines": load_guidelines(),
        "matrices": load_matrices(),
        "bands": [str(band) for band in RiskBand],
    }


def _report(runs: Path, digest: str) -> dict[str, Any] | None:
    """Return the last report, or `None` where it is on another model."""
    path = runs / "report.json"
    if not path.is_file():
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report if report["versions"]["model"] == digest else None


def to_html(values: dict[str, Any]) -> str:
    """Return the card as one page."""
    return render("card.html", card=values)
