"""What the estimator reads of a call: signals and words of the note, words of the call type, categories and numbers.

Stateless: the same call gives the same row whenever and wherever it is asked. Missing is a category of its own.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from models.call import Call
from models.reading import Reader, Reading
from models.signals.detector import signal_tokens

if TYPE_CHECKING:
    import pandas as pd

FEATURES_VERSION = "3"
TEXT_COLUMNS = ("signals", "text", "call_type_words")
CATEGORY_COLUMNS = (
    "call_type", "source", "caller_party", "language", "hour", "weekend", "premise_hazard", "weapons_answer",
    "violence_answer", "medical_answer", "calls_24h_known", "priority",
)  # fmt: skip
NUMBER_COLUMNS = ("calls_24h", "calls_30d", "length")
COLUMNS = (*TEXT_COLUMNS, *CATEGORY_COLUMNS, *NUMBER_COLUMNS)
MISSING = "missing"

Row = dict[str, str | float]


def row(reading: Reading) -> Row:
    """Return one call's features by column name."""
    call, kind = reading.call, reading.call_type
    words = " ".join(word.text for word in reading.words)
    local = reading.local_time
    return {
        "signals": signals_of(reading),
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


def signals_of(reading: Reading) -> str:
    """Return the signals of a note and what the rules said of it, as tokens set apart by spaces.

    `veto:weapon` and `veto:violence` say that a rule of that class fired, `veto:means` that the note names means of
    self-harm, `veto:object` that it names a thing that can be a weapon, `recorded:weapons` that it records an answer,
    `type:weapon` that the call type itself is a mention.
    """
    rules = {f"veto:{hit.rule_class}" for hit in (*reading.veto.vetoes, *reading.veto.means, *reading.veto.objects)}
    rules |= {f"recorded:{hit.question}" for hit in reading.veto.screening}
    rules |= {f"type:{hit.rule_class}" for hit in reading.type_veto.vetoes}
    return " ".join([signal_tokens(reading.signals), *sorted(rules)]).strip()


def frame(calls: Iterable[Call], reader: Reader) -> "pd.DataFrame":
    """Return the features of many calls, one row each, columns in the order of `COLUMNS`."""
    import pandas as pd  # noqa: PLC0415  60 MB that training needs and one decision does not

    return pd.DataFrame.from_records([row(reader.read(call)) for call in calls], columns=list(COLUMNS))


def _name(value: object) -> str:
    """Return a category's name in lower case, or that it is missing."""
    return MISSING if value is None else str(value).lower()


def _language(value: str | None) -> str:
    """Return the first part of a language tag, so that en-US and en are one."""
    return MISSING if value is None else value.lower().replace("_", "-").split("-")[0]


def _scaled(count: int | None, scale: float) -> float:
    """Return the logarithm of a count, near one for a frequent caller, and zero where it is not known."""
    return 0.0 if count is None else math.log1p(count) / scale
