"""Lint a rulebook by trying it: every phrase must fire its rule, every near-miss must be a near-miss."""

from collections.abc import Iterator

from models.veto.matcher import Rulebook
from models.veto.rulebook import Rule, RulebookData

_LONG = 4


def faults(data: RulebookData) -> list[str]:
    """Return the faults of a rulebook, one sentence each; none for a sound one."""
    book = Rulebook(data)
    return [fault for rule in data.rules for fault in _of_rule(rule, book)]


def _of_rule(rule: Rule, book: Rulebook) -> Iterator[str]:
    """Yield the faults of one rule."""
    for phrase in sorted(rule.phrases):
        hits = {hit.rule_id for hit in book.scan(_written(phrase)).hits}
        if rule.id not in hits and not any(near == phrase for near in rule.near_misses):
            yield f'{rule.id}: "{" ".join(phrase)}" does not fire'
    for near in sorted(rule.near_misses):
        scan = book.scan(_written(near))
        if not any(hit.rule_id == rule.id for hit in (*scan.suppressed, *scan.hits)):
            yield f'{rule.id}: the near-miss "{" ".join(near)}" holds none of the rule\'s words'


def _written(phrase: tuple[str, ...]) -> str:
    """Write tokens as a note has them: signs between digits without spaces."""
    text = " ".join(phrase)
    for sign in "-.:":
        text = text.replace(f" {sign} ", sign)
    return text.replace(". ", ".") if text.startswith(". ") else text
