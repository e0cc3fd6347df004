"""What a rulebook does: to one note, to a file of calls, and compared with another rulebook."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from models import statistics as estimates
from models.call import Call
from models.veto import Hit, Scan, VetoMatcher

if TYPE_CHECKING:
    from pipelines.data.table import Table  # pandas, which only a report on a file needs

CONFIDENCE = 0.95


def explanation(matcher: VetoMatcher, note: str) -> Iterator[str]:
    """Yield one line for every hit and every suppressed near-miss, then the verdict."""
    scan = matcher.scan(note)
    for hit in scan.hits:
        yield _line(hit, "screening answer" if hit.question else hit.rule_class.value)
    for hit in scan.suppressed:
        yield _line(hit, "suppressed near-miss")
    yield f"{_verdict(scan)} (rulebook {matcher.version})"


def changes(old: VetoMatcher, new: VetoMatcher, rows: Iterable[int], calls: Iterable[Call]) -> Iterator[str]:
    """Yield one line for every call whose verdict or vetoing rules differ; rows are named, notes never shown."""
    for row, call in zip(rows, calls, strict=True):
        before, after = old.scan(call.narrative), new.scan(call.narrative)
        was, is_now = f"{_verdict(before)} [{_rules(before)}]", f"{_verdict(after)} [{_rules(after)}]"
        if was != is_now:
            yield f"row {row}: {was} -> {is_now}"


def report_lines(
    matcher: VetoMatcher, table: "Table", *, track: Callable[[Iterable[Call]], Iterable[Call]]
) -> Iterator[str]:
    """Yield a report on labelled calls: recall, false vetoes, each rule's share, and each miss by row."""
    scans = [matcher.scan(call.narrative) for call in track(table.calls)]
    rows, danger = table.labels["row"].tolist(), table.labels["danger"].tolist()
    labels = table.labels["label"].tolist()
    dangerous = [value is True for value in danger]
    safe = [value is not None and value is not True for value in danger]
    vetoed = [bool(scan.vetoes) for scan in scans]
    recalled = [veto for veto, is_dangerous in zip(vetoed, dangerous, strict=True) if is_dangerous]
    wrong = [veto for veto, is_safe in zip(vetoed, safe, strict=True) if is_safe]
    yield f"Weapon or violence labelled and vetoed: {estimates.share(sum(recalled), len(recalled), confidence=CONFIDENCE)}"
    yield f"Neither labelled and vetoed (false vetoes): {estimates.share(sum(wrong), len(wrong), confidence=CONFIDENCE)}"
    for label in sorted(set(filter(None, labels))):
        of_label = [veto for veto, name in zip(vetoed, labels, strict=True) if name == label]
        yield f"  labelled {label:22} vetoed {sum(of_label)} of {len(of_label)}"
    yield "Rule                       fires   false   share of false vetoes   screening   suppressed"
    yield from _by_rule(scans, safe, sum(wrong))
    yield "Misses (labelled weapon or violence, not vetoed):"
    misses = [row for row, veto, is_dangerous in zip(rows, vetoed, dangerous, strict=True) if is_dangerous and not veto]
    yield from (f"  row {row}" for row in misses) if misses else ("  none",)
    yield "False vetoes:"
    for row, scan, is_safe in zip(rows, scans, safe, strict=True):
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
    """Return the names of the rules that veto."""
    return ", ".join(sorted({hit.rule_id for hit in scan.vetoes}))


def _verdict(scan: Scan) -> str:
    """Return the verdict on a scan under the default settings for recorded answers and plain negations."""
    if scan.vetoes:
        return "VETO"
    return "REVIEW" if scan.screening or scan.negated or scan.means else "no veto"


def _line(hit: Hit, kind: str) -> str:
    """Return one hit as a line."""
    return f'{hit.start:5}-{hit.end:<5} "{hit.words}"  rule {hit.rule_id}, {kind}, {hit.assertion}'
