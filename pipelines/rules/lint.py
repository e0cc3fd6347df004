"""Faults of a rulebook, found by trying it: every phrase must fire its rule, every near-miss must hold a word of it."""

from collections.abc import Iterator

from models.veto import Rule, Rulebook, VetoMatcher


def faults(rulebook: Rulebook) -> list[str]:
    """Return the faults of a rulebook, one sentence each; none for a sound one."""
    matcher = VetoMatcher(rulebook)
    return [fault for rule in rulebook.rules for fault in _rule_faults(rule, matcher)]


def _rule_faults(rule: Rule, matcher: VetoMatcher) -> Iterator[str]:
    """Yield the faults of one rule."""
    for phrase in sorted(rule.phrases):
        hits = {hit.rule_id for hit in matcher.scan(_written(phrase)).hits}
        if rule.id not in hits and not any(near == phrase for near in rule.near_misses):
            yield f'{rule.id}: "{" ".join(phrase)}" does not fire'
    for near in sorted(rule.near_misses):
        scan = matcher.scan(_written(near))
        if not any(hit.rule_id == rule.id for hit in (*scan.suppressed, *scan.hits)):
            yield f'{rule.id}: the near-miss "{" ".join(near)}" holds none of the rule\'s words'


def _written(phrase: tuple[str, ...]) -> str:
    """Return tokens as a note has them: signs between digits without spaces."""
    text = " ".join(phrase)
    for sign in "-.:":
        text = text.replace(f" {sign} ", sign)
    return text.replace(". ", ".") if text.startswith(". ") else text
