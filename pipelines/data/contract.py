"""State the contract of a labelled call as a pandera schema; data/README.md writes it out for people."""

import pandas as pd
import pandera.pandas as pa

from models.call import Answer, CallerParty, Source
from models.decision import Response
from models.errors import InvalidData
from models.ledger.records import ADVERSE_EVENTS

LABEL_SOURCES = ("clinician", "adjudicated", "outcome", "override")


def _word(*allowed: str) -> pa.Column:
    """Return a column of known words, which may be missing."""
    return pa.Column(object, pa.Check.isin(allowed), nullable=True, required=False)


def _text() -> pa.Column:
    """Return a column of free words, which may be missing."""
    return pa.Column(object, nullable=True, required=False)


def _count() -> pa.Column:
    """Return a column of whole numbers of at least nought, which may be missing."""
    return pa.Column("Int64", pa.Check.ge(0), nullable=True, required=False, coerce=True)


SCHEMA = pa.DataFrameSchema(
    {
        "narrative": pa.Column(object, pa.Check.str_length(0, 65_536)),
        "call_id": _text(),
        "received_at": pa.Column(
            object, pa.Check.str_matches(r"^\d{4}-\d\d-\d\dT.*[+-]\d\d:\d\d$"), nullable=True, required=False
        ),
        "call_type": _text(),
        "priority": _text(),
        "source": _word(*Source),
        "zone": _text(),
        "caller_party": _word(*CallerParty),
        "language": _text(),
        "calls_24h": _count(),
        "calls_30d": _count(),
        "premise_hazard": pa.Column(object, pa.Check.isin([True, False]), nullable=True, required=False),
        "weapons_answer": _word(*Answer),
        "violence_answer": _word(*Answer),
        "medical_answer": _word(*Answer),
        "caller_key": _text(),
        "address_key": _text(),
        "eligible": _word("yes", "no", "unsure"),
        "response": _word(*Response),
        "adverse_event": _word(*ADVERSE_EVENTS, "yes", "no"),
        "danger": _word("yes", "no"),
        "label_source": _word(*LABEL_SOURCES),
        "labelled_at": _text(),
        "annotator": _text(),
    },
    name="labelled calls",
)


def check(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table that keeps the contract; raise `InvalidData` naming the column and how many rows break it."""
    try:
        return SCHEMA.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        column = str(cases["column"].iloc[0])
        count = int((cases["column"] == column).sum())
    raise InvalidData(f"column {column} breaks the contract", value=f"{count} rows", remedy="see data/README.md")
