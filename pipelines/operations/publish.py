"""The public page of a program's work over whole months: counts rounded to tens, and none under ten."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from models.decision import Recommendation, Response
from models.ledger.decision_table import local_times
from pipelines.evaluation.pages import render

LEAST = 10
_UNITS = {
    Response.CRISIS_CALL_DIVERSION: "Crisis Call Diversion (by phone)", Response.COMMUNITY_RESPONSE: "Community Response",
    Response.CO_RESPONSE: "Co-Response",
}  # fmt: skip
_HOURS = {0: "midnight to 6", 6: "6 to noon", 12: "noon to 18", 18: "18 to midnight"}


@dataclass(slots=True)
class PublicPage:
    """The contents of the public page; a withheld number is `None`."""

    program: str
    since: str
    until: str
    answered: int | None
    tables: dict[str, dict[str, int | None]] = field(default_factory=dict)
    shares: list[tuple[str, str]] = field(default_factory=list)


def public_page(decisions: pd.DataFrame, *, program: str, time_zone: str, since: str, until: str) -> PublicPage:
    """Return the page of the calls of a decision table that a team answered, from `since` to before `until`."""
    within = decisions[(decisions["decided_at"].astype(str) >= since) & (decisions["decided_at"].astype(str) < until)]
    served = within[within["served"] == True]  # noqa: E712  may be missing
    return PublicPage(
        program,
        since,
        until,
        answered=rounded(len(served)) if len(served) >= LEAST else None,
        tables=_tables(served, time_zone),
        shares=_shares(within, served),
    )


def _tables(served: pd.DataFrame, time_zone: str) -> dict[str, dict[str, int | None]]:
    """Return the counts of answered calls by unit, call type, time of day and zone."""
    groups = {
        "by unit": served["unit"].map(_UNITS).fillna("another unit"),
        "by call type": served["heart_type"].str.replace("_", " "),
        "by time of day": (local_times(served, time_zone).dt.hour // 6 * 6).map(_HOURS),
        "by zone": served["zone"].fillna("zone not known"),
    }
    return {
        name: suppressed({str(key): int(n) for key, n in group.value_counts().items()}) for name, group in groups.items()
    }


def _shares(within: pd.DataFrame, served: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the published shares, each with its description."""
    police = served["adverse_event"].eq("upgraded_to_police") | served["unit"].eq(Response.CO_RESPONSE.value)
    asked, followed = served[served["felt_safe"].notna()], served["care_navigation"] == True  # noqa: E712  may be missing
    suggested = within[within["suggested"] == Recommendation.ELIGIBLE]
    answered = suggested["served"] == True  # noqa: E712
    felt_safe = asked["felt_safe"] == True  # noqa: E712
    return [
        ("of the calls suggested as eligible, a team answered", published_share(int(answered.sum()), len(suggested))),
        ("of the answered calls went without police", published_share(int((~police).sum()), len(served))),
        ("of the teams that were asked felt safe", published_share(int(felt_safe.sum()), len(asked))),
        (
            "of the answered calls were to be followed up by care navigation",
            published_share(int(followed.sum()), len(served)),
        ),
    ]


def rounded(n: int) -> int:
    """Return a count rounded to the nearest ten, halves up.

    >>> rounded(44), rounded(45), rounded(3)
    (40, 50, 0)
    """
    return (n + LEAST // 2) // LEAST * LEAST


def suppressed(counts: Mapping[str, int]) -> dict[str, int | None]:
    """Return counts rounded to tens; those under ten are withheld, and more where a withheld one could be derived.

    Rounding to a base with controlled suppression: by the rounded total and the other counts, a withheld count must be able
    to have every value from one to nine; until it is, the smallest count that is shown is withheld too. Source: Hundepool
    and others, Statistical Disclosure Control (2012), chapters 4 and 5.

    >>> suppressed({"a": 203, "b": 40, "c": 3})
    {'a': 200, 'b': 40, 'c': None}
    >>> suppressed({"a": 55, "b": 45, "c": 3})
    {'a': 60, 'b': None, 'c': None}
    """
    shown = {name: rounded(n) if n >= LEAST else None for name, n in counts.items()}
    for name in sorted(counts, key=lambda name: (counts[name], name)):
        if _protected(list(shown.values()), sum(counts.values())):
            break
        shown[name] = None
    return shown


def _protected(shown: list[int | None], total: int) -> bool:
    """Return whether every withheld count may have any value from one to nine, for a reader of the rounded total."""
    known = [n for n in shown if n is not None]
    hidden = len(shown) - len(known)
    if not hidden or total < LEAST:  # such a total is not published
        return True
    half = LEAST // 2
    highest = rounded(total) + half - 1 - sum(max(LEAST, n - half) for n in known)
    lowest = rounded(total) - half - sum(n + half - 1 for n in known) if hidden == 1 else 0
    return highest >= LEAST - 1 and lowest <= 1


def published_share(hits: int, n: int) -> str:
    """Return a share of rounded counts as text, without revealing a group of under ten.

    >>> published_share(50, 100), published_share(497, 500), published_share(3, 500), published_share(2, 9)
    ('50 %', 'over 98 %', 'under 2 %', 'not published')
    """
    if n < 2 * LEAST:
        return "not published"
    whole = rounded(n)
    if hits < LEAST:
        return f"under {100 * LEAST / whole:.0f} %"
    if n - hits < LEAST:
        return f"over {100 * (1 - LEAST / whole):.0f} %"
    return f"{100 * min(rounded(hits), whole) / whole:.0f} %"


def whole_months(since: str, until: str) -> tuple[str, str]:
    """Return the first day of the first month and the first day after the last month.

    Pages over periods that differ by days would reveal single days by their difference.

    >>> whole_months("2026-01-17", "2026-03-05")
    ('2026-01-01', '2026-04-01')
    """
    first, last = pd.Period(since[:7], freq="M"), pd.Period(until[:7], freq="M")
    end = last if until[8:10] == "01" else last + 1
    return f"{first}-01", f"{end}-01"


def write(page: PublicPage, to: Path) -> None:
    """Write the page as one file without scripts and without external resources."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(render("public.html", page=page, least=LEAST), encoding="utf-8")
