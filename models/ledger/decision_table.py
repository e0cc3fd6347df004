"""Read the ledger as a table: one row for each call's final decision, with what people decided and what came of it."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from models.decision import VETO_CODES
from models.ledger.writer import Entry
from models.programs.call_types import canonical

_DECISION = (
    "decision_id", "call_id", "decided_at", "recommendation", "shown", "response", "care_navigation", "eligible_probability",
    "risk_probability", "risk_band", "hidden", "arm", "via", "actor", "caller", "latency_ms",
)  # fmt: skip
_CALL = ("call_type", "zone", "source", "language", "caller_party", "received_at", "calls_24h", "calls_30d")
_SAID = ("human", "agreed", "reason", "elapsed_ms")
_CAME = (
    "served", "unit", "unserved_reason", "adverse_event", "felt_safe", "resolved", "transported", "arrested", "no_contact",
)  # fmt: skip
_MADE = ("heart_type", "vetoed", "rules", "codes", "missing", "model", "rulebook", "program", "text", "corrections", "unfit")
COLUMNS = ("seq", *_DECISION, *_CALL, *_MADE, *_SAID, *_CAME)


def casebook(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return a table with the columns `COLUMNS`, a row for each final decision, in the ledger's order.

    Of several judgements the last counts; one that was withdrawn counts as none. `unfit` is true where a team went and the
    call turned out to be none for an unarmed one, false where it went well, missing where nobody went.
    """
    made: dict[str, dict[str, Any]] = {}
    for entry in entries:
        content = entry.content
        key = str(content["decision_id"])
        if content["kind"] == "decision":
            if content["final"]:
                made[key] = _decided(entry.seq, content)
        elif key in made and content["kind"] == "feedback":
            made[key]["corrections"] = made[key].get("corrections", -1) + 1
            made[key] |= dict.fromkeys(_SAID) if content.get("withdrawn") else {name: content.get(name) for name in _SAID}
        elif key in made and content["kind"] == "outcome":
            made[key] |= {name: content.get(name) for name in _CAME} | {"unfit": unfit(content)}
    table = pd.DataFrame.from_records(list(made.values()), columns=list(COLUMNS))
    table["corrections"] = table["corrections"].fillna(0).astype(int)
    return table


def unfit(outcome: Mapping[str, Any]) -> bool | None:
    """Tell whether a call that a team went to turned out to need others: force, police after all, an arrest."""
    if not outcome.get("served"):
        return None
    return outcome.get("adverse_event") in {"force", "upgraded_to_police"} or bool(outcome.get("arrested"))


def local_times(table: pd.DataFrame, time_zone: str) -> pd.Series:
    """Return when each call came in, or was decided where that is not known, in local time."""
    stamps = table["received_at"].where(table["received_at"].notna(), table["decided_at"])
    return pd.to_datetime(stamps, utc=True, format="ISO8601").dt.tz_convert(time_zone)


def _decided(seq: int, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that a decision itself fills."""
    call, versions = content["call"], content["versions"]
    return {
        "seq": seq,
        **{name: content.get(name) for name in _DECISION},
        **{name: call.get(name) for name in _CALL},
        "heart_type": canonical(call.get("call_type")).name,
        "vetoed": bool(VETO_CODES.intersection(content["codes"])) or bool(content.get("held")),
        "rules": tuple(rule["rule_id"] for rule in content["rules"] if rule["code"] in VETO_CODES),
        "codes": tuple(content["codes"]),
        "missing": tuple(content["missing"]),
        **{name: versions[name] for name in ("model", "rulebook", "program", "text")},
    }
