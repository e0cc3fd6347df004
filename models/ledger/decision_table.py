"""The ledger as a table: one row for each call's final decision, with what people decided and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from models.decision import VETO_CODES
from models.ledger.queries import Entry
from models.ledger.records import shown, suggested
from models.programs.call_types import CallTypes

if TYPE_CHECKING:
    import pandas as pd

_DECISION = (
    "decision_id", "call_id", "decided_at", "recommendation", "suggested", "shown", "response", "care_navigation",
    "eligible_probability", "risk_probability", "risk_band", "hidden", "arm", "via", "actor", "caller", "address",
    "latency_ms",
)  # fmt: skip
_CALL = ("call_type", "zone", "source", "language", "caller_party", "received_at", "calls_24h", "calls_30d")
_FEEDBACK = ("human", "agreed", "reason", "elapsed_ms")
_OUTCOME = (
    "served", "unit", "unserved_reason", "adverse_event", "felt_safe", "resolved", "transported", "arrested", "no_contact",
)  # fmt: skip
_DERIVED = (
    "heart_type", "vetoed", "rules", "codes", "missing", "model", "rulebook", "program", "text", "corrections", "unfit",
    "outcome_seq",
)  # fmt: skip
COLUMNS = ("seq", *_DECISION, *_CALL, *_DERIVED, *_FEEDBACK, *_OUTCOME)


def decision_table(entries: Iterable[Entry], *, call_types: CallTypes) -> pd.DataFrame:
    """Return a table with the columns `COLUMNS`, a row for each final decision, in the ledger's order.

    `heart_type` is the agency's call type as the program's `call_types` read it.

    Of several judgements the last counts; one that was withdrawn counts as none. `agreed` is whether the person decided
    as they were shown, missing where nothing was shown. `unfit` is true where a team went and the call turned out to be
    none for an unarmed one, false where it went well, missing where nobody went.
    """
    import pandas as pd  # noqa: PLC0415  60 MB that a service whose dashboard nobody opens can spare

    rows: dict[str, dict[str, Any]] = {}
    for entry in entries:
        content = entry.content
        key = str(content["decision_id"])
        if content["kind"] == "decision":
            if content["final"]:
                rows[key] = _decision_columns(entry.seq, content, call_types)
        elif key in rows and content["kind"] == "feedback":
            rows[key]["corrections"] = rows[key].get("corrections", -1) + 1
            rows[key] |= _feedback_columns(rows[key], content)
        elif key in rows and content["kind"] == "outcome":
            rows[key] |= {name: content.get(name) for name in _OUTCOME} | {"unfit": unfit(content), "outcome_seq": entry.seq}
    table = pd.DataFrame.from_records(list(rows.values()), columns=list(COLUMNS))
    table["corrections"] = table["corrections"].fillna(0).astype(int)
    return table


def unfit(outcome: Mapping[str, Any]) -> bool | None:
    """Return whether a call that a team went to needed others: force, police, an arrest; `None` where none went."""
    if not outcome.get("served"):
        return None
    return outcome.get("adverse_event") in {"force", "upgraded_to_police"} or bool(outcome.get("arrested"))


def local_times(table: pd.DataFrame, time_zone: str) -> pd.Series:
    """Return when each call came in, or was decided where that is not known, in local time."""
    import pandas as pd  # noqa: PLC0415  60 MB that a service whose dashboard nobody opens can spare

    stamps = table["received_at"].where(table["received_at"].notna(), table["decided_at"])
    return pd.to_datetime(stamps, utc=True, format="ISO8601").dt.tz_convert(time_zone)


def _feedback_columns(row: Mapping[str, Any], feedback: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that a judgement fills; empty ones where it was withdrawn."""
    if feedback.get("withdrawn"):
        return dict.fromkeys(_FEEDBACK)
    agreed = None if row["shown"] is None else feedback.get("human") == row["shown"]
    return {name: feedback.get(name) for name in _FEEDBACK} | {"agreed": agreed}


def _decision_columns(seq: int, content: Mapping[str, Any], call_types: CallTypes) -> dict[str, Any]:
    """Return the columns that a decision itself fills."""
    call, versions = content["call"], content["versions"]
    return {
        "seq": seq,
        **{name: content.get(name) for name in _DECISION},
        "suggested": suggested(content),
        "shown": shown(content),
        **{name: call.get(name) for name in _CALL},
        "heart_type": call_types.canonical(call.get("call_type")).name,
        "vetoed": bool(VETO_CODES.intersection(content["codes"])) or bool(content.get("held")),
        "rules": tuple(rule["rule_id"] for rule in content["rules"] if rule["code"] in VETO_CODES),
        "codes": tuple(content["codes"]),
        "missing": tuple(content["missing"]),
        **{name: versions[name] for name in ("model", "rulebook", "program", "text")},
    }
