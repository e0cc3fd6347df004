"""Count what the evaluator's room shows: the errors that matter first, each share with its interval."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from models.decision import Recommendation
from models.ledger.decision_table import local_times
from models.statistics import Estimate, share
from models.veto.rulebook import RulebookData

CONFIDENCE = 0.95
_BINS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_WORDS = 6


@dataclass(slots=True)
class Summary:
    """Hold the tables of a period; a table is a list of rows."""

    calls: int = 0
    errors: list[tuple[str, Estimate]] = field(default_factory=list)
    agreement: list[tuple[str, Estimate]] = field(default_factory=list)
    reasons: list[tuple[str, int]] = field(default_factory=list)
    by: dict[str, list[tuple[str, dict[str, int]]]] = field(default_factory=dict)
    vetoes: list[dict[str, Any]] = field(default_factory=list)
    calibration: list[tuple[float, Estimate]] = field(default_factory=list)
    seconds: list[tuple[str, int, float, float]] = field(default_factory=list)


def summarise(book: pd.DataFrame, *, time_zone: str, rules: RulebookData, seen: dict[str, Counter[str]]) -> Summary:
    """Count a casebook; `seen` holds, where notes are kept, the words that each rule fired on."""
    made = Summary(calls=len(book))
    if book.empty:
        return made
    judged = book[book["human"].notna()]
    made.errors, made.calibration = _errors(book), _calibration(book)
    for name, rows in [("all", judged), *judged.groupby("recommendation")]:
        agreed = int((rows["agreed"] == True).sum())  # noqa: E712  may be missing
        made.agreement.append((str(name), _share(agreed, len(rows))))
    overrode = judged[judged["agreed"] == False]  # noqa: E712
    made.reasons = [(str(name), int(n)) for name, n in overrode["reason"].value_counts().items()]
    local = local_times(book, time_zone)
    groups = {
        "day": local.dt.strftime("%Y-%m-%d"),
        "hour": local.dt.strftime("%H"),
        "zone": book["zone"].fillna("not known"),
        "call type": book["heart_type"].str.replace("_", " "),
    }
    made.by = {name: _by(book, group) for name, group in groups.items()}
    made.vetoes = _vetoes(book, rules, seen)
    made.seconds = _seconds(judged)
    return made


def _errors(book: pd.DataFrame) -> list[tuple[str, Estimate]]:
    """Return what went wrong where it is known: outcomes for the cleared, people's overrides for the others."""
    cleared = book[(book["recommendation"] == Recommendation.ELIGIBLE) & book["unfit"].notna()]
    turned = book[(book["recommendation"] == Recommendation.NOT_ELIGIBLE) & book["human"].notna()]
    unsafe = book[book["felt_safe"].notna()]
    sent = int((turned["human"] == Recommendation.ELIGIBLE).sum())
    afraid = int((unsafe["felt_safe"] == False).sum())  # noqa: E712
    return [
        ("cleared, a team went, and it was no call for one", _share(int(cleared["unfit"].sum()), len(cleared))),
        ("turned away, and a person sent a team after all", _share(sent, len(turned))),
        ("the team did not feel safe", _share(afraid, len(unsafe))),
    ]


def _share(hits: int, n: int) -> Estimate:
    """Return a share with its interval."""
    return share(hits, n, confidence=CONFIDENCE)


def _calibration(book: pd.DataFrame) -> list[tuple[float, Estimate]]:
    """Return, for bands of the probability, its mean and the share of served calls that were right for a team."""
    known = book[book["unfit"].notna() & book["eligible_probability"].notna()]
    bands = pd.cut(known["eligible_probability"].astype(float), list(_BINS), include_lowest=True)
    made = []
    for _, rows in known.groupby(bands, observed=True):
        right = int((rows["unfit"] == False).sum())  # noqa: E712
        made.append((float(rows["eligible_probability"].astype(float).mean()), _share(right, len(rows))))
    return made


def _by(book: pd.DataFrame, group: pd.Series) -> list[tuple[str, dict[str, int]]]:
    """Return the decisions of each group by recommendation, the groups in order."""
    counts = pd.crosstab(group, book["recommendation"])
    return [
        (str(name), {each.value: int(row.get(each.value, 0)) for each in Recommendation}) for name, row in counts.iterrows()
    ]


def _vetoes(book: pd.DataFrame, rules: RulebookData, seen: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    """Return how often each rule vetoed, how often people overrode it, and its words."""
    looks_for = {
        rule.id: [" ".join(phrase) for phrase in sorted(rule.phrases, key=lambda each: (len(each), each))]
        for rule in rules.rules
    }
    fired, overridden = Counter[str](), Counter[str]()
    for names, agreed in zip(book["rules"], book["agreed"], strict=True):
        fired.update(set(names))
        overridden.update(set(names) if agreed is False else ())
    return [
        {"rule": name, "fired": n, "overridden": overridden[name], "looks_for": ", ".join(looks_for.get(name, [])[:_WORDS]),
         "seen": ", ".join(word for word, _ in seen.get(name, Counter()).most_common(_WORDS))}
        for name, n in fired.most_common()
    ]  # fmt: skip


def _seconds(judged: pd.DataFrame) -> list[tuple[str, int, float, float]]:
    """Return, by recommendation, how long people took from the first suggestion: number, median, ninetieth percentile."""
    timed = judged[judged["elapsed_ms"].notna()]
    made = []
    for name, rows in timed.groupby("recommendation"):
        seconds = rows["elapsed_ms"].astype(float) / 1000
        made.append((str(name), len(rows), float(seconds.median()), float(seconds.quantile(0.9))))
    return made
