"""The ledger as a table for the dashboard: one row for each call with its answers, judgements and outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from models.decision import VETO_CODES
from models.ledger.decision_table import local_times, unfit
from models.ledger.queries import Entry
from models.programs.call_types import CallTypes
from serving.console.shifts import SHIFTS, shift_starts

if TYPE_CHECKING:
    import pandas as pd

DECIDED, UNDECIDED, TYPING = "decided", "nobody", "typing"
"""The status of a call: a person decided; an answer was final and nobody decided; the call was left while it was typed."""

_OUTCOME = ("served", "unserved_reason", "adverse_event", "felt_safe", "resolved", "transported", "arrested", "no_contact")
_FLAGS = (
    "agreed",
    "vetoed",
    "served",
    "felt_safe",
    "resolved",
    "transported",
    "arrested",
    "no_contact",
    "unfit",
    "care_navigation",
)
_TEXTS = ("decision_id", "call_id", "decided_at", "status", "answer", "suggested", "response", "human", "reason", "person",
          "zone", "call_type", "heart_type", "risk_band", "model", "rulebook", "program", "unserved_reason",
          "adverse_event", "questions")  # fmt: skip
_NUMBERS = ("eligible_probability", "risk_probability", "elapsed_ms", "answers", "judgements")
COLUMNS = (*_TEXTS, *_FLAGS, *_NUMBERS, "received_at", "rules")


def call_table(
    entries: Iterable[Entry],
    *,
    call_types: CallTypes,
    time_zone: str,
    person: Callable[[str], str] = str,
    shifts: Sequence[int] = SHIFTS,
) -> pd.DataFrame:
    """Return a table of calls with the columns `COLUMNS`, and `day`, `hour`, `weekday`, `week` and `shift` in local time.

    `call_types` and `time_zone` are the program's. Answers belong to one call where they have the same incident number or
    come from one typed call. `answer` is the last final one, or the last one where none was final; `vetoed` and `rules`
    cover all answers to the call. `person` maps the name of the person who decided, or else asked, to the name to show.
    """
    calls: dict[str, dict[str, Any]] = {}
    key_of: dict[str, str] = {}
    for entry in entries:
        content = entry.content
        decision_id = str(content["decision_id"])
        if content["kind"] == "decision":
            key = _key(content, key_of)
            key_of[decision_id] = key
            _add_answer(calls.setdefault(key, _empty()), content, call_types)
        elif decision_id in key_of:
            call = calls[key_of[decision_id]]
            {"feedback": _add_feedback, "outcome": _add_outcome}.get(content["kind"], _ignore)(call, content)
    return _frame(calls.values(), time_zone=time_zone, person=person, shifts=shifts)


def _key(content: dict[str, Any], key_of: dict[str, str]) -> str:
    """Return the key of the call that an answer belongs to; a typed call keeps its key when its number is given."""
    case, number = content.get("case"), content.get("call_id")
    by_case = key_of.get(f"case {case}") if case else None
    by_number = key_of.get(f"number {number}") if number else None
    key = by_number or by_case or str(number or case or content["decision_id"])
    if case:
        key_of[f"case {case}"] = key
    if number:
        key_of[f"number {number}"] = key
    return key


def _empty() -> dict[str, Any]:
    """Return the row of a call without any entry."""
    return dict.fromkeys(COLUMNS) | {
        "answers": 0,
        "judgements": 0,
        "vetoed": False,
        "rules": (),
        "status": TYPING,
        "elapsed_ms": None,
    }


def _add_answer(call: dict[str, Any], content: dict[str, Any], call_types: CallTypes) -> None:
    """Add one answer; after a final answer only another final one replaces it."""
    rules = [rule["rule_id"] for rule in content["rules"] if rule["code"] in VETO_CODES]
    call["answers"] += 1
    call["vetoed"] = call["vetoed"] or bool(VETO_CODES.intersection(content["codes"])) or bool(content.get("held"))
    call["rules"] = tuple(dict.fromkeys([*call["rules"], *rules, *content.get("held", ())]))
    if call["status"] != TYPING and not content["final"]:
        return
    fields, versions = content["call"], content["versions"]
    suggested = "NOT_ELIGIBLE" if content.get("held") else content["recommendation"]
    if content.get("via") == "cad" and call["status"] == DECIDED and call["suggested"] == suggested:
        return  # CAD closes a call after a person decided: their judgement of this suggestion still counts
    call |= {
        "decision_id": content["decision_id"], "call_id": content.get("call_id") or call["call_id"],
        "decided_at": content["decided_at"], "answer": "hidden" if content.get("hidden") else suggested,
        "suggested": suggested,
        "response": content.get("response"), "zone": fields.get("zone"), "call_type": fields.get("call_type"),
        "heart_type": call_types.canonical(fields.get("call_type")).name, "received_at": fields.get("received_at"),
        "risk_band": content.get("risk_band"), "eligible_probability": content.get("eligible_probability"),
        "risk_probability": content.get("risk_probability"), "care_navigation": content.get("care_navigation"),
        "model": versions["model"], "rulebook": versions["rulebook"], "program": versions["program"],
        "questions": ",".join(content["questions"]) if content.get("attended", True) and "questions" in content else None,
    }  # fmt: skip
    call["person"] = call["person"] or content.get("actor")
    if content["final"]:
        call["status"] = UNDECIDED
        call |= dict.fromkeys(("human", "agreed", "reason"))


def _add_feedback(call: dict[str, Any], content: dict[str, Any]) -> None:
    """Add a judgement; a withdrawn one removes it."""
    call["judgements"] += 1
    if content.get("withdrawn"):
        call |= {"human": None, "agreed": None, "reason": None, "elapsed_ms": None, "status": UNDECIDED}
        return
    hidden = call["answer"] == "hidden"
    call |= {name: content.get(name) for name in ("human", "reason", "elapsed_ms")}
    call |= {
        "agreed": None if hidden else content["human"] == call["answer"],
        "status": DECIDED,
        "person": content.get("actor"),
    }


def _add_outcome(call: dict[str, Any], content: dict[str, Any]) -> None:
    """Add the outcome of the call; the last report counts."""
    call |= {name: content.get(name) for name in _OUTCOME} | {"unfit": unfit(content)}


def _ignore(_: dict[str, Any], __: dict[str, Any]) -> None:
    """Leave a call unchanged: challengers' answers and cleared vetoes do not count here."""


def _frame(
    calls: Iterable[dict[str, Any]], *, time_zone: str, person: Callable[[str], str], shifts: Sequence[int]
) -> pd.DataFrame:
    """Return the calls as a table with typed columns and local times."""
    import pandas as pd  # noqa: PLC0415  60 MB that only the dashboard needs

    table = pd.DataFrame.from_records(list(calls), columns=list(COLUMNS))
    table = table.astype(dict.fromkeys(_FLAGS, "boolean") | dict.fromkeys(_NUMBERS, "Float64"))
    table["person"] = table["person"].map(lambda name: None if name is None else person(str(name)))
    local = local_times(table, time_zone)
    table["day"], table["hour"] = local.dt.strftime("%Y-%m-%d"), local.dt.strftime("%H")
    table["weekday"] = local.dt.day_of_week.astype("string")
    table["week"] = (local - pd.to_timedelta(local.dt.day_of_week, unit="D")).dt.strftime("%Y-%m-%d")
    table["shift"] = shift_starts(local, shifts)
    return table.astype(dict.fromkeys(_TEXTS, "string"))
