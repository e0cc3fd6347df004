"""Turn a call into what the estimator reads: words of the note, words of the call type, categories and numbers.

Stateless: the same call gives the same row whenever and wherever it is asked. Missing is a category of its own.
"""

import math
from collections.abc import Iterable

import pandas as pd

from models.call import Call
from models.programs.call_types import canonical
from models.text.normalize import normalise
from models.text.tokens import words_for_model

FEATURES_VERSION = "1"
TEXT_COLUMNS = ("text", "call_type_words")
CATEGORY_COLUMNS = (
    "call_type", "source", "caller_party", "language", "hour", "weekend", "premise_hazard", "weapons_answer",
    "violence_answer", "medical_answer", "calls_24h_known", "priority",
)  # fmt: skip
NUMBER_COLUMNS = ("calls_24h", "calls_30d", "length")
COLUMNS = (*TEXT_COLUMNS, *CATEGORY_COLUMNS, *NUMBER_COLUMNS)
MISSING = "missing"

Row = dict[str, str | float]


def row(call: Call, words: str | None = None) -> Row:
    """Return one call's features by column name; `words` are those of the note, where they were read already."""
    words = words_for_model(normalise(call.narrative).text) if words is None else words
    kind = canonical(call.call_type)
    local = call.received_at
    return {
        "text": words,
        "call_type_words": kind.words,
        "call_type": kind.name,
        "source": _name(call.source),
        "caller_party": _name(call.caller_party),
        "language": _language(call.language),
        "hour": MISSING if local is None else f"{local.hour // 4 * 4:02d}",
        "weekend": MISSING if local is None else str(local.weekday() >= 5).lower(),
        "premise_hazard": MISSING if call.premise_hazard is None else str(call.premise_hazard).lower(),
        "weapons_answer": _name(call.weapons_answer),
        "violence_answer": _name(call.violence_answer),
        "medical_answer": _name(call.medical_answer),
        "calls_24h_known": str(call.calls_24h is not None).lower(),
        "priority": _name(call.priority),
        "calls_24h": _scaled(call.calls_24h, 3.0),
        "calls_30d": _scaled(call.calls_30d, 4.0),
        "length": math.log1p(words.count(" ")) / 4.0,
    }


def frame(calls: Iterable[Call]) -> pd.DataFrame:
    """Return the features of many calls, one row each, columns in the order of `COLUMNS`."""
    return pd.DataFrame.from_records([row(call) for call in calls], columns=list(COLUMNS))


def _name(value: object) -> str:
    """Return a category's name in lower case, or that it is missing."""
    return MISSING if value is None else str(value).lower()


def _language(value: str | None) -> str:
    """Return the first part of a language tag, so that en-US and en are one."""
    return MISSING if value is None else value.lower().replace("_", "-").split("-")[0]


def _scaled(count: int | None, scale: float) -> float:
    """Return the logarithm of a count, near one for a frequent caller, and zero where it is not known."""
    return 0.0 if count is None else math.log1p(count) / scale
