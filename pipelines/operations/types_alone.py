"""Past calls decided by their call types alone, for files without notes."""

from contextlib import closing
from itertools import islice
from pathlib import Path

import pandas as pd

from models.call import Call
from models.decision import Recommendation, Response
from models.errors import InvalidCall, InvalidData
from models.programs.program import Program
from pipelines.data.readers import records
from pipelines.data.table import read_row

_PEEKED = 200


def has_notes(data: Path) -> bool:
    """Return whether one of the first rows of a file has a note."""
    with closing(records(data)) as rows:  # closes the file, which is not read to its end
        return any(str(record.get("narrative") or "").strip() for record in islice(rows, _PEEKED))


def scored_by_type(data: Path, program: Program) -> pd.DataFrame:
    """Return the calls of a file with the columns of `backfill.row` that a retrospective needs.

    A call whose type the program takes has probability 1 of eligible. That is an assumption, not a measurement: the type is
    a weak label. Rows that are not calls are left out. Raises `InvalidData` where no row is a call.
    """
    rows = []
    for record in records(data, call_types=program.call_types):
        try:
            rows.append(_row(read_row(record), program))
        except InvalidCall:
            continue
    if not rows:
        raise InvalidData("no row could be read as a call", value=data.name, remedy="bring it in with heartline ingest")
    return pd.DataFrame.from_records(rows)


def _row(call: Call, program: Program) -> dict[str, object]:
    """Return the row of one call."""
    call_type = program.call_types.canonical(call.call_type)
    vetoed = call_type.danger is not None or call_type.name in program.excluded_call_types
    eligible = call_type.name in program.eligible_call_types and not vetoed
    team = Response.COMMUNITY_RESPONSE
    available = program.availability(team, call.received_at, call.zone) if eligible else None
    return {
        "received_at": call.received_at.isoformat() if call.received_at else None,
        "zone": call.zone,
        "call_type": call_type.name,
        "vetoed": vetoed,
        "on_duty": available.on_duty if available else None,
        "in_zone": available.in_zone if available else None,
        "recommendation": (Recommendation.ELIGIBLE if eligible else Recommendation.NOT_ELIGIBLE).value,
        "response": team.value if eligible else None,
        "eligible_probability": float(eligible),
    }
