"""Held vetoes: vetoes whose words were removed from the note. Each counts until a person clears it by its id.

A word that is still being typed is not removed when it becomes another, as "hi" becomes "himself": the rules read it anew in
the same place. A word is removed when it is deleted or overwritten after it was finished.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from models.decision import VETO_CODES

MOST = 50
"""The most mentions of one note that are kept separately; the others are merged into one, which still counts."""


@dataclass(slots=True)
class Mention:
    """One mention of a rule: its words, its place in the note, and the decision that first named it."""

    veto_id: str
    rule_id: str
    words: str
    decision_id: str
    start: int
    end: int


@dataclass(slots=True)
class HeldVetoes:
    """The vetoes of one call's note while it changes: `present` in the note, or `gone` from it and held."""

    note: str = ""
    present: list[Mention] = field(default_factory=list)
    gone: list[Mention] = field(default_factory=list)

    def change(self, note: str) -> None:
        """Update the mentions for a changed note: overwritten or deleted ones are gone. Linear in the number of mentions."""
        ahead, behind = _common(self.note, note)
        changed_end, shift = len(self.note) - behind, len(note) - len(self.note)
        present = []
        for mention in self.present:
            if mention.end > ahead and mention.start < changed_end:
                self.gone.append(mention)
                continue
            if mention.end > ahead:
                mention.start, mention.end = mention.start + shift, mention.end + shift
            present.append(mention)
        self.present, self.note = present, note

    def update(self, record: dict[str, Any], unfinished: tuple[int, int] | None = None) -> None:
        """Update the mentions by the decision on the present note; a mention that it names again is no longer gone.

        `unfinished` is the place of the word that is still being typed: a veto that touches it is not held when it changes.
        """
        gone = {(mention.rule_id, mention.words.lower()): mention for mention in self.gone}
        self.present = []
        for reason in record["hits"]:
            if reason["code"] not in VETO_CODES or reason["start"] is None or touches(reason, unfinished):
                continue
            rule_id, words = str(reason["rule_id"]), str(reason["words"])
            earlier = gone.pop((rule_id, words.lower()), None)
            veto_id = earlier.veto_id if earlier else secrets.token_hex(6)
            decision_id = earlier.decision_id if earlier else str(record["decision_id"])
            self.present.append(Mention(veto_id, rule_id, words, decision_id, reason["start"], reason["end"]))
        self.present, self.gone = _capped(self.present), _capped(list(gone.values()))

    def find(self, veto_ids: Iterable[str]) -> list[Mention]:
        """Return the held mentions with some ids."""
        ids = set(veto_ids)
        return [mention for mention in self.gone if mention.veto_id in ids]

    def clear(self, veto_ids: Iterable[str]) -> None:
        """Remove held mentions that a person has cleared."""
        cleared = set(veto_ids)
        self.gone = [mention for mention in self.gone if mention.veto_id not in cleared]

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the rules whose words are gone, each once."""
        return tuple(dict.fromkeys(mention.rule_id for mention in self.gone))

    def to_records(self) -> list[dict[str, str]]:
        """Return the held vetoes as they are sent."""
        return [
            {"id": each.veto_id, "rule_id": each.rule_id, "words": each.words, "decision_id": each.decision_id}
            for each in self.gone
        ]

    def dump(self) -> dict[str, Any]:
        """Return everything as plain values; `load` reads it back."""
        return asdict(self)

    @classmethod
    def load(cls, values: dict[str, Any]) -> "HeldVetoes":
        """Return the vetoes that `dump` returned as plain values."""
        present = [Mention(**each) for each in values["present"]]
        return cls(values["note"], present, [Mention(**each) for each in values["gone"]])


def touches(reason: dict[str, Any], place: tuple[int, int] | None) -> bool:
    """Return whether a reason's words overlap a place of the note."""
    return place is not None and reason["start"] is not None and reason["start"] < place[1] and reason["end"] > place[0]


def unfinished_word(note: str, caret: int | None) -> tuple[int, int] | None:
    """Return the place of the word that ends at the caret; `None` where the caret is unknown or follows a space.

    >>> unfinished_word("talks to hi", 11), unfinished_word("has a gun ", 10), unfinished_word("a gun here", 5)
    ((9, 11), None, (2, 5))
    """
    if caret is None or not 0 < caret <= len(note) or not note[caret - 1].isalnum():
        return None
    if caret < len(note) and note[caret].isalnum():
        return None  # inside a word that was finished before
    start = caret
    while start > 0 and not note[start - 1].isspace():
        start -= 1
    return start, caret


def _capped(mentions: Sequence[Mention]) -> list[Mention]:
    """Return at most `MOST` mentions: the first ones, and one into which the others are merged."""
    if len(mentions) <= MOST:
        return list(mentions)
    rest = mentions[MOST - 1 :]
    first = rest[0]
    words = f"{first.words} and {len(rest) - 1} more"
    start, end = min(each.start for each in rest), max(each.end for each in rest)
    return [*mentions[: MOST - 1], Mention(first.veto_id, first.rule_id, words, first.decision_id, start, end)]


def _common(old: str, new: str) -> tuple[int, int]:
    """Return how many characters two notes share at their start, and how many of the rest at their end.

    >>> _common("he has hi", "he has him"), _common("a gun here", "a here")
    ((9, 0), (2, 4))
    """
    least = min(len(old), len(new))
    ahead = _shared(lambda count: old.startswith(new[:count]), least)
    return ahead, _shared(lambda count: count == 0 or old.endswith(new[-count:]), least - ahead)


def _shared(same: Callable[[int], bool], most: int) -> int:
    """Return the largest count up to `most` for which `same` is true, by binary search, because notes may be long."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if same(middle) else (low, middle - 1)
    return low
