"""Notes as CAD systems export them: entries put in order, stamps and logins taken out, with the way back to the original.

A login such as GUNN or KNIFEB is a name and no mention of a weapon, so it must be gone before the veto reads the text.
It is taken out only where its place proves that it is one: within a bracketed stamp, or in front of an entry where a
roster names it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pipelines.data.formats.mapped_text import MappedText, Piece, joined

_STAMP = re.compile(r"\[(\d\d?/\d\d?/\d{2,4} \d\d?:\d\d(?::\d\d)?)(?: ([A-Z0-9._-]+))?\]", re.IGNORECASE)
_CUT_STAMP = re.compile(r"\[\d[\d/: ]*[A-Z0-9._-]*$", re.IGNORECASE)
_HEAD = re.compile(r"CAD:(?P<nature>[^;]*);(?P<address>[^;]*);", re.IGNORECASE)
_SYSTEM = re.compile(
    r"\{(?=[^{}]*\d)[A-Z0-9 -]{1,10}\}|\[(?:LAW|EMS|MED|FIRE|PD|SO|(?:Medical|Law|Fire) Priority Info)\]", re.IGNORECASE
)
_CROSS_STREET = re.compile(
    r"[A-Z0-9' .&-]{0,40}\b(?:st|street|rd|road|ave|avenue|dr|drive|ln|lane|ct|court|blvd|way|pl|place|cir|hwy|pkwy|ter)\.?",
    re.IGNORECASE,
)
_TIMES = ("%m/%d/%y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%y %H:%M", "%m/%d/%Y %H:%M")
_ENTRY = re.compile(
    r"^(?P<stamp>[\[(]?(?:\d{1,4}[-/]\d\d?[-/]\d{1,4}[ T])?\d\d?:\d\d(?::\d\d)?[\])]?[ \t]*[-:]?[ \t]*)"
    r"(?P<login>[A-Za-z][A-Za-z0-9._]{1,19})(?P<after>[ \t]*[:>-][ \t]*|[ \t]+)",
    re.MULTILINE,
)
_TITLED = re.compile(
    r"\b(?:ofc|ofcr|officer|off|dep|deputy|sgt|sergeant|lt|lieutenant|cpl|capt|captain|det|detective)\.? "
    r"(?P<name>[A-Za-z][A-Za-z'-]+)",
    re.IGNORECASE,
)
_MASK = "[NAME]"


@dataclass(frozen=True, slots=True)
class CadText:
    """A note as it was written, oldest entry first, and what else stood in the text.

    `note.starts` leads back to the text as it was sent. `first_at` is the local time of the oldest stamp.
    """

    note: MappedText
    nature: str | None = None
    address: str | None = None
    first_at: datetime | None = None


def read_ossi(text: str) -> CadText:
    """Return the note of an OSSI export, oldest entry first, each with its time of day and without its login.

    The newest entry comes first and each stamp stands after its text: `CAD:NATURE;ADDRESS;text [MM/DD/YY HH:MM:SS
    LOGIN] ...`. Units in braces and the names of sections are left out; so are cross streets after the last stamp. An
    end that was cut off keeps its words.
    """
    head = _HEAD.match(text)
    start = head.end() if head else 0
    entries: list[tuple[datetime | None, list[Piece]]] = []
    for stamp in _STAMP.finditer(text, start):
        entries.append((_time(stamp.group(1)), _words(text, start, stamp.start())))
        start = stamp.end()
    if not (entries and _only_streets(text[start:])):
        cut = _CUT_STAMP.search(text, start)
        entries.append((None, _words(text, start, cut.start() if cut else len(text))))
    written = [(moment, pieces) for moment, pieces in reversed(entries) if pieces]
    lines = [_line(moment, pieces) for moment, pieces in written]
    return CadText(
        note=joined(_on_lines(lines)),
        nature=(head.group("nature").strip() or None) if head else None,
        address=(head.group("address").strip() or None) if head else None,
        first_at=next((moment for moment, _ in written if moment is not None), None),
    )


def read_log(text: str, *, roster: Collection[str] = ()) -> CadText:
    """Return the note of a log whose lines begin with a time, without the logins in its stamps.

    Bracketed stamps lose their login; a word after a leading time is a login where the roster names it. A name of the
    roster after a title or a unit ("Ofc Gunn") is masked. Everything else stays: "07:12 GUN on table" is a mention.
    """
    names = {name.lower() for name in roster}
    cuts = [(match.start(2) - 1, match.end(2), "") for match in _STAMP.finditer(text) if match.group(2)]
    cuts += [
        (match.start("login"), match.end("after"), "")
        for match in _ENTRY.finditer(text)
        if match.group("login").lower() in names
    ]
    cuts += [
        (match.start("name"), match.end("name"), _MASK)
        for match in _TITLED.finditer(text)
        if match.group("name").lower() in names
    ]
    return CadText(joined(_without(text, cuts)))


def _on_lines(lines: list[list[Piece]]) -> list[Piece]:
    """Return the pieces of lines with a line's end between them."""
    return [piece for line in lines for piece in (Piece("\n", line[0].start, literal=False), *line)][1:]


def _only_streets(end: str) -> bool:
    """Return whether the end of an export holds cross streets and nothing else."""
    parts = [part.strip() for part in end.split(";") if part.strip()]
    return len(parts) <= 2 and all(map(_CROSS_STREET.fullmatch, parts))


def _without(text: str, cuts: list[tuple[int, int, str]]) -> list[Piece]:
    """Return a text with parts of it replaced."""
    pieces, last = [], 0
    for start, end, instead in sorted(cuts):
        if start >= last:
            pieces += [Piece(text[last:start], last), Piece(instead, start, literal=False)]
            last = end
    return [*pieces, Piece(text[last:], last)]


def _words(text: str, start: int, end: int) -> list[Piece]:
    """Return the words of an entry: without units in braces, names of sections and blanks around it."""
    pieces, last = [], start
    for mark in _SYSTEM.finditer(text, start, end):
        pieces.append(Piece(text[last : mark.start()], last))
        last = mark.end()
    pieces.append(Piece(text[last:end], last))
    trimmed = [
        Piece(one.text.strip(), one.start + len(one.text) - len(one.text.lstrip())) for one in pieces if one.text.strip()
    ]
    return [piece for one in trimmed for piece in (Piece(" ", one.start, literal=False), one)][1:]


def _line(moment: datetime | None, pieces: list[Piece]) -> list[Piece]:
    """Return an entry as a line of a log: its time of day, then its words."""
    if moment is None:
        return pieces
    return [Piece(f"{moment:%H:%M:%S} ", pieces[0].start, literal=False), *pieces]


def _time(text: str) -> datetime | None:
    """Return the local time of a stamp, or nothing where it is no time."""
    for form in _TIMES:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  the map's zone is added where the row is read
        except ValueError:
            continue
    return None
