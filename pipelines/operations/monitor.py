"""Compare what the ledger holds, week by week, with what training saw; say which limit is crossed.

Week after week of looking finds something sooner or later. So a week has drifted only where its index is above the limit and
chance is ruled out over all weeks together (Holm's correction), and the rate of unfit calls is watched by a test that may be
looked at after every outcome.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from models.decision import Recommendation
from models.drift import Watch, drift_test, population_stability, watch
from models.programs.call_types import UNMAPPED
from models.text.normalize import normalise
from models.text.tokens import words_for_model
from pipelines.settings import MonitorSettings

_OFTEN, _FEW = 0.01, 20


@dataclass(frozen=True, slots=True)
class Week:
    """Hold one week against training: the index of its scores with its corrected p-value, and what was missing most."""

    week: str
    calls: int
    psi: float
    p: float
    missing_field: str
    missing_gap: float


@dataclass(slots=True)
class Monitored:
    """Hold what was found; `alarms` name the limits that are crossed."""

    weeks: list[Week] = field(default_factory=list)
    unfit: Watch | None = None
    unmapped: Counter[str] = field(default_factory=Counter)
    unmapped_share: float = 0.0
    words: list[tuple[str, int, float, float]] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)


def monitor(book: pd.DataFrame, profile: Mapping[str, Any], settings: MonitorSettings) -> Monitored:
    """Measure a casebook against training's profile."""
    made = Monitored()
    weeks = pd.to_datetime(book["decided_at"], utc=True, format="ISO8601").dt.strftime("%G-W%V")
    large = [(str(name), rows) for name, rows in book.groupby(weeks) if len(rows) >= settings.min_week]
    measured = [_week(name, rows, profile) for name, rows in large]
    for week, p in zip(measured, _holm([week.p for week in measured]), strict=True):
        made.weeks.append(Week(week.week, week.calls, week.psi, p, week.missing_field, week.missing_gap))
        if week.psi > settings.max_psi and p < 1 - settings.confidence:
            made.alarms.append(f"scores drifted in week {week.week}: index {week.psi:.2f}, limit {settings.max_psi:g}")
        if week.missing_gap > settings.max_missing_gap:
            made.alarms.append(
                f"{week.missing_field} is missing {week.missing_gap:.0%} more often in week {week.week} than in training"
            )
    served = book[(book["recommendation"] == Recommendation.ELIGIBLE) & book["unfit"].notna()]
    made.unfit = watch([bool(value) for value in served["unfit"]], limit=settings.max_unfit, confidence=settings.confidence)
    if made.unfit.crossed_at is not None:
        made.alarms.append(
            f"{made.unfit.errors} of {made.unfit.n} served calls were none for an unarmed team: above "
            f"{settings.max_unfit:.0%}, beyond chance since outcome {made.unfit.crossed_at}"
        )
    strange = book[book["heart_type"] == UNMAPPED]
    made.unmapped = Counter(strange["call_type"].astype(str))
    made.unmapped_share = len(strange) / max(1, len(book))
    if made.unmapped_share > settings.max_unmapped:
        made.alarms.append(f"{made.unmapped_share:.0%} of the calls have a call type that no list knows")
    return made


def new_words(book: pd.DataFrame, notes: Mapping[str, str], known: Iterable[str]) -> list[tuple[str, int, float, float]]:
    """Return words that training did not know and notes now hold often, those that go with most trouble first.

    With each word: its calls, and the share of calls that people overrode or that went wrong, with it and without it.
    `notes` are by decision; `known` is the model's vocabulary.
    """
    vocabulary = set(known)
    wrong = ((book["agreed"] == False) | (book["unfit"] == True)).set_axis(book["decision_id"])  # noqa: E712  may be missing
    having: dict[str, set[str]] = {}
    for decision_id, note in notes.items():
        for word in set(words_for_model(normalise(note).text).split()) - vocabulary:
            having.setdefault(word, set()).add(decision_id)
    least = max(_FEW, _OFTEN * len(notes))
    found = []
    for word, decisions in having.items():
        if len(decisions) >= least:
            inside = wrong.index.isin(list(decisions))
            found.append((word, len(decisions), float(wrong[inside].mean()), float(wrong[~inside].mean())))
    return sorted(found, key=lambda row: (row[3] - row[2], -row[1], row[0]))


def _week(name: str, rows: pd.DataFrame, profile: Mapping[str, Any]) -> Week:
    """Measure one week."""
    scores = rows["eligible_probability"].dropna().astype(float).tolist()
    psi = population_stability(scores, profile["score_edges"]) if scores else 0.0
    p = drift_test(scores, profile["score_edges"]) if scores else 1.0
    seen = Counter(field for missing in rows["missing"] for field in missing)
    gaps = {field: seen[field] / len(rows) - profile["missing"].get(field, 0.0) for field in {*seen, *profile["missing"]}}
    worst = max(gaps, key=lambda field: gaps[field], default="")
    return Week(name, len(rows), psi, p, worst, gaps.get(worst, 0.0))


def _holm(values: list[float]) -> list[float]:
    """Return p-values corrected for their number (Holm)."""
    corrected, highest = [1.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min(1.0, values[place] * (len(values) - rank)))
        corrected[place] = highest
    return corrected


def lines(made: Monitored) -> Iterator[str]:
    """Yield what was found, the alarms first."""
    yield from (f"ALARM: {alarm}" for alarm in made.alarms)
    for week in made.weeks:
        gap = f", {week.missing_field} missing {week.missing_gap:+.1%}" if week.missing_field else ""
        yield f"{week.week}: {week.calls} calls, index {week.psi:.3f} (corrected p {week.p:.3g}){gap}"
    if made.unfit is not None and made.unfit.n:
        seen = made.unfit
        yield f"unfit among served: {seen.errors} of {seen.n}, evidence {seen.evidence:.2f} (highest {seen.most:.2f})"
    if made.unmapped:
        often = ", ".join(f"{name} {n}" for name, n in made.unmapped.most_common(5))
        yield f"call types that no list knows: {made.unmapped_share:.1%} of calls ({often})"
    for word, n, inside, outside in made.words[:10]:
        yield f"new word {word!r}: {n} calls, trouble in {inside:.0%} of them, {outside:.0%} elsewhere"
