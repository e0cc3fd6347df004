"""Labels from the ledger: overrides, judgements made without seeing the suggestion, and outcomes of calls.

Agreement with a suggestion that was shown is no label: the person may only have followed it. Each source of labels has its
own weight.

Overrides exist only where the model was wrong, so they are a selected sample. They are used to fit and never to measure,
and each is weighted by the share of overrides among the judged suggestions of its kind. Where one suggestion in twenty is
overridden, twenty overrides do not outweigh the four hundred agreements, which are no labels.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from models.call import Call
from models.decision import Recommendation
from models.errors import InvalidCall, InvalidData
from models.ledger.queries import Entry
from models.ledger.records import agreement, suggested
from models.ledger.store import Ledger
from models.statistics import Bools
from pipelines.data.split import BLOCKS, Split
from pipelines.data.table import LABEL_ROW, Table
from pipelines.settings import RetrainSettings

_ADVERSE = frozenset({"injury", "force", "upgraded_to_police", "backup_requested", "felt_unsafe", "yes"})
_RISK_OF_REASON: dict[str, dict[str, bool]] = {"weapon_or_violence": {"danger": True}, "medical_need": {"medical": True}}
"""The risk labels that follow from the reason of a judgement."""

SELECTED = ("override", "outcome")
"""Sources whose labels were selected by what they say: they are fitted on and never held out."""

_ELIGIBLE = {Recommendation.ELIGIBLE.value: True, Recommendation.NOT_ELIGIBLE.value: False}


@dataclass(slots=True)
class LedgerLabels:
    """The calls that the ledger labels, and the number of entries of each kind."""

    table: Table = field(default_factory=Table)
    counts: Counter[str] = field(default_factory=Counter)

    def lines(self) -> Iterable[str]:
        """Yield the counts as sentences."""
        seen = self.counts["agreed"] + self.counts["overrode"]
        blind = self.counts["blind"]
        yield f"{self.counts['decisions']} final decisions, {seen + blind} judged, {self.counts['outcomes']} with an outcome"
        if seen:
            share = self.counts["agreed"] / seen
            yield f"agreed {self.counts['agreed']} ({share:.1%}), overrode {self.counts['overrode']}"
        for name in ("override", "clinician", "outcome"):
            yield f"labels by {name}: {self.counts[f'label {name}']}"
        yield f"agreed with the suggestion shown, which is no label: {self.counts['only agreed']}"
        yield f"left out because their note is missing: {self.counts['no note']}"


def labels_of(ledger: Ledger, notes: Mapping[str, str], *, entries: int | None = None) -> LedgerLabels:
    """Return the labels from judgements and outcomes; `notes` are narratives by CAD incident number.

    A note from `notes` must be the one that was decided on: its keyed hash is checked. With `entries`, only so many of the
    first entries count. Raises `InvalidData` where no call has a label.
    """
    decisions, judgements, outcomes = _by_decision(ledger, entries)
    weight_of = {name: override_weight(*pair) for name, pair in _overrides(decisions, judgements).items()}
    result, labels = LedgerLabels(), []
    result.counts |= Counter({"decisions": len(decisions), "outcomes": len(outcomes)})
    for key, entry in decisions.items():
        label = _label(entry.content, judgements.get(key), outcomes.get(key), result.counts)
        if label is None:
            continue
        call = _call(ledger, entry.content, notes)
        if call is None:
            result.counts["no note"] += 1
            continue
        result.counts[f"label {label['label_source']}"] += 1
        result.table.calls.append(call)
        keys = {"caller_key": entry.content.get("caller"), "address_key": entry.content.get("address")}
        if label["label_source"] == "override":
            label["selection_weight"] = weight_of[suggested(entry.content)]
        label["learn_only"] = label["label_source"] in SELECTED
        label["ledger_at"] = _labelled_at(label["label_source"], judgements.get(key), outcomes.get(key))
        labels.append(LABEL_ROW | label | {"row": entry.seq} | keys)
    if not labels:
        raise InvalidData("nothing in the ledger is a label", remedy="; ".join(result.lines()))
    result.table.labels = pd.DataFrame.from_records(labels)
    return result


def joined(of_file: Table, of_ledger: Table, ledger: Ledger) -> Table:
    """Return the labelled calls of a file and of a ledger as one table; the ledger's label of a call replaces the file's.

    Callers and addresses of the file are hashed as the ledger's are, so that a person has one key in both.
    """
    in_ledger = {call.call_id for call in of_ledger.calls if call.call_id}
    kept = [row for row, call in enumerate(of_file.calls) if call.call_id not in in_ledger]
    labels = of_file.labels.iloc[kept].copy()
    for name, hashed in (("caller_key", ledger.encryption.hash_caller), ("address_key", ledger.encryption.hash_address)):
        labels[name] = [None if pd.isna(value) else hashed(str(value)) for value in labels[name]]
    calls = [of_file.calls[row] for row in kept] + of_ledger.calls
    return Table(calls, pd.concat([labels, of_ledger.labels], ignore_index=True).astype(object), of_file.rejects)


def weights(labels: pd.DataFrame, settings: RetrainSettings) -> pd.Series:
    """Return the weight of each label: that of its source, 1 without one, times its selection weight."""
    table = {
        "adjudicated": settings.weight_adjudicated, "clinician": settings.weight_clinician,
        "override": settings.weight_override, "outcome": settings.weight_outcome,
    }  # fmt: skip
    by_source = labels["label_source"].map(table).fillna(1.0).astype(float)
    if "selection_weight" not in labels:
        return by_source
    return by_source * labels["selection_weight"].astype(float).fillna(1.0)


def is_selected(labels: pd.DataFrame) -> Bools:
    """Return the mask of the labels that were selected by what they say, shape (n,)."""
    return labels["label_source"].isin(SELECTED).to_numpy(dtype=bool)


def source_counts(labels: pd.DataFrame) -> dict[str, int]:
    """Return the number of labels of each source; labels without a source count as `file`."""
    return dict(sorted(Counter(labels["label_source"].fillna("file").tolist()).items()))


def override_weight(overrides: int, judged: int) -> float:
    """Return the weight of an override: the share of overrides among the judged suggestions of its kind, shrunk to 0.5.

    >>> override_weight(19, 398), override_weight(0, 0)
    (0.05, 0.5)
    """
    return (overrides + 1) / (judged + 2)


def label_counts(labels: pd.DataFrame, blocks: Split) -> dict[str, dict[str, int]]:
    """Return the number of labels of each source in each block; labels without a source count as `file`."""
    return {name: source_counts(labels.iloc[getattr(blocks, name)]) for name in BLOCKS}


def count_lines(counts: dict[str, dict[str, int]]) -> Iterable[str]:
    """Yield the number of labels of each block in words; nothing where all labels come from the file."""
    if any(set(block) - {"file"} for block in counts.values()):
        for name, block in counts.items():
            yield f"labels in {name}: {', '.join(f'{source} {n}' for source, n in sorted(block.items()))}"


def _overrides(
    decisions: Mapping[str, Entry], judgements: Mapping[str, dict[str, Any] | None]
) -> dict[str | None, tuple[int, int]]:
    """Return, for each recommendation, how often it was overridden and how often it was judged by somebody who saw it."""
    seen: Counter[str | None] = Counter()
    overrode: Counter[str | None] = Counter()
    for key, entry in decisions.items():
        judgement = judgements.get(key)
        agreed = None if judgement is None else agreement(entry.content, judgement["human"])
        if agreed is not None:
            seen[suggested(entry.content)] += 1
            overrode[suggested(entry.content)] += not agreed
    return {name: (overrode[name], count) for name, count in seen.items()}


def _labelled_at(source: str, judgement: Mapping[str, Any] | None, outcome: Mapping[str, Any] | None) -> str:
    """Return when a label was given."""
    entry = outcome if source == "outcome" else judgement
    return str((entry or {})["at"])


def _by_decision(
    ledger: Ledger, entries: int | None
) -> tuple[dict[str, Entry], dict[str, dict[str, Any] | None], dict[str, dict[str, Any]]]:
    """Return final decisions, the last judgement of each that was not withdrawn, and outcomes, by the decision's id."""
    decisions: dict[str, Entry] = {}
    judgements: dict[str, dict[str, Any] | None] = {}
    outcomes: dict[str, dict[str, Any]] = {}
    for entry in ledger.read(up_to=entries):
        content, key = entry.content, str(entry.content["decision_id"])
        if content["kind"] == "decision" and content["final"]:
            decisions[key] = entry
        elif content["kind"] == "feedback":
            judgements[key] = None if content.get("withdrawn") else content  # the last one counts
        elif content["kind"] == "outcome":
            outcomes[key] = content
    return decisions, judgements, outcomes


def _label(
    decision: Mapping[str, Any],
    judgement: Mapping[str, Any] | None,
    outcome: Mapping[str, Any] | None,
    counts: Counter[str],
) -> dict[str, Any] | None:
    """Return the label of a decision, or `None` where it was only agreed with or never judged; count what it was."""
    served = outcome is not None and bool(outcome.get("served"))
    event = outcome.get("adverse_event") if outcome is not None and served else None
    adverse = None if event is None else event in _ADVERSE
    agreed = None
    if judgement is not None:
        agreed = agreement(decision, judgement["human"])
        counts["blind" if agreed is None else "agreed" if agreed else "overrode"] += 1
        eligible = _ELIGIBLE.get(judgement["human"])
        if eligible is not None and agreed is not True:
            source = {"adverse_event": adverse, "label_source": "clinician" if agreed is None else "override"}
            source |= _RISK_OF_REASON.get(judgement.get("reason", ""), {})
            return {"eligible": eligible, "response": judgement.get("response")} | source
    if outcome is not None and served:
        eligible = event not in {"force", "upgraded_to_police"} and not outcome.get("arrested")
        source = {"adverse_event": adverse, "label_source": "outcome"}
        return {"eligible": eligible, "response": outcome.get("unit")} | source
    if agreed:
        counts["only agreed"] += 1
    return None


def _call(ledger: Ledger, decision: Mapping[str, Any], notes: Mapping[str, str]) -> Call | None:
    """Return the call with the note that was decided on, from the ledger or from `notes`; `None` where neither has it."""
    note = ledger.note(str(decision["decision_id"]))
    if note is None:
        note = notes.get(str(decision["call_id"]))
        if note is None or ledger.encryption.fingerprint(note) != decision["note"]["fingerprint"]:
            return None
    fields = dict(decision["call"]) | {"narrative": note, "call_id": decision["call_id"]}
    fields.setdefault("received_at", decision["decided_at"])
    try:
        return Call.from_record(fields)
    except InvalidCall:
        return None
