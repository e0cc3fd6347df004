"""How a call ended: APCO disposition codes as outcomes."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from models.common.config import read_toml

DISPOSITIONS = Path(__file__).with_name("dispositions.toml")
_CODE = re.compile(r"0*(\d{1,2})\b")


def outcome_of(disposition: str | None) -> str | None:
    """Return the outcome that an APCO disposition code says, alone or before its description; `None` for another text.

    >>> outcome_of("14"), outcome_of("05 - Settled by phone"), outcome_of("CLEARED")
    ('not_found', 'resolved_by_phone', None)
    """
    match = _CODE.match(disposition.strip()) if disposition else None
    return _outcomes().get(f"{int(match.group(1)):02d}") if match else None


def outcomes() -> tuple[str, ...]:
    """Return the outcomes that a disposition may mean."""
    return tuple(dict.fromkeys(_outcomes().values()))


@cache
def _outcomes() -> Mapping[str, str]:
    """Return the outcome of each code."""
    table = read_toml(DISPOSITIONS)["outcomes"]
    return {code: outcome for outcome, codes in table.items() for code in codes}
