"""The evaluation frame: one row for each labelled call, with its decision and labels. Every part of the report uses it."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo

import pandas as pd

from models.call import Call
from models.common.instants import local_time
from models.decision import Decision, Recommendation
from models.programs.program import Program
from pipelines.data.table import Table
from pipelines.evaluation.evaluate import is_cleared, is_true, is_vetoed, probabilities

GROUPS = ("call type", "zone", "hour", "language", "caller party", "source", "repeat caller", "note length")
NOT_KNOWN = "not known"
_HOURS = ("00 to 06", "06 to 12", "12 to 18", "18 to 24")


def evaluation_frame(
    table: Table,
    decisions: Sequence[Decision],
    *,
    program: Program,
    more: Mapping[str, Sequence[object]] | None = None,
) -> pd.DataFrame:
    """Return a frame of the calls labelled yes or no, indexed by their place in `table`.

    Columns: row (in the file), truth, danger, cleared, turned_away, vetoed, score (0 for a veto) and `GROUPS`. `more`
    adds columns to group by, each as long as `table`.
    """
    labels = table.labels.reset_index(drop=True)

    frame = pd.DataFrame({
        "row": labels["row"],
        "truth": labels["eligible"].map(lambda value: value if isinstance(value, bool) else None),
        "danger": is_true(labels["danger"]),
        "cleared": is_cleared(decisions),
        "turned_away": [decision.recommendation is Recommendation.NOT_ELIGIBLE for decision in decisions],
        "vetoed": is_vetoed(decisions),
        "score": probabilities(decisions),
        **groups(table.calls, program),
        **{name: [_word(value) for value in values] for name, values in (more or {}).items()},
    })  # fmt: skip
    frame = frame[frame["truth"].notna()]
    return frame.assign(truth=frame["truth"].astype(bool))


def groups(calls: Sequence[Call], program: Program) -> dict[str, list[str]]:
    """Return the value of each of `GROUPS` for every call, with type and hour as the program reads them."""
    return {
        "call type": [program.call_types.canonical(call.call_type).name for call in calls],
        "zone": [call.zone or NOT_KNOWN for call in calls],
        "hour": [_hours(call, program.time_zone) for call in calls],
        "language": [(call.language or NOT_KNOWN).lower() for call in calls],
        "caller party": [str(call.caller_party or NOT_KNOWN) for call in calls],
        "source": [str(call.source or NOT_KNOWN) for call in calls],
        "repeat caller": [NOT_KNOWN if call.calls_30d is None else ("yes" if call.calls_30d else "no") for call in calls],
        "note length": [_length(len(call.narrative.split())) for call in calls],
    }


def _hours(call: Call, time_zone: tzinfo) -> str:
    """Return the part of the day in which a call was received, in the program's time zone."""
    at = None if call.received_at is None else local_time(call.received_at, time_zone)
    return NOT_KNOWN if at is None else _HOURS[at.hour // 6]


def _word(value: object) -> str:
    """Return a value as text, `not known` where there is none."""
    return NOT_KNOWN if value in {None, ""} else str(value)


def _length(words: int) -> str:
    """Return the band of a note's length."""
    return "under 10 words" if words < 10 else ("10 to 24 words" if words < 25 else "25 words and more")
