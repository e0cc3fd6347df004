"""The trap notes: notes that try to slip past the veto must be vetoed, and ordinary ones must not."""

import re
import tomllib
from pathlib import Path

from models.veto import VetoMatcher

TRAPS = Path(__file__).with_name("traps.toml")
MARK = re.compile(r"\[\[(weapon|violence):(.+?)\]\]", flags=re.DOTALL)
DANGEROUS = (
    "firearms",
    "edged_and_blunt",
    "other_weapons",
    "violence",
    "spanish",
    "wording_that_never_lifts",
    "disguised",
    "reaching_out_of_a_near_miss",
    "idioms",
    "negated_and_still_there",
)
HARMLESS = ("near_misses", "ordinary", "means", "objects", "plainly_negated", "names")


def failures(matcher: VetoMatcher) -> list[str]:
    """Return the trap notes that a matcher gets wrong, by table and number."""
    tables = tomllib.loads(TRAPS.read_text(encoding="utf-8"))
    wrong = []
    for table in (*DANGEROUS, *HARMLESS):
        for number, marked in enumerate(tables[table]["notes"]):
            note = MARK.sub(lambda match: match.group(2), marked)
            if bool(matcher.scan(note).vetoes) != (table in DANGEROUS):
                wrong.append(f"{table}-{number}")
    return wrong
