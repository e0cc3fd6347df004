"""Run the trap suite: notes that try to slip past the veto must be vetoed, and ordinary ones must not."""

import re
import tomllib
from pathlib import Path

from models.veto.matcher import Rulebook

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
)
HARMLESS = ("near_misses", "ordinary", "means")


def failures(rulebook: Rulebook) -> list[str]:
    """Return the trap notes that the rulebook gets wrong, by table and number."""
    told = tomllib.loads(TRAPS.read_text(encoding="utf-8"))
    wrong = []
    for table in (*DANGEROUS, *HARMLESS):
        for number, note in enumerate(told[table]["notes"]):
            plain = MARK.sub(lambda match: match.group(2), note)
            if bool(rulebook.scan(plain).vetoes) != (table in DANGEROUS):
                wrong.append(f"{table}-{number}")
    return wrong
