"""The keys of the call page in each language: one table for the page, its list of keys, and the documentation.

No key here is used by browsers: those are F1, F3, F5 to F7, F10 to F12, Alt with D, E or F, and Alt with left or right.
"""

from dataclasses import dataclass

_SAME = (
    ("agree", "F2", False),
    ("override", "F4", False),
    ("undo", "F8", False),
    ("next", "F9", False),
    ("previous_call", "ArrowUp", True),
    ("following_call", "ArrowDown", True),
    ("copy_cad", "C", True),
    ("keys", "/", True),
)
_LETTERS = {
    "en": {"question_weapons": "W", "question_violence": "V", "question_medical": "M", "answer_none": "N", "answer_yes": "Y",
           "answer_unknown": "U", "answer_not_asked": "A", "take_back": "T"},
    "es": {"question_weapons": "A", "question_violence": "V", "question_medical": "M", "answer_none": "N", "answer_yes": "S",
           "answer_unknown": "I", "answer_not_asked": "P", "take_back": "R"},
}  # fmt: skip
_PRINTED = {"ArrowUp": "↑", "ArrowDown": "↓"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its command, the key, and whether Alt is held."""

    command: str
    key: str
    alt: bool

    @property
    def label(self) -> str:
        """Return the key as it is printed on the page."""
        return f"{'Alt ' if self.alt else ''}{_PRINTED.get(self.key, self.key)}"


def keys(language: str) -> tuple[Key, ...]:
    """Return the keys of a language, in the order of the page's list."""
    letters = tuple(Key(command, letter, alt=True) for command, letter in _LETTERS[language].items())
    return tuple(Key(*row) for row in _SAME[:4]) + letters + tuple(Key(*row) for row in _SAME[4:])
