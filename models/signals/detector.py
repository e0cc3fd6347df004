"""The signals in a note: which, where, and whether the note asserts them.

A pattern, and an exception to it, counts only within one sentence, and so does every word that denies or doubts it: what
is added after a full stop never takes a signal away.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from models.signals.lexicon import Lexicon, load_lexicon
from models.signals.matcher import Match, PatternMatcher, Span
from models.signals.patterns import Pattern, words_of
from models.signals.scope import Bounds, answered_no, bounds_of, scope_of
from models.text.normalize import Normalised
from models.text.tokens import Word
from models.veto.assertion import Assertion, assertion_of

_THE_VETOS_OWN = frozenset({Assertion.SELF_ONLY, Assertion.SCREENING})
"""What only a weapon or violence can be: a signal is then asserted."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal in a note: what it means, the words as written, and their place in the original note, end exclusive."""

    id: str
    group: str
    sentence: str
    assertion: Assertion
    words: str
    start: int
    end: int

    @property
    def asserted(self) -> bool:
        """Return whether the note says that it is so now, or may be so."""
        return self.assertion not in {Assertion.NEGATED, Assertion.HISTORICAL}

    @property
    def token(self) -> str:
        """Return the signal as the classifier counts it: its id, with `not:` where denied, `past:` where over."""
        if self.asserted:
            return self.id
        return f"{'not' if self.assertion is Assertion.NEGATED else 'past'}:{self.id}"


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found in a note, in reading order; `suppressed` are listed near-misses, kept to be shown."""

    signals: tuple[Signal, ...] = ()
    suppressed: tuple[Signal, ...] = ()


class SignalDetector:
    """A compiled lexicon; safe to share between threads."""

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        """Compile a lexicon, by default the one that ships with the package."""
        self.lexicon = lexicon or load_lexicon()
        self.version = self.lexicon.version
        self._matcher = PatternMatcher(_owned(self.lexicon), ordinary=self.lexicon.ordinary)

    def detect(self, note: Normalised, narrative: str) -> tuple[Signal, ...]:
        """Return the signals of a note in reading order; offsets are those of `narrative`."""
        return self.scan(note, narrative).signals

    def scan(self, note: Normalised, narrative: str) -> Detection:
        """Return the signals of a note and the near-misses that were set aside."""
        words = words_of(note.text)
        matches = self._matcher.find(words)
        if not matches:
            return Detection()
        bounds = bounds_of(note.text, words)
        if bounds.sentences:
            matches = [match for match in matches if bounds.within_a_sentence((match.start, match.end))]
        stand, excused = _without_near_misses(matches)
        return Detection(
            tuple(self._signal(match, words, bounds, note, narrative) for match in _longest(stand)),
            tuple(self._signal(match, words, bounds, note, narrative) for match in _longest(excused)),
        )

    def _signal(self, match: Match, words: list[Word], bounds: Bounds, note: Normalised, narrative: str) -> Signal:
        """Return a match as a signal."""
        definition = self.lexicon.signals[match.owner - 1]
        assertion = _assertion(match, words, bounds, note.text, definition.id)
        start, end = note.span(words[match.start].start, words[match.end - 1].end)
        return Signal(definition.id, definition.group, definition.sentence, assertion, narrative[start:end], start, end)


@cache
def shipped_detector() -> SignalDetector:
    """Return the compiled signals that ship with the package; compiling takes a second, so that all share one."""
    return SignalDetector()


def detector_of(additions: Mapping[str, Any]) -> SignalDetector:
    """Return the compiled signals with what a city adds, given as a table; the shipped ones where it adds nothing."""
    return SignalDetector(load_lexicon(additions)) if additions else shipped_detector()


def signal_tokens(signals: Iterable[Signal]) -> str:
    """Return the signals of a note as the tokens that a classifier counts, sorted, each once, set apart by spaces.

    A signal that the note asserts gives its id and the id of its group; one that it denies gives `not:` and the id, one
    of the past `past:` and the id.
    """
    tokens: set[str] = set()
    for signal in signals:
        tokens.add(signal.token)
        if signal.asserted:
            tokens.add(f"group:{signal.group}")
    return " ".join(sorted(tokens))


def _assertion(match: Match, words: list[Word], bounds: Bounds, text: str, signal: str) -> Assertion:
    """Return the assertion of a match, judged by the veto's code from the words that can deny, doubt or date it."""
    if answered_no(text, words[match.end - 1].end):
        return Assertion.NEGATED
    first, last = scope_of(words, (match.start, match.end), bounds)
    assertion = assertion_of(words[first:last], match.start - first, match.end - first, text, rule_id=signal)
    return Assertion.ASSERTED if assertion in _THE_VETOS_OWN else assertion


def _owned(lexicon: Lexicon) -> Iterator[tuple[int, Pattern]]:
    """Yield each pattern with the number of its signal, from 1; near-misses with the number negated."""
    for number, signal in enumerate(lexicon.signals, start=1):
        yield from ((number, pattern) for pattern in signal.patterns)
        yield from ((-number, pattern) for pattern in signal.near_misses)


def _without_near_misses(matches: list[Match]) -> tuple[list[Match], list[Match]]:
    """Return the matches of signals that stand, and those that share a word with one of the signal's near-misses."""
    near: dict[int, list[Span]] = {}
    for match in matches:
        if match.owner < 0:
            near.setdefault(-match.owner, []).append((match.start, match.end))
    stand: list[Match] = []
    excused: list[Match] = []
    for match in matches:
        if match.owner > 0:
            spans = near.get(match.owner)
            (excused if spans and _touches(match, spans) else stand).append(match)
    return stand, excused


def _touches(match: Match, near: list[Span]) -> bool:
    """Return whether a near-miss shares a word with a segment of a match."""
    return any(start < part[1] and part[0] < end for start, end in near for part in match.parts)


def _longest(matches: list[Match]) -> list[Match]:
    """Keep, of overlapping matches of one signal, the one that starts first and is longest; in reading order."""
    kept: list[Match] = []
    reached: dict[int, int] = {}
    for match in sorted(matches, key=lambda match: (match.start, -match.end, match.owner)):
        if match.start >= reached.get(match.owner, 0):
            kept.append(match)
            reached[match.owner] = match.end
    return kept
