"""Everything that is read off a call, once: its normalised text, its words, its signals, the veto's hits, its call type.

The features, the policy, the reasons, de-identification and the console's highlights all use the same `Reading`.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from models.call import Call
from models.common.instants import local_time
from models.programs.call_types import CallType, CallTypes, shipped
from models.signals.detector import Signal, SignalDetector, shipped_detector
from models.text.normalize import Normalised, normalise
from models.text.tokens import Word, model_words
from models.veto import Scan, VetoMatcher, shipped_matcher

_SHORT_NOTE = 2000
"""Notes up to so many characters are remembered while many calls are read: longer ones do not recur."""
_MOST_NOTES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One call as it was read. `veto` are the rules' hits in the note, `type_veto` those in the call type's words.

    `signals` are what the note says, in reading order. `covered` are the places in `words` of those that stand within a
    signal or a rule's hit. `rules_failed` says that the rules or the signals could not be read: no such call is cleared.
    """

    call: Call
    note: Normalised
    words: tuple[Word, ...]
    call_type: CallType
    signals: tuple[Signal, ...] = ()
    covered: frozenset[int] = frozenset()
    local_time: datetime | None = None
    veto: Scan
    type_veto: Scan
    rules_failed: bool = False


@dataclass(frozen=True, slots=True)
class _Note:
    """What is read off a note alone, whatever call it belongs to."""

    note: Normalised
    words: tuple[Word, ...]
    veto: Scan
    signals: tuple[Signal, ...]
    covered: frozenset[int]
    rules_failed: bool


class Reader:
    """The compiled veto and signals; remembers the call types it has read; safe to share between threads."""

    def __init__(
        self,
        matcher: VetoMatcher | None = None,
        signals: SignalDetector | None = None,
        *,
        call_types: CallTypes | None = None,
        time_zone: tzinfo = UTC,
    ) -> None:
        """Store the compiled veto, signals and call types, by default the shipped ones, and the program's time zone."""
        self.matcher, self.signals = matcher or shipped_matcher(), signals or shipped_detector()
        self.call_types, self.time_zone = call_types or shipped(), time_zone
        # A city has a few hundred call types.
        self._scan_type: Callable[[str], Scan] = lru_cache(maxsize=1024)(self.matcher.scan)

    def read(self, call: Call) -> Reading:
        """Return the reading of a call; a fault of the rules is recorded in it and never raised."""
        return self._reading(call, self._read_note(call.narrative))

    def remembering(self) -> Callable[[Call], Reading]:
        """Return a function that reads as `read` does, and reads a note that recurs once; what it remembers goes with it."""
        recurring = lru_cache(maxsize=_MOST_NOTES)(self._read_note)

        def read(call: Call) -> Reading:
            note = (recurring if len(call.narrative) <= _SHORT_NOTE else self._read_note)(call.narrative)
            return self._reading(call, note)

        return read

    def _read_note(self, narrative: str) -> _Note:
        """Return what is read off a note."""
        note = normalise(narrative)
        words = tuple(model_words(note.text))
        veto, rules_failed = Scan(), False
        signals: tuple[Signal, ...] = ()
        try:
            veto = self.matcher.scan_normalised(note, narrative)
            signals = self.signals.detect(note, narrative)
        except Exception:  # noqa: BLE001  whatever went wrong, nothing is cleared
            rules_failed = True
        return _Note(note, words, veto, signals, _covered(note, words, signals, veto), rules_failed)

    def _reading(self, call: Call, read: _Note) -> Reading:
        """Return the reading of a call whose note was read."""
        kind = self.call_types.canonical(call.call_type)
        type_veto, rules_failed = Scan(), read.rules_failed
        try:
            if call.call_type and kind.mention:
                type_veto = self._scan_type(call.call_type)
        except Exception:  # noqa: BLE001  whatever went wrong, nothing is cleared
            rules_failed = True
        return Reading(
            call=call,
            note=read.note,
            words=read.words,
            call_type=kind,
            signals=read.signals,
            covered=read.covered,
            local_time=None if call.received_at is None else local_time(call.received_at, self.time_zone),
            veto=read.veto,
            type_veto=type_veto,
            rules_failed=rules_failed,
        )


def _covered(note: Normalised, words: Sequence[Word], signals: Sequence[Signal], veto: Scan) -> frozenset[int]:
    """Return the places of the words that stand within a signal or a rule's hit."""
    spans = sorted([(signal.start, signal.end) for signal in signals] + [(hit.start, hit.end) for hit in veto.hits])
    if not spans:
        return frozenset()
    starts: list[int] = []
    ends: list[int] = []
    for start, end in spans:  # joined where they overlap, so that one look-up finds the only one that a word can touch
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    covered = []
    for number, word in enumerate(words):
        first, last = note.span(word.start, word.end)
        place = bisect_left(starts, last) - 1
        if place >= 0 and ends[place] > first:
            covered.append(number)
    return frozenset(covered)
