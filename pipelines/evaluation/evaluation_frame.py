"""Lay decisions beside labels as one table, a row for each labelled call: what every part of the report reads."""

from collections.abc import Mapping, Sequence

import pandas as pd

from models.call import Call
from models.decision import Decision, Recommendation
from models.programs.call_types import canonical
from pipelines.data.table import Table
from pipelines.evaluation.evaluate import kinds, probabilities

GROUPS = ("call type", "zone", "hour", "language", "caller party", "source", "repeat caller", "note length")
_HOURS = ("00 to 06", "06 to 12", "12 to 18", "18 to 24")
NOT_KNOWN = "not known"


def judged(
    table: Table, decisions: Sequence[Decision], *, more: Mapping[str, Sequence[object]] | None = None
) -> pd.DataFrame:
    """Return a table of the calls labelled yes or no, indexed by their place in `table`.

    Columns: row, truth, danger, cleared, turned, vetoed, score (nought for a veto), expected (the calibrated probability),
    kind and `GROUPS`. `more` adds columns, each as long as `table`, to be grouped by too.
    """
    labels = table.labels.reset_index(drop=True)
    made = pd.DataFrame({
        "row": labels["row"],
        "truth": labels["eligible"].map(lambda value: value if isinstance(value, bool) else None),
        "danger": (labels["danger"] == True).to_numpy(),  # noqa: E712  the column holds None too
        "cleared": [decision.recommendation is Recommendation.ELIGIBLE for decision in decisions],
        "turned": [decision.recommendation is Recommendation.NOT_ELIGIBLE for decision in decisions],
        "vetoed": [decision.vetoed for decision in decisions],
        "score": probabilities(decisions),
        "kind": kinds(table),
        **groups(table.calls),
        **{name: [_word(value) for value in values] for name, values in (more or {}).items()},
    })  # fmt: skip
    made = made[made["truth"].notna()]
    return made.assign(truth=made["truth"].astype(bool))


def groups(calls: Sequence[Call]) -> dict[str, list[str]]:
    """Return what calls are grouped by, each a word."""
    return {
        "call type": [canonical(call.call_type).name for call in calls],
        "zone": [call.zone or NOT_KNOWN for call in calls],
        "hour": [_HOURS[call.received_at.hour // 6] if call.received_at else NOT_KNOWN for call in calls],
        "language": [(call.language or NOT_KNOWN).lower() for call in calls],
        "caller party": [str(call.caller_party or NOT_KNOWN) for call in calls],
        "source": [str(call.source or NOT_KNOWN) for call in calls],
        "repeat caller": [NOT_KNOWN if call.calls_30d is None else ("yes" if call.calls_30d else "no") for call in calls],
        "note length": [_length(len(call.narrative.split())) for call in calls],
    }


def _word(value: object) -> str:
    """Return a value as a word."""
    return NOT_KNOWN if value in {None, ""} else str(value)


def _length(words: int) -> str:
    """Return a note's band of length."""
    return "under 10 words" if words < 10 else ("10 to 24 words" if words < 25 else "25 words and more")
