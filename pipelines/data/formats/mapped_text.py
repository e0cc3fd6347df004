"""Text that was restored from how a system sent it, with the way back to the original."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Piece(NamedTuple):
    """A run of text; `start` is its place in the original, and `literal` says that it stands there letter for letter."""

    text: str
    start: int
    literal: bool = True


@dataclass(frozen=True, slots=True)
class MappedText:
    """Restored text; `starts[i]` is the place in the original of character `i`, or of what it stands for."""

    text: str
    starts: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where `text[start:end]` begins in the original, and where its last character begins."""
        return self.starts[start], self.starts[end - 1]


def joined(pieces: Iterable[Piece]) -> MappedText:
    """Return the text of pieces one after another."""
    pieces = list(pieces)
    starts = tuple(piece.start + place * piece.literal for piece in pieces for place in range(len(piece.text)))
    return MappedText("".join(piece.text for piece in pieces), starts)
