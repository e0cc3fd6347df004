"""Say what a rulebook does: to one note, to a file of calls, and against another rulebook."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from models import statistics as estimates
from models.call import Call
from models.veto.matcher import Hit, Rulebook, Scan
from pipelines.data.table import Table

CONFIDENCE = 0.95


def explained(book: Rulebook, note: str) -> Iterator[str]:
    """Yield one line for every hit and every suppressed near-miss, then what they come to."""
    scan = book.scan(note)
    for hit in scan.hits:
        yield _line(hit, "screening answer" if hit.question else hit.rule_class.value)
    for hit in scan.suppressed:
        yield _line(hit, "suppressed near-miss")
    yield f"{_verdict(scan)} (rulebook {book.version})"


def changes(old: Rulebook, new: Rulebook, rows: Iterable[int], calls: Iterable[Call]) -> Iterator[str]:
    """Yield one line for every call whose verdict or vetoing rules differ; rows are named, notes never shown."""
    for row, call in zip(rows, calls, strict=True):
        before, after = old.scan(call.narrative), new.scan(call.narrative)
        one, other = (_verdict(before), _rules(before)), (_verdict(after), _rules(after))
        if one != other:
            yield f"row {row}: {one[0]} [{one[1]}] -> {other[0]} [{other[1]}]"


def measured(book: Rulebook, table: Table, *, track: Callable[[Iterable[Call]], Iterable[Call]]) -> Iterator[str]:
    """Yield the lines of a report on labelled calls: recall, false vetoes, each rule's share, and each miss by row."""
    scans = [book.scan(call.narrative) for call in track(table.calls)]
    rows, danger = table.labels["row"].tolist(), table.labels["danger"].tolist()
    labelled = table.labels["label"].tolist()
    truth = [value is True for value in danger]
    known = [value is not None for value in danger]
    vetoed = [bool(scan.vetoes) for scan in scans]
    positive = [v for v, t in zip(vetoed, truth, strict=True) if t]
    negative = [v for v, t, k in zip(vetoed, truth, known, strict=True) if k and not t]
    yield f"Weapon or violence labelled and vetoed: {estimates.share(sum(positive), len(positive), confidence=CONFIDENCE)}"
    neither = estimates.share(sum(negative), len(negative), confidence=CONFIDENCE)
    yield f"Neither labelled and vetoed (false vetoes): {neither}"
    for label in sorted(set(filter(None, labelled))):
        of_label = [v for v, name in zip(vetoed, labelled, strict=True) if name == label]
        yield f"  labelled {label:22} vetoed {sum(of_label)} of {len(of_label)}"
    yield "Rule                       fires   false   share of false vetoes   screening   suppressed"
    false_vetoes = sum(negative)
    yield from _by_rule(scans, [k and not t for t, k in zip(truth, known, strict=True)], false_vetoes)
    yield "Misses (labelled weapon or violence, not vetoed):"
    misses = [row for row, v, t in zip(rows, vetoed, truth, strict=True) if t and not v]
    yield from (f"  row {row}" for row in misses) if misses else ("  none",)
    yield "False vetoes:"
    for row, scan, is_safe in zip(rows, scans, [k and not t for t, k in zip(truth, known, strict=True)], strict=True):
        if is_safe and scan.vetoes:
            yield f"  row {row}: {_rules(scan)}"


def _by_rule(scans: list[Scan], safe: list[bool], false_vetoes: int) -> Iterator[str]:
    """Yield one line for each rule that fired, counted once a call."""
    fires: Counter[str] = Counter()
    false: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    suppressed: Counter[str] = Counter()
    for scan, is_safe in zip(scans, safe, strict=True):
        named = {hit.rule_id for hit in scan.vetoes}
        fires.update(named)
        false.update(named if is_safe else ())
        answers.update({hit.rule_id for hit in scan.screening})
        suppressed.update({hit.rule_id for hit in scan.suppressed})
    for rule in sorted({*fires, *answers, *suppressed}, key=lambda name: (-fires[name], name)):
        share = f"{false[rule] / false_vetoes:.0%}" if false_vetoes else "-"
        yield f"  {rule:24}{fires[rule]:6}{false[rule]:8}{share:>24}{answers[rule]:12}{suppressed[rule]:13}"


def _rules(scan: Scan) -> str:
    """Name the rules that veto."""
    return ", ".join(sorted({hit.rule_id for hit in scan.vetoes}))


def _verdict(scan: Scan) -> str:
    """Say what a scan comes to under the default setting for screening answers."""
    if scan.vetoes:
        return "VETO"
    return "REVIEW" if scan.screening or scan.means else "no veto"


def _line(hit: Hit, kind: str) -> str:
    """Show one hit."""
    return f'{hit.start:5}-{hit.end:<5} "{hit.words}"  rule {hit.rule_id}, {kind}, {hit.annotation}'
