"""Turn what the ledger saw into labelled calls, and never take the model's own echo for a label.

A person who agreed with a suggestion they saw may only have followed it: that is no label. What counts is an override, a
judgement made without seeing the suggestion, and what came of the call. Each source has its own weight.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from models.call import Call
from models.decision import Recommendation
from models.errors import InvalidCall, InvalidData
from models.ledger.store import Ledger
from models.ledger.writer import Entry
from pipelines.data.table import LABEL_ROW, Table
from pipelines.settings import RetrainSettings

_BAD = frozenset({"injury", "force", "upgraded_to_police", "backup_requested", "felt_unsafe", "yes"})


@dataclass(slots=True)
class Harvest:
    """Hold the calls that use has labelled, and how many of each kind there were."""

    table: Table = field(default_factory=Table)
    counts: Counter[str] = field(default_factory=Counter)

    def lines(self) -> Iterable[str]:
        """Yield what was found, for a person to read."""
        seen = self.counts["agreed"] + self.counts["overrode"]
        yield f"{self.counts['decisions']} final decisions, {seen} judged, {self.counts['outcomes']} with an outcome"
        if seen:
            share = self.counts["agreed"] / seen
            yield f"agreed {self.counts['agreed']} ({share:.1%}), overrode {self.counts['overrode']}"
        for name in ("override", "clinician", "outcome"):
            yield f"labels by {name}: {self.counts[f'label {name}']}"
        yield f"not labels, because only the suggestion's echo: {self.counts['echo']}"
        yield f"left out, because their note is not at hand: {self.counts['no note']}"


def harvest(ledger: Ledger, notes: Mapping[str, str], *, entries: int | None = None) -> Harvest:
    """Join final decisions with people's judgements and outcomes; `notes` are narratives by CAD incident number.

    A note given by number must be the one that was decided on: its keyed hash is checked. Raises `InvalidData` where
    nothing could be labelled. Only the first `entries` entries count, where that is given.
    """
    decisions, said, came = _told(ledger, entries)
    found, labels = Harvest(), []
    found.counts |= Counter({"decisions": len(decisions), "outcomes": len(came)})
    for key, entry in decisions.items():
        labelled = _label(entry.content, said.get(key), came.get(key), found.counts)
        if labelled is None:
            continue
        call = _call(ledger, entry.content, notes)
        if call is None:
            found.counts["no note"] += 1
            continue
        found.counts[f"label {labelled['label_source']}"] += 1
        found.table.calls.append(call)
        labels.append(LABEL_ROW | labelled | {"row": entry.seq, "caller_key": entry.content.get("caller")})
    if not labels:
        raise InvalidData("nothing in the ledger is a label", remedy="; ".join(found.lines()))
    found.table.labels = pd.DataFrame.from_records(labels)
    return found


def _told(ledger: Ledger, entries: int | None) -> tuple[dict[str, Entry], dict[str, Any], dict[str, Any]]:
    """Return final decisions, the last judgement of each that was not withdrawn, and outcomes, by the decision's id."""
    decisions: dict[str, Entry] = {}
    said: dict[str, Any] = {}
    came: dict[str, Any] = {}
    for entry in ledger.read():
        if entries is not None and entry.seq > entries:
            break
        content, key = entry.content, str(entry.content["decision_id"])
        if content["kind"] == "decision" and content["final"]:
            decisions[key] = entry
        elif content["kind"] == "feedback":
            said[key] = None if content.get("withdrawn") else content  # the last word counts; all of them stay in the ledger
        elif content["kind"] == "outcome":
            came[key] = content
    return decisions, said, came


def joined(labelled: Table, used: Table) -> Table:
    """Return labelled calls and those that use has labelled as one table; what use says of a call goes before."""
    again = {call.call_id for call in used.calls if call.call_id}
    kept = [row for row, call in enumerate(labelled.calls) if call.call_id not in again]
    rows = [labelled.labels.iloc[kept], used.labels]
    calls = [labelled.calls[row] for row in kept] + used.calls
    return Table(calls, pd.concat(rows, ignore_index=True).astype(object), labelled.rejects)


def weights(labels: pd.DataFrame, settings: RetrainSettings) -> pd.Series:
    """Return the weight of each label by its source; one where it is not told."""
    table = {
        "adjudicated": settings.weight_adjudicated, "clinician": settings.weight_clinician,
        "override": settings.weight_override, "outcome": settings.weight_outcome,
    }  # fmt: skip
    return labels["label_source"].map(table).fillna(1.0).astype(float)


def _label(
    decision: Mapping[str, Any], said: Mapping[str, Any] | None, came: Mapping[str, Any] | None, counts: Counter[str]
) -> dict[str, Any] | None:
    """Return the label that use has given a decision, or nothing where it is an echo or was never judged."""
    adverse = None if came is None or not came.get("served") else came.get("adverse_event")
    known = None if adverse is None else adverse in _BAD
    if said is not None:
        agreed = said["human"] == decision["recommendation"]
        counts["agreed" if agreed else "overrode"] += 1
        judged = {Recommendation.ELIGIBLE.value: True, Recommendation.NOT_ELIGIBLE.value: False}.get(said["human"])
        if judged is not None and (not agreed or decision.get("hidden")):
            source = "clinician" if agreed else "override"
            return {"eligible": judged, "response": said.get("response"), "adverse_event": known, "label_source": source}
    if came is not None and came.get("served"):
        eligible = adverse not in {"force", "upgraded_to_police"} and not came.get("arrested")
        return {"eligible": eligible, "response": came.get("unit"), "adverse_event": known, "label_source": "outcome"}
    if said is not None:
        counts["echo"] += 1
    return None


def _call(ledger: Ledger, decision: Mapping[str, Any], notes: Mapping[str, str]) -> Call | None:
    """Return the call with its note, from the ledger or from those given, where it is the note that was decided on."""
    note = ledger.note(str(decision["decision_id"]))
    if note is None:
        note = notes.get(str(decision["call_id"]))
        if note is None or ledger.safe.fingerprint(note) != decision["note"]["fingerprint"]:
            return None
    fields = dict(decision["call"]) | {"narrative": note, "call_id": decision["call_id"]}
    fields.setdefault("received_at", decision["decided_at"])
    try:
        return Call.from_record(fields)
    except InvalidCall:
        return None
