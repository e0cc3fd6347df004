"""Write the model card and system record from what the runs left behind; nothing is claimed that has no evidence file."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.classifier.bundle import read_manifest
from models.programs.program import Program
from pipelines.operations.publish import rendered
from pipelines.release import history as releases

ITEMS, PROJECT = Path(__file__).with_name("card.toml"), Path(__file__).parents[2]
INTENDED = (
    "to suggest to a call-taker or clinician in a 911 centre, while a call is taken, whether an alternative-response "
    "program should answer it, which unit, and how risky it looks"
)
MISUSE = (
    "to dispatch anyone without a person's decision", "to decide about a person, their record, their custody or their care",
    "on a city's calls before it was trained and judged on that city's calls", "to measure or rank call-takers",
    "where notes are written by machines that nobody checks",
)  # fmt: skip
LIMITS = (
    "the promise on false clears holds for calls like those of the certification block",
    "risk is known only where a team went",
    "a misspelt key word loses its weight with the classifier; the veto reads through slips",
    "in doubt it says REVIEW: that is a person's work and not an error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """Hold one item of the record, and which of its evidence files are there."""

    article: str
    nist: str
    item: str
    found: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def shown(self) -> bool:
        """Tell whether the item has all its evidence."""
        return not self.absent


def items(runs: Path, project: Path = PROJECT) -> list[Item]:
    """Return every item with the evidence that is there and that is not."""
    made = []
    for told in tomllib.loads(ITEMS.read_text(encoding="utf-8"))["items"]:
        root = runs if told["root"] == "runs" else project
        there = [name for name in told["evidence"] if (root / name).is_file()]
        gone = [name for name in told["evidence"] if name not in there]
        made.append(Item(told["article"], told["nist"], told["item"], tuple(there), tuple(gone)))
    return made


def card(runs: Path, bundle: Path, program: Program, *, accountable: str, project: Path = PROJECT) -> dict[str, Any]:
    """Gather the card from the manifest, the release history and the last report; what is missing is said to be."""
    manifest = read_manifest(bundle)
    history = releases.read(runs)
    report = runs / "report.json"
    told = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else None
    same = told is not None and told["versions"]["model"] == manifest["digest"]
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
        "report": told if same else None,
        "items": items(runs, project),
    }


def to_html(told: dict[str, Any]) -> str:
    """Write the card as one page."""
    return rendered("card.html", card=told)
