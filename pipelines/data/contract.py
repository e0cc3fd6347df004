"""The contract of a table of labelled calls, as a pandera schema; data/README.md writes it out for people.

Columns of a call follow from the types of `Call`, and those of labels from `LABEL_WORDS`.
"""

from datetime import datetime
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import get_args, get_type_hints

import pandas as pd
import pandera.pandas as pa

from models.call import FIELDS, MAX_NARRATIVE, Call
from models.errors import InvalidData
from pipelines.data.labels import FREE_LABELS, KEYS, LABEL_WORDS

_TIME = r"^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$"


@cache
def schema() -> pa.DataFrameSchema:
    """Return the schema of a table of labelled calls."""
    hints = get_type_hints(Call)
    columns = {name: _column(hints[name]) for name in FIELDS if name != "narrative"}
    columns |= {name: _words(*allowed) for name, allowed in LABEL_WORDS.items()}
    columns |= {name: _text() for name in (*KEYS, *FREE_LABELS)}
    narrative = pa.Column(object, pa.Check.str_length(0, MAX_NARRATIVE))
    return pa.DataFrameSchema({"narrative": narrative} | columns, name="labelled calls")


def check(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table that keeps the contract; raise `InvalidData` naming the column and how many rows break it."""
    try:
        return schema().validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        column = str(cases["column"].iloc[0])
        count = int((cases["column"] == column).sum())
    raise InvalidData(f"column {column} breaks the contract", value=f"{count} rows", remedy="see data/README.md")


def _column(kind: type | UnionType) -> pa.Column:
    """Return the column of a field that may be missing, by its type in `Call`."""
    present = next(one for one in get_args(kind) if one is not type(None))
    if present is bool:
        return pa.Column(object, pa.Check.isin([True, False]), nullable=True, required=False)
    if present is int:
        return pa.Column("Int64", pa.Check.ge(0), nullable=True, required=False, coerce=True)
    if present is datetime:
        return pa.Column(object, pa.Check.str_matches(_TIME), nullable=True, required=False)
    return _words(*present) if issubclass(present, StrEnum) else _text()


def _words(*allowed: str) -> pa.Column:
    """Return a column of known words, which may be missing."""
    return pa.Column(object, pa.Check.isin(allowed), nullable=True, required=False)


def _text() -> pa.Column:
    """Return a column of free text, which may be missing."""
    return pa.Column(object, nullable=True, required=False)
