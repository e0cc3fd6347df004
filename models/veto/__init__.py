"""The veto: every mention of a weapon or of violence in a note, found by rules that are data.

`rulebook.toml` lists the phrases, `load` validates it into a `Rulebook`, and `VetoMatcher.scan` returns a `Scan` of `Hit`s,
each with its rule, its words, its place and its `Assertion` (asserted, negated, uncertain and so on).
"""

from models.veto.assertion import Assertion
from models.veto.hits import Hit, Scan
from models.veto.matcher import VetoMatcher, shipped_matcher
from models.veto.names import Roster
from models.veto.rulebook import RULEBOOK_PATH, Rule, Rulebook, RuleClass, load

__all__ = [
    "RULEBOOK_PATH",
    "Assertion",
    "Hit",
    "Roster",
    "Rule",
    "RuleClass",
    "Rulebook",
    "Scan",
    "VetoMatcher",
    "load",
    "shipped_matcher",
]
