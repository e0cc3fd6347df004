"""Publish what a program did as one static page: counts under ten are left out, with what would reveal them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.decision import Response
from models.ledger.decision_table import local_times

LEAST = 10
_UNITS = {
    Response.CRISIS_CALL_DIVERSION: "Crisis Call Diversion (by phone)", Response.COMMUNITY_RESPONSE: "Community Response",
    Response.CO_RESPONSE: "Co-Response",
}  # fmt: skip
_HOURS = {0: "midnight to 6", 6: "6 to noon", 12: "noon to 18", 18: "18 to midnight"}


@dataclass(slots=True)
class Public:
    """Hold what is published: `None` stands for a number that is not."""

    program: str
    since: str
    until: str
    answered: int | None
    tables: dict[str, dict[str, int | None]] = field(default_factory=dict)
    shares: list[tuple[str, str]] = field(default_factory=list)


def public(book: pd.DataFrame, *, program: str, time_zone: str, since: str, until: str) -> Public:
    """Count the calls of a casebook that a team answered, from `since` to before `until`."""
    book = book[(book["decided_at"].astype(str) >= since) & (book["decided_at"].astype(str) < until)]
    served = book[book["served"] == True]  # noqa: E712  may be missing
    made = Public(program, since, until, len(served) if len(served) >= LEAST else None)
    hours = local_times(served, time_zone).dt.hour // 6 * 6
    groups = {
        "by unit": served["unit"].map(_UNITS).fillna("another unit"),
        "by call type": served["heart_type"].str.replace("_", " "),
        "by time of day": hours.map(_HOURS),
        "by zone": served["zone"].fillna("zone not known"),
    }
    made.tables = {
        name: suppressed({str(k): int(n) for k, n in group.value_counts().items()}) for name, group in groups.items()
    }
    police = served["adverse_event"].eq("upgraded_to_police") | served["unit"].eq(Response.CO_RESPONSE.value)
    felt, followed = served[served["felt_safe"].notna()], served["care_navigation"] == True  # noqa: E712
    asked = book[book["recommendation"] == "ELIGIBLE"]
    answered = asked["served"] == True  # noqa: E712
    made.shares = [
        ("of the calls suggested as eligible, a team answered", told(int(answered.sum()), len(asked))),
        ("of the answered calls went without police", told(int((~police).sum()), len(served))),
        ("of the teams that were asked felt safe", told(int((felt["felt_safe"] == True).sum()), len(felt))),  # noqa: E712
        ("of the answered calls were to be followed up by care navigation", told(int(followed.sum()), len(served))),
    ]
    return made


def suppressed(counts: Mapping[str, int]) -> dict[str, int | None]:
    """Return counts with those under ten left out, and as many more as it takes that none can be worked out from the total.

    >>> suppressed({"a": 200, "b": 40, "c": 3})
    {'a': 200, 'b': None, 'c': None}
    """
    order = sorted(counts, key=lambda name: (counts[name], name))
    hidden = [name for name in order if counts[name] < LEAST]
    for name in order[len(hidden) :]:
        if not hidden or (len(hidden) > 1 and sum(counts[each] for each in hidden) >= LEAST):
            break
        hidden.append(name)
    return {name: None if name in hidden else n for name, n in counts.items()}


def told(hits: int, n: int) -> str:
    """Return a share that reveals no group under ten.

    >>> told(50, 100), told(497, 500), told(3, 500), told(2, 9)
    ('50 %', 'over 98 %', 'under 2 %', 'not published')
    """
    if n < 2 * LEAST:
        return "not published"
    edge = LEAST / n
    if hits < LEAST:
        return f"under {100 * edge:.0f} %"
    return f"over {100 * (1 - edge):.0f} %" if n - hits < LEAST else f"{100 * hits / n:.0f} %"


def write(made: Public, to: Path) -> None:
    """Write the page: one file, nothing loaded from elsewhere, no script."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(rendered("public.html", made=made, least=LEAST), encoding="utf-8")


def rendered(name: str, **given: Any) -> str:
    """Return one of our templates with its values; what a template lacks is an error."""
    folder = Path(__file__).parents[1] / "evaluation" / "templates"
    pages = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return pages.get_template(name).render(**given)
