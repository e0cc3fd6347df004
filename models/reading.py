"""Everything that is read off a call, once: its normalised text, its words, its signals, the veto's hits, its call type.

The features, the policy, the reasons, de-identification and the console's highlights all use the same `Reading`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from models.call import Call
from models.instants import local_time
from models.programs.call_types import CallType, CallTypes, shipped
from models.signals.detector import Signal, SignalDetector, shipped_detector
from models.text.normalize import Normalised, normalise
from models.text.tokens import Word, model_words
from models.veto import Scan, VetoMatcher, shipped_matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One call as it was read. `veto` are the rules' hits in the note, `type_veto` those in the call type's words.

    `signals` are what the note says,
    in reading order. `rules_failed` says that the rules or the signals could not be read: such a call is never cleared.
    """

    call: Call
    note: Normalised
    words: tuple[Word, ...]
    call_type: CallType
    signals: tuple[Signal, ...] = ()
    local_time: datetime | None = None
    veto: Scan
    type_veto: Scan
    rules_failed: bool = False


class Reader:
    """The compiled veto and signals; remembers the call types it has read; safe to share between threads."""

    def __init__(
        self,
        rulebook: VetoMatcher | None = None,
        signals: SignalDetector | None = None,
        *,
        call_types: CallTypes | None = None,
        time_zone: tzinfo = UTC,
    ) -> None:
        """Store the compiled veto, signals and call types, by default the shipped ones, and the program's time zone."""
        self.rulebook, self.signals = rulebook or shipped_matcher(), signals or shipped_detector()
        self.call_types, self.time_zone = call_types or shipped(), time_zone
        # A city has a few hundred call types.
        self._scan_type: Callable[[str], Scan] = lru_cache(maxsize=1024)(self.rulebook.scan)

    def read(self, call: Call) -> Reading:
        """Return the reading of a call; a fault of the rules is recorded in it and never raised."""
        note = normalise(call.narrative)
        kind = self.call_types.canonical(call.call_type)
        veto = type_veto = Scan()
        signals: tuple[Signal, ...] = ()
        rules_failed = False
        try:
            veto = self.rulebook.scan_normalised(note, call.narrative)
            if call.call_type and kind.mention:
                type_veto = self._scan_type(call.call_type)
            signals = self.signals.detect(note, call.narrative)
        except Exception:  # noqa: BLE001  whatever went wrong, nothing is cleared
            rules_failed = True
        return Reading(
            call=call,
            note=note,
            words=tuple(model_words(note.text)),
            call_type=kind,
            signals=signals,
            local_time=None if call.received_at is None else local_time(call.received_at, self.time_zone),
            veto=veto,
            type_veto=type_veto,
            rules_failed=rules_failed,
        )
