"""Make a decision again with the exact parts that made it, and say field by field whether it comes out the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from models.call import Call
from models.classifier import bundle as bundles
from models.errors import InvalidConfig, InvalidData
from models.ledger import archive
from models.ledger.records import decision_content
from models.ledger.store import Ledger
from models.programs.program import load_program
from models.router import Router
from models.text.normalize import TEXT_VERSION
from models.veto import rulebook
from models.veto.matcher import Rulebook

FIELDS = (
    "recommendation", "response", "care_navigation", "eligible_probability", "risk_probability", "risk_interval",
    "risk_band", "availability", "missing", "codes", "rules", "versions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replay:
    """Hold one decision made again: each field that differs, as it was and as it is."""

    decision_id: str
    differs: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Tell whether every field came out the same."""
        return not self.differs


class Replayer:
    """Make decisions again; hold the parts that were loaded already."""

    def __init__(self, ledger: Ledger, kept: Path) -> None:
        """Keep the ledger, and the folder of parts by their versions."""
        self._ledger, self._kept = ledger, kept
        self._routers: dict[tuple[str, ...], tuple[bundles.Bundle | None, Any, Rulebook]] = {}

    def replay(self, content: Mapping[str, Any], note: str | None = None) -> Replay:
        """Make one decision again; raise `InvalidData` where its note or one of its parts is not at hand."""
        note = self._note(content, note)
        bundle, program, book = self._parts(content["versions"])
        decided = datetime.fromisoformat(content["decided_at"])
        router = Router(
            bundle=bundle, program=program, rulebook=book, now=lambda: decided, new_id=lambda: str(content["decision_id"])
        )
        call = Call.from_record(dict(content["call"]) | {"narrative": note, "call_id": content["call_id"]})
        again = decision_content(call, router.decide(call), fingerprint="", actor="", via="")
        pairs = {name: (content[name], again[name]) for name in FIELDS}
        return Replay(str(content["decision_id"]), {name: pair for name, pair in pairs.items() if pair[0] != pair[1]})

    def _note(self, content: Mapping[str, Any], given: str | None) -> str:
        """Return the note that was decided on: the one given, if it is the same, or the one that is kept."""
        name = content["decision_id"]
        note = given if given is not None else self._ledger.note(str(name))
        if note is None and content["note"]["characters"] == 0:
            note = ""
        if note is None:
            raise InvalidData("the note was not kept, or is purged", value=name, remedy="give it with --note")
        if self._ledger.safe.fingerprint(note) != content["note"]["fingerprint"]:
            raise InvalidData("this is not the note that was decided on", value=name, remedy="give the same")
        return note

    def _parts(self, versions: Mapping[str, str]) -> tuple[bundles.Bundle | None, Any, Rulebook]:
        """Return the exact parts of a decision; raise `InvalidData` where one is not kept."""
        if versions["text"] != TEXT_VERSION:
            remedy = f"replay it with a release of text {versions['text']}"
            raise InvalidData("another release read this note", value=versions["text"], remedy=remedy)
        key = (versions["model"], versions["program"], versions["rulebook"])
        if key not in self._routers:
            bundle = None
            if versions["model"] != "none":
                folder = archive.find(self._kept, "bundle", versions["model"])
                bundle = bundles.load(folder, expected_digest=versions["model"])
            data = rulebook.load(archive.find(self._kept, "rulebook", versions["rulebook"]))
            program = load_program(archive.find(self._kept, "program", versions["program"]))
            for part, version in ((data.version, versions["rulebook"]), (program.version, versions["program"])):
                if part != version:
                    raise InvalidConfig("a kept part was changed", value=part, remedy=f"restore {version}")
            self._routers[key] = (bundle, program, Rulebook(data))
        return self._routers[key]
