"""A note in plain lower case, normalised once for the rules and for the classifier, with the way back to the original.

Look-alike letters, full-width forms, zero-width and combining marks all become plain lower-case ASCII where they can,
so that a word is the same word however it was typed. `Normalised.span` turns a place in the normalised text into a
place in the note as it was written, because the clinician must see the caller's words and not ours.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

TEXT_VERSION = "3"
"""Raise this whenever `normalise` or `models.text.tokens` changes: a bundle made with another version is refused."""

# Letters of other scripts that look like Latin ones, the usual means of disguise: the part of Unicode TR 39's
# confusables that turns up in typed text (Cyrillic, Greek, Armenian, Lisu, small capitals). Capitals stand apart
# because a Greek capital Nu looks like N but its small letter looks like v.
_LOOKALIKES = str.maketrans(
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺавеіјкӏмнорстухѕԁԛԝһүɡɑαβγεηικνορτυχωϲϳսոօհցıłøđħŧſꓖꓴꓠꓗꓮꓰꓡꓢꓔᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ",
    "abezhikmnoptyxcmabeijklmhopctyxsdqwhygaabyenikvoptuxwcjunohgilodhtsgunkaelstabcdefghijklmnoprstuvwyz",
)
_SIGNS: dict[int, str] = {
    ord("æ"): "ae",
    ord("œ"): "oe",
    ord("’"): "'",
    ord("‘"): "'",
    ord("‐"): "-",
    ord("‑"): "-",
    ord("–"): "-",
    ord("—"): "-",
    ord("−"): "-",
    ord("“"): '"',
    ord("”"): '"',
}
_ASCII = (
    {code: " " for code in range(32) if chr(code) != "\n"} | {code: chr(code + 32) for code in range(65, 91)} | {127: " "}
)
_DROPPED = frozenset({"Mn", "Me", "Cf"})
_LONGEST_FOLD = 6
"""A character that unfolds into more, as U+FDFA does into eighteen, is a phrase of its own and hides no word."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """Normalised text; `starts[i]` is the place in the note of character `i`, or `None` where all places agree."""

    text: str
    starts: tuple[int, ...] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original note, end exclusive, of `text[start:end]`."""
        if self.starts is None:
            return start, end
        return self.starts[start], self.starts[end - 1] + 1


def normalise(narrative: str) -> Normalised:
    """Return the note in plain lower case with offsets to the original.

    >>> normalise("Male with a KNIFE").text
    'male with a knife'
    >>> normalise("ｇ\u200bｕｎ").text, normalise("ｇ\u200bｕｎ").span(0, 3)
    ('gun', (0, 4))
    """
    if narrative.isascii():
        return Normalised(narrative.translate(_ASCII), None)
    pieces = [_fold_character(character) for character in narrative]
    starts = tuple(place for place, piece in enumerate(pieces) for _ in piece)
    return Normalised("".join(pieces), starts)


@lru_cache(maxsize=16_384)
def _fold_character(character: str) -> str:
    """Return the text for one character of a note: nothing, a plain letter, a space, or an emoji between spaces."""
    if character.isascii():
        return character.translate(_ASCII)
    category = unicodedata.category(character)
    if category in _DROPPED:
        return ""
    if category[0] == "Z" or category in {"Cc", "Cs", "Co", "Cn"}:
        return "\n" if category in {"Zl", "Zp"} or character == "\x85" else " "
    plain = (
        unicodedata.normalize("NFKD", _squared(character))
        .translate(_LOOKALIKES)
        .lower()
        .translate(_LOOKALIKES)
        .translate(_SIGNS)
    )
    plain = "".join(part for part in unicodedata.normalize("NFKD", plain) if unicodedata.category(part) not in _DROPPED)
    if len(plain) > _LONGEST_FOLD:
        return " "
    return f" {plain} " if category == "So" and not plain.isascii() else plain.translate(_ASCII)


def _squared(character: str) -> str:
    """Return the letter for a letter in a circle or square, which NFKD leaves alone; any other character as it is."""
    code = ord(character)
    for first in (0x1F150, 0x1F170, 0x1F1E6):  # negative circled, negative squared, regional indicators
        if first <= code < first + 26:
            return chr(ord("a") + code - first)
    return character
