"""Checks of the signals, what they say of one note, and how often each fires on a table of calls."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from models.call import Call
from models.signals import Lexicon, Signal, SignalDetector
from models.signals.lexicon import SignalDefinition
from models.text.normalize import normalise

if TYPE_CHECKING:
    from pipelines.data.table import Table  # pandas, which only a report on a file needs

LABELS = {True: "eligible", False: "not eligible", "unsure": "unsure"}
"""The labels of a call as `read_table` gives them, and how the report names them; a call without one is in the totals."""


def faults(lexicon: Lexicon) -> Iterator[str]:
    """Yield the faults of a lexicon, one sentence each: examples that fail, and what is written twice."""
    detector = SignalDetector(lexicon)
    for definition in lexicon.signals:
        yield from _failed_examples(detector, definition)
        written = Counter(pattern.text for pattern in (*definition.patterns, *definition.near_misses))
        yield from (f'{definition.id}: "{text}" is written twice' for text, count in written.items() if count > 1)
    sentences = Counter(definition.sentence for definition in lexicon.signals)
    yield from (f'two signals have the sentence "{text}"' for text, count in sentences.items() if count > 1)
    used = {definition.group for definition in lexicon.signals}
    yield from (f"group {group} has no signal" for group in lexicon.groups if group not in used)


def shared(lexicon: Lexicon) -> list[str]:
    """Return the patterns that several signals hold, with their ids: meant in some cases, worth reading in all."""
    holders: dict[str, list[str]] = {}
    for definition in lexicon.signals:
        for text in dict.fromkeys(pattern.text for pattern in definition.patterns):
            holders.setdefault(text, []).append(definition.id)
    return [f'"{text}": {", ".join(ids)}' for text, ids in sorted(holders.items()) if len(ids) > 1]


def _failed_examples(detector: SignalDetector, definition: SignalDefinition) -> Iterator[str]:
    """Yield the examples of one signal that do not do what they should."""
    for note in definition.fires:
        if definition.id not in _ids(detector, note):
            yield f'{definition.id}: "{note}" does not fire'
    for note in definition.silent:
        if definition.id in _ids(detector, note):
            yield f'{definition.id}: "{note}" fires and should not'


def _ids(detector: SignalDetector, note: str) -> set[str]:
    """Return the ids of the signals of a note."""
    return {signal.id for signal in detector.detect(normalise(note), note)}


def explanation(detector: SignalDetector, note: str) -> Iterator[str]:
    """Yield one line for every signal and every suppressed near-miss of a note, then what they come to."""
    detection = detector.scan(normalise(note), note)
    for signal in detection.signals:
        yield _line(signal, f"{signal.assertion}: {signal.sentence}")
    for signal in detection.suppressed:
        yield _line(signal, "suppressed near-miss")
    asserted = {signal.group for signal in detection.signals if signal.asserted}
    own = sorted(group for group in asserted if detector.lexicon.in_program(group))
    other = sorted(asserted.difference(own))
    yield f"the program's own: {', '.join(own) or 'none'}; others: {', '.join(other) or 'none'} (signals {detector.version})"


def _line(signal: Signal, meaning: str) -> str:
    """Return one line about a signal."""
    return f'{signal.start:5}-{signal.end:<5} "{signal.words}"  {signal.id} ({signal.group}), {meaning}'


def report_lines(
    detector: SignalDetector, table: "Table", *, track: Callable[[Iterable[Call]], Iterable[Call]]
) -> Iterator[str]:
    """Yield a report on a table of calls; rows are named by number, and no word of a note is shown."""
    asserted = [_asserted(detector, call) for call in track(table.calls)]
    labels = [LABELS.get(label) for label in table.labels["eligible"].tolist()]
    rows = table.labels["row"].tolist()
    yield from _coverage(detector.lexicon, asserted, labels)
    yield _head("Group")
    yield from _counts([{signal.group for signal in signals} for signals in asserted], labels)
    yield _head("Signal")
    yield from _counts([{signal.id for signal in signals} for signals in asserted], labels)
    fired = {signal.id for signals in asserted for signal in signals}
    silent = [definition.id for definition in detector.lexicon.signals if definition.id not in fired]
    yield f"Never fired: {', '.join(silent) or 'none'}"
    without = [(row, label) for row, label, signals in zip(rows, labels, asserted, strict=True) if not signals]
    yield f"Nothing fired: {_share(len(without), len(asserted))}"
    yield from (f"  row {row}{f': {label}' if label else ''}" for row, label in without)


def _asserted(detector: SignalDetector, call: Call) -> list[Signal]:
    """Return the signals that a call's note asserts."""
    return [signal for signal in detector.detect(normalise(call.narrative), call.narrative) if signal.asserted]


def _coverage(lexicon: Lexicon, found: list[list[Signal]], labels: list[str | None]) -> Iterator[str]:
    """Yield, for all calls and for each label, how many hold any signal and how many one of the program's own."""
    for label in (None, *LABELS.values()):
        chosen = [signals for signals, name in zip(found, labels, strict=True) if label in {None, name}]
        if not chosen:
            continue
        own = sum(any(lexicon.in_program(signal.group) for signal in signals) for signals in chosen)
        anything = _share(sum(map(bool, chosen)), len(chosen))
        yield f"{label or 'all calls':14} any signal {anything}; one of the program's own {_share(own, len(chosen))}"


def _counts(found: list[set[str]], labels: list[str | None]) -> Iterator[str]:
    """Yield one line for each name that was found, counted once a call, by label."""
    total = Counter(name for names in found for name in names)
    by_label = Counter((name, label) for names, label in zip(found, labels, strict=True) for name in names)
    for name, count in sorted(total.items(), key=lambda item: (-item[1], item[0])):
        columns = "".join(f"{by_label[name, label]:14}" for label in LABELS.values())
        yield f"  {name:24}{count:8}{count / len(found):8.1%}{columns}"


def _head(name: str) -> str:
    """Return the head of a table of counts."""
    return f"{name:26}{'fires':>8}{'share':>8}" + "".join(f"{label:>14}" for label in LABELS.values())


def _share(count: int, size: int) -> str:
    """Return a count with its share."""
    return f"{count} of {size} ({count / size:.1%})"
