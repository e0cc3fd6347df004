"""The keys and labels of a labelled call: which words each column may hold, and how one is read.

This is the one place that lists them: the contract, `read_table` and `heartline ingest` all read a label by `read_label`,
which refuses a word it does not know; nothing is dropped in silence.
"""

from collections.abc import Mapping
from typing import Any

from models.decision import Response
from models.errors import InvalidCall
from models.ledger.records import ADVERSE_EVENTS
from pipelines.data.dispositions import outcomes

KEYS = ("caller_key", "address_key")
"""Columns that name the caller and the address, as keyed hashes in shared data."""

LABEL_SOURCES = ("clinician", "adjudicated", "outcome", "override")

LABEL_WORDS: dict[str, tuple[str, ...]] = {
    "eligible": ("yes", "no", "unsure"),
    "eligible_b": ("yes", "no", "unsure"),
    "response": tuple(Response),
    "adverse_event": (*ADVERSE_EVENTS, "yes", "no"),
    "danger": ("yes", "no"),
    "weapon": ("mention", "negated", "metaphor", "none", "yes", "no"),
    "violence": ("actual", "threat", "none", "yes", "no"),
    "medical": ("needs_ems", "none", "yes", "no"),
    "self_harm": ("yes", "no", "none"),
    "outcome": outcomes(),
    "label_source": LABEL_SOURCES,
}
"""Labels that hold one of a few words, and the words."""

FREE_LABELS = ("disposition", "labelled_at", "annotator", "drawn_by", "style", "heart_type", "scenario")
"""Labels that hold free text: the agency's disposition, who labelled when, how the call came into the queue, a synthetic
note's style, the kind of call.
"""

LABELS = (*LABEL_WORDS, *FREE_LABELS)

_SPELLINGS = {"true": "yes", "1": "yes", "1.0": "yes", "y": "yes", "false": "no", "0": "no", "0.0": "no", "n": "no"}
_ELIGIBLE = {"eligible": "yes", "not_eligible": "no", "review": "unsure", "disputed": "unsure"}
_TRUE = {"yes", "mention", "actual", "threat", "needs_ems"}
_BLANK = {"", "nan", "<na>", "nat", "none", "null"}


def text_of(value: object) -> str | None:
    """Return a cell as text without blanks around it, or `None` where it holds nothing.

    `None`, NaN and the ways in which they are written as text are nothing, except the label word `none` in lower case.
    """
    text = "" if value is None else str(value).strip()
    return None if text.lower() in _BLANK and text != "none" else text


def read_label(name: str, value: object) -> str | None:
    """Return a label in the contract's spelling, or `None` where it is blank; raise `InvalidCall` for an unknown word."""
    text = text_of(value)
    allowed = LABEL_WORDS.get(name)
    if text is None or allowed is None:
        return text
    word = text.lower().replace(" ", "_").replace("-", "_")
    word = word if word in allowed else _SPELLINGS.get(word, word)
    word = _ELIGIBLE.get(word, word) if name in {"eligible", "eligible_b"} else word
    if word not in allowed:
        raise InvalidCall(f"{name} is not known", field=name, value=text, remedy=f"use one of: {', '.join(allowed)}")
    return word


def read_labels(record: Mapping[str, Any]) -> dict[str, str | None]:
    """Return every key and label of a row in the contract's spelling; raise `InvalidCall` naming the column."""
    keys = {name: text_of(record.get(name)) for name in KEYS}
    return keys | {name: read_label(name, record.get(name)) for name in LABELS}


def as_flag(word: str | None) -> bool | None:
    """Return whether a label's word says yes; `None` where there is no label."""
    return None if word is None else word in _TRUE


def danger_of(labels: Mapping[str, str | None]) -> bool | None:
    """Return whether a weapon or violence was present: by `danger`, or else by `weapon` and `violence`."""
    if labels["danger"] is not None:
        return as_flag(labels["danger"])
    flags = [as_flag(labels[name]) for name in ("weapon", "violence") if labels[name] is not None]
    return any(flags) if flags else None
