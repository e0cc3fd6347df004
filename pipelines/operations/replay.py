"""Replay: a recorded decision made again with the same model, rules and program, and compared field by field."""

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
from models.veto import VetoMatcher, rulebook

FIELDS = (
    "recommendation", "response", "with_ems", "care_navigation", "eligible_probability", "danger_probability",
    "medical_probability", "self_harm_probability", "risk_probability", "risk_interval",
    "risk_band", "availability", "missing", "codes", "rules", "versions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of one replay: each field that differs, with its recorded and its new value."""

    decision_id: str
    differs: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Return whether no field differs."""
        return not self.differs


class Replayer:
    """A replayer of a ledger's decisions, which loads each model, rulebook and program once."""

    def __init__(self, ledger: Ledger, archive_folder: Path) -> None:
        """Store the ledger and the folder of archived parts."""
        self._ledger, self._archive = ledger, archive_folder
        self._parts_by_version: dict[tuple[str, ...], tuple[bundles.Bundle | None, Any, VetoMatcher]] = {}

    def replay(self, content: Mapping[str, Any], note: str | None = None) -> Replay:
        """Return the replay of one decision's ledger entry; raise `InvalidData` where its note or a part is missing."""
        note = self._note(content, note)
        bundle, program, matcher = self._parts(content["versions"])
        decided_at, decision_id = datetime.fromisoformat(content["decided_at"]), str(content["decision_id"])
        router = Router(bundle=bundle, program=program, matcher=matcher, now=lambda: decided_at, new_id=lambda: decision_id)
        call = Call.from_record(dict(content["call"]) | {"narrative": note, "call_id": content["call_id"]})
        decision = router.decide(call, attended=bool(content.get("attended")))
        again = decision_content(call, decision, fingerprint="", actor="", via="")
        pairs = {name: (content[name], again[name]) for name in FIELDS}
        return Replay(decision_id, {name: pair for name, pair in pairs.items() if pair[0] != pair[1]})

    def _note(self, content: Mapping[str, Any], note: str | None) -> str:
        """Return the note that was decided on: `note` where it is the same, or the one in the ledger."""
        decision_id = content["decision_id"]
        if note is None:
            note = self._ledger.note(str(decision_id))
        if note is None and content["note"]["characters"] == 0:
            note = ""
        if note is None:
            raise InvalidData("the note was not kept, or is purged", value=decision_id, remedy="give it with --note")
        if self._ledger.encryption.fingerprint(note) != content["note"]["fingerprint"]:
            raise InvalidData("this is not the note that was decided on", value=decision_id, remedy="give the same note")
        return note

    def _parts(self, versions: Mapping[str, str]) -> tuple[bundles.Bundle | None, Any, VetoMatcher]:
        """Return the bundle, program and matcher of a decision; raise `InvalidData` where one is not archived."""
        if versions["text"] != TEXT_VERSION:
            remedy = f"replay it with a release of text {versions['text']}"
            raise InvalidData("the note was read by another release", value=versions["text"], remedy=remedy)
        key = (versions["model"], versions["program"], versions["rulebook"])
        if key not in self._parts_by_version:
            bundle = None
            if versions["model"] != "none":
                folder = archive.find(self._archive, "bundle", versions["model"])
                bundle = bundles.load(folder, expected_digest=versions["model"])
            data = rulebook.load(archive.find(self._archive, "rulebook", versions["rulebook"]))
            program = load_program(archive.find(self._archive, "program", versions["program"]))
            for part, version in ((data.version, versions["rulebook"]), (program.version, versions["program"])):
                if part != version:
                    raise InvalidConfig("an archived part was changed", value=part, remedy=f"restore {version}")
            self._parts_by_version[key] = (bundle, program, VetoMatcher(data))
        return self._parts_by_version[key]
