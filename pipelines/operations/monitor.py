"""Monitoring: the ledger compared with training week by week, with an alarm for each limit that is crossed.

A test that is repeated every week gives a false alarm sooner or later. So the accepted chance of a false alarm is divided
over all future weeks: week k gets 1 / (k (k + 1)) of it, and these parts sum to 1 (alpha spending). The rates of unfit calls
and of unknown call types are monitored by sequential tests, which stay valid when they are read after every outcome.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from scipy import stats

from models.decision import Recommendation
from models.drift import Watch, drift_test, population_stability, watch
from models.programs.call_types import UNMAPPED
from models.text.normalize import normalise
from models.text.tokens import words_for_model
from pipelines.settings import MonitorSettings

_FREQUENT, _FEWEST_CALLS, _RARE = 0.01, 20, 0.001


@dataclass(frozen=True, slots=True)
class Week:
    """One week compared with training: the stability index of its scores, and the field whose missing share grew most.

    Each has its p-value. `allowed` is the p-value below which the week raises an alarm: its part of the chance of a false
    one.
    """

    week: str
    calls: int
    psi: float
    p: float
    missing_field: str
    missing_gap: float
    missing_p: float
    allowed: float = 0.0


@dataclass(frozen=True, slots=True)
class NewWord:
    """A word that is not in the model's vocabulary: its calls, and the shares of troubled calls with it and without it."""

    word: str
    calls: int
    trouble_with: float
    trouble_without: float


@dataclass(slots=True)
class Monitored:
    """The result of monitoring; each of `alarms` names a limit that is crossed."""

    weeks: list[Week] = field(default_factory=list)
    unfit: Watch | None = None
    unknown_types: Watch | None = None
    unmapped: Counter[str] = field(default_factory=Counter)
    unmapped_share: float = 0.0
    words: list[NewWord] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)


def monitor(decisions: pd.DataFrame, profile: Mapping[str, Any], settings: MonitorSettings) -> Monitored:
    """Return the result of comparing a decision table with the training profile of the model's manifest.

    `profile` holds `score_edges`, `missing` and, where it is known, `calls`, the number of calls that it was measured on.
    """
    result = Monitored(weeks=_weeks(decisions, profile, settings))
    served = decisions[(decisions["suggested"] == Recommendation.ELIGIBLE) & decisions["unfit"].notna()]
    if "outcome_seq" in served:
        served = served.sort_values("outcome_seq", kind="stable")  # in the order of the outcomes, not of the calls
    result.unfit = watch(
        [bool(value) for value in served["unfit"]], limit=settings.max_unfit, confidence=settings.confidence
    )
    unknown = (decisions["heart_type"] == UNMAPPED).tolist()
    result.unknown_types = watch(unknown, limit=settings.max_unmapped, confidence=settings.confidence)
    unmapped = decisions[decisions["heart_type"] == UNMAPPED]
    result.unmapped = Counter(unmapped["call_type"].astype(str))
    result.unmapped_share = len(unmapped) / max(1, len(decisions))
    result.alarms = list(_alarms(result, settings))
    return result


def _alarms(result: Monitored, settings: MonitorSettings) -> Iterator[str]:
    """Yield a sentence for each limit that is crossed."""
    for week in result.weeks:
        if week.psi > settings.max_psi and week.p < week.allowed:
            yield f"scores drifted in week {week.week}: index {week.psi:.2f}, limit {settings.max_psi:g}"
        if week.missing_gap > settings.max_missing_gap and week.missing_p < week.allowed:
            yield f"{week.missing_field} is missing {week.missing_gap:.0%} more often in week {week.week} than in training"
    if result.unfit is not None and result.unfit.crossed_at is not None:
        yield (
            f"{result.unfit.errors} of {result.unfit.n} served calls did not fit an unarmed team: significantly above "
            f"{settings.max_unfit:.0%} since outcome {result.unfit.crossed_at}"
        )
    if result.unknown_types is not None and result.unknown_types.crossed_at is not None:
        yield f"{result.unmapped_share:.0%} of the calls have an unknown call type"


def new_words(decisions: pd.DataFrame, notes: Mapping[str, str], vocabulary: Iterable[str]) -> list[NewWord]:
    """Return frequent words of the notes that are not in the model's vocabulary, those with the most trouble first.

    A call is troubled where its decision was overridden or where it did not fit an unarmed team. `notes` are by decision id.
    """
    known = set(vocabulary)
    trouble = ((decisions["agreed"] == False) | (decisions["unfit"] == True)).set_axis(decisions["decision_id"])  # noqa: E712  may be missing
    ids_of_word: dict[str, set[str]] = {}
    for decision_id, note in notes.items():
        for word in set(words_for_model(normalise(note).text).split()) - known:
            ids_of_word.setdefault(word, set()).add(decision_id)
    fewest = max(_FEWEST_CALLS, _FREQUENT * len(notes))
    words = []
    for word, ids in ids_of_word.items():
        if len(ids) >= fewest:
            has_word = trouble.index.isin(list(ids))
            words.append(NewWord(word, len(ids), float(trouble[has_word].mean()), float(trouble[~has_word].mean())))
    return sorted(words, key=lambda each: (each.trouble_without - each.trouble_with, -each.calls, each.word))


def _weeks(decisions: pd.DataFrame, profile: Mapping[str, Any], settings: MonitorSettings) -> list[Week]:
    """Return the weeks with enough calls, each with its part of the chance of a false alarm."""
    names = pd.to_datetime(decisions["decided_at"], utc=True, format="ISO8601").dt.strftime("%G-W%V")
    weeks = [
        _week(str(name), rows, profile) for name, rows in decisions.groupby(names) if len(rows) >= settings.min_week
    ]  # fmt: skip
    alpha = (1 - settings.confidence) / 2  # half for scores, half for missing fields
    return [replace(week, allowed=alpha / (k * (k + 1))) for k, week in enumerate(weeks, start=1)]


def _week(name: str, rows: pd.DataFrame, profile: Mapping[str, Any]) -> Week:
    """Return the figures of one week; the p-value of the missing field is corrected for the number of fields."""
    scores = rows["eligible_probability"].dropna().astype(float).tolist()
    psi = population_stability(scores, profile["score_edges"]) if scores else 0.0
    p = drift_test(scores, profile["score_edges"], reference=profile.get("calls")) if scores else 1.0
    counts = Counter(field for missing in rows["missing"] for field in missing)
    fields = {*counts, *profile["missing"]}
    gaps = {field: counts[field] / len(rows) - profile["missing"].get(field, 0.0) for field in fields}
    worst = max(gaps, key=lambda field: gaps[field], default="")
    usual = profile["missing"].get(worst, 0.0)
    chance = stats.binomtest(counts[worst], len(rows), min(max(usual, _RARE), 1 - _RARE), alternative="greater").pvalue
    return Week(name, len(rows), psi, p, worst, gaps.get(worst, 0.0), min(1.0, float(chance) * max(1, len(fields))))


def lines(result: Monitored) -> Iterator[str]:
    """Yield the result as lines of text, the alarms first."""
    yield from (f"ALARM: {alarm}" for alarm in result.alarms)
    for week in result.weeks:
        gap = f", {week.missing_field} missing {week.missing_gap:+.1%}" if week.missing_field else ""
        chance = f"p {week.p:.3g}, an alarm below {week.allowed:.2g}"
        yield f"{week.week}: {week.calls} calls, index {week.psi:.3f} ({chance}){gap}"
    if result.unfit is not None and result.unfit.n:
        test = result.unfit
        yield f"unfit among served: {test.errors} of {test.n}, evidence {test.evidence:.2f} (highest {test.most:.2f})"
    if result.unmapped:
        frequent = ", ".join(f"{name} {n}" for name, n in result.unmapped.most_common(5))
        yield f"unknown call types: {result.unmapped_share:.1%} of calls ({frequent})"
    for each in result.words[:10]:
        yield (
            f"new word {each.word!r}: {each.calls} calls, trouble in {each.trouble_with:.0%} of them, "
            f"{each.trouble_without:.0%} elsewhere"
        )
