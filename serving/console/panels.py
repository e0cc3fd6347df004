"""The panels of the evaluation dashboard: each a chart with its table, or a table alone; every count links to its calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from models.decision import Recommendation
from models.statistics import Estimate, share
from models.veto.rulebook import Rulebook
from serving.console import charts
from serving.console.call_table import TYPING, UNDECIDED
from serving.console.filters import Filters

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95
_BANDS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
_WORDS, _MOST_ROWS = 6, 31
_OTHERS = "-"
Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table; with a link where it counts calls."""

    text: str
    link: str | None = None
    number: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: a name for its anchor, a title, a chart where it has one, and its table."""

    name: str
    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    chart: Markup | None = None
    note: str = ""
    legend: bool = False
    wide: bool = field(default=False)


def panels(table: pd.DataFrame, filters: Filters, *, t: Words, rulebook: Rulebook, named: bool) -> list[Panel]:
    """Return the panels of a table of calls, errors first; `named` is whether persons may be shown by name."""
    judged = table[table["human"].notna()]
    return [
        _errors(table, filters, t),
        _agreement(judged, filters, t),
        _agreement_over_time(judged, filters, t),
        _vetoes_over_time(table, filters, t),
        _split(table, "day", "day", filters, t),
        _answers_by_hour(table, filters, t),
        _hours_and_days(table, filters, t),
        _split(table, "zone", "zone", filters, t),
        _split(table, "call_type", "heart_type", filters, t),
        _vetoes(table, filters, t, rulebook),
        _time_to_decision(judged, filters, t),
        _overrides(judged, filters, t, named=named),
        _calibration(table, filters, t),
        _outcomes(table, filters, t),
    ]


def counts(table: pd.DataFrame, everything: pd.DataFrame, filters: Filters, t: Words) -> tuple[Cell, ...]:
    """Return the figures at the top of the page: calls, decided, decided by nobody, and left while typing."""
    undecided = int((table["status"] == UNDECIDED).sum())
    typing = int((everything["status"] == TYPING).sum())
    decided = int((table["status"] == "decided").sum())
    return (
        Cell(f"{t['d_calls']}: {len(table)}", filters.link()),
        Cell(f"{t['d_decided']}: {decided}", filters.link(status="decided")),
        Cell(f"{t['d_undecided']}: {undecided}", filters.link(status=UNDECIDED)),
        Cell(f"{t['d_typing']}: {typing}", filters.link(status=TYPING)),
    )


def _number(value: object, link: str | None = None) -> Cell:
    """Return a cell with a figure."""
    return Cell(str(value), link, number=True)


def _estimate(estimate: Estimate, t: Words, hits: str, of: str) -> tuple[Cell, ...]:
    """Return a share that links to its hits, its interval, and its number of calls that links to all of them."""
    if not estimate.n:
        return (_number("–"), Cell(t["d_nothing_known"]), _number(0))
    interval = f"{100 * estimate.low:.1f} – {100 * estimate.high:.1f} %"
    return (_number(f"{100 * estimate.value:.1f} %", hits), Cell(interval), _number(estimate.n, of))


def _share_of(flags: pd.Series[bool], value: bool) -> Estimate:  # noqa: FBT001  the value that is counted
    """Return the share of known flags that have a value."""
    known = flags.dropna()
    return share(int((known == value).sum()), len(known), confidence=CONFIDENCE)


def _headers(t: Words, first: str) -> tuple[str, ...]:
    """Return the headers of a table of shares."""
    return (first, t["d_share"], t["d_interval"], t["d_calls"])


def _errors(table: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return the known errors: by outcome for cleared calls, by people's overrides for the others."""
    cleared = table[table["suggested"] == Recommendation.ELIGIBLE.value]
    turned = table[(table["suggested"] == Recommendation.NOT_ELIGIBLE.value) & table["human"].notna()]
    sent = share(int((turned["human"] == Recommendation.ELIGIBLE.value).sum()), len(turned), confidence=CONFIDENCE)
    rows = (
        (t["d_cleared_unfit"], _share_of(cleared["unfit"], True), {"suggested": "ELIGIBLE", "unfit": "yes"},
         {"suggested": "ELIGIBLE", "known": "unfit"}),
        (t["d_turned_sent"], sent, {"suggested": "NOT_ELIGIBLE", "human": "ELIGIBLE"},
         {"suggested": "NOT_ELIGIBLE", "status": "decided"}),
        (t["d_unsafe"], _share_of(table["felt_safe"], False), {"felt_safe": "no"}, {"known": "felt_safe"}),
    )  # fmt: skip
    cells = tuple(
        (Cell(name), *_estimate(estimate, t, filters.link(**hits), filters.link(**of))) for name, estimate, hits, of in rows
    )
    return Panel("errors", t["d_errors"], _headers(t, t["d_what"]), cells, note=t["d_errors_note"])


def _agreement(judged: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return the share of decisions that agreed with the shown answer, overall and by answer."""
    rows: list[tuple[str, pd.DataFrame, dict[str, str]]] = [(t["d_all"], judged, {})]
    rows += [(t[kind], judged[judged["answer"] == kind], {"answer": kind}) for kind in charts.KINDS]
    cells = tuple((Cell(name), *_agreed(part, filters, t, **only)) for name, part, only in rows)
    return Panel("agreement", t["d_agreement"], _headers(t, t["d_answer"]), cells)


def _agreement_over_time(judged: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return the agreement by week, with intervals."""
    weeks = [(str(week), rows) for week, rows in judged.groupby("week")]
    points = [(week, _share_of(rows["agreed"], True)) for week, rows in weeks]
    cells = tuple((Cell(week), *_agreed(rows, filters, t, week=week)) for week, rows in weeks)
    chart = charts.timeline(points, label=t["d_agreement_time"]) if points else None
    return Panel("agreement-time", t["d_agreement_time"], _headers(t, t["d_week"]), cells, chart)


def _agreed(judged: pd.DataFrame, filters: Filters, t: Words, **only: str) -> tuple[Cell, ...]:
    """Return the share that agreed, among the calls that people decided after seeing an answer."""
    hits, of = filters.link(status="decided", agreed="yes", **only), filters.link(status="decided", known="agreed", **only)
    return _estimate(_share_of(judged["agreed"], True), t, hits, of)


def _by_answer(groups: Iterable[tuple[str, pd.DataFrame]]) -> list[tuple[str, dict[str, int]]]:
    """Return the calls of each group by answer."""
    return [(name, {kind: int((rows["answer"] == kind).sum()) for kind in charts.KINDS}) for name, rows in groups]


def _split(table: pd.DataFrame, name: str, column: str, filters: Filters, t: Words) -> Panel:
    """Return answers by the values of a column."""
    known = table.assign(**{column: table[column].fillna(_OTHERS).astype(str)})
    split = _by_answer((str(value), rows) for value, rows in known.groupby(column))
    return _answers(name, t[f"d_by_{name}"], t[f"d_{name}"], split[-_MOST_ROWS:], filters, t)


def _answers_by_hour(table: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return answers by the hour of the day, in the program's zone."""
    split = _by_answer((str(hour), rows) for hour, rows in table.groupby("hour"))
    return _answers("hour", t["d_by_hour"], t["d_hour"], split, filters, t)


def _answers(
    name: str, title: str, first: str, split: Sequence[tuple[str, dict[str, int]]], filters: Filters, t: Words
) -> Panel:
    """Return a chart of stacked bars with its table."""
    rows = tuple(
        (Cell(value.replace("_", " ") if value != _OTHERS else t["not_known"]),
         *(_number(n[kind], filters.link(**{name: value, "answer": kind})) for kind in charts.KINDS))
        for value, n in split
    )  # fmt: skip
    shown = [(value.replace("_", " ") if value != _OTHERS else t["not_known"], n) for value, n in split]
    chart = charts.stacked_bars(shown, label=title) if split else None
    return Panel(name, title, (first, *(t[kind] for kind in charts.KINDS)), rows, chart, legend=True)


def _hours_and_days(table: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return calls by weekday and hour."""
    numbers = Counter((int(day), int(hour)) for day, hour in zip(table["weekday"], table["hour"], strict=True))
    days = t["weekdays"].split()
    rows = tuple(
        (Cell(days[weekday]), Cell(f"{hour:02d}"), _number(n, filters.link(weekday=str(weekday), hour=f"{hour:02d}")))
        for (weekday, hour), n in sorted(numbers.items())
    )
    headers = (t["d_weekday"], t["d_hour"], t["d_calls"])
    return Panel(
        "week", t["d_week_chart"], headers, rows, charts.heat(numbers, days=days, label=t["d_week_chart"]), wide=True
    )


def _vetoes(table: pd.DataFrame, filters: Filters, t: Words, rulebook: Rulebook) -> Panel:
    """Return how often each rule vetoed, how often it was overridden, and some of its phrases."""
    looks_for = {
        rule.id: [" ".join(each) for each in sorted(rule.phrases, key=lambda one: (len(one), one))]
        for rule in rulebook.rules
    }
    fired, overridden = Counter[str](), Counter[str]()
    for rules, agreed in zip(table["rules"], table["agreed"].fillna(value=True), strict=True):
        fired.update(set(rules))
        overridden.update(() if agreed else set(rules))
    rows = tuple(
        (Cell(name), _number(n, filters.link(rule=name)), _number(overridden[name], filters.link(rule=name, agreed="no")),
         Cell(", ".join(looks_for.get(name, [])[:_WORDS])))
        for name, n in fired.most_common()
    )  # fmt: skip
    chart = charts.bars(fired.most_common(12), label=t["d_vetoes"]) if fired else None
    return Panel(
        "vetoes", t["d_vetoes"], (t["d_rule"], t["d_calls"], t["d_overridden"], t["d_looks_for"]), rows, chart, wide=True
    )


def _vetoes_over_time(table: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return the share of calls with a veto by week, with the rules that fired most."""
    weeks = [(str(week), rows) for week, rows in table.groupby("week")]
    points = [(week, _share_of(rows["vetoed"], True)) for week, rows in weeks]
    cells = tuple(
        (Cell(week), *_estimate(estimate, t, filters.link(week=week, vetoed="yes"), filters.link(week=week)),
         Cell(_most_fired(rows)))
        for (week, estimate), (_, rows) in zip(points, weeks, strict=True)
    )  # fmt: skip
    chart = charts.timeline(points, label=t["d_vetoes_time"]) if points else None
    return Panel("vetoes-time", t["d_vetoes_time"], (*_headers(t, t["d_week"]), t["d_rule"]), cells, chart)


def _most_fired(rows: pd.DataFrame) -> str:
    """Return the rules that fired most, each with its calls."""
    fired = Counter(rule for rules in rows["rules"] for rule in rules)
    return ", ".join(f"{rule} {n}" for rule, n in fired.most_common(4))


def _calibration(table: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return, for bands of the probability, its mean and the share of served calls that fitted a team."""
    known = table[table["unfit"].notna() & table["eligible_probability"].notna()]
    import pandas as pd  # noqa: PLC0415  60 MB that only the dashboard needs

    bands = pd.cut(known["eligible_probability"].astype(float), list(_BANDS), include_lowest=True)
    points, cells = [], []
    for interval, rows in known.groupby(bands, observed=True):
        mean, estimate = float(rows["eligible_probability"].astype(float).mean()), _share_of(rows["unfit"], False)
        band = f"{max(interval.left, 0):g}-{interval.right:g}"
        points.append((mean, estimate))
        cells.append(
            (
                _number(f"{mean:.2f}"),
                *_estimate(estimate, t, filters.link(band=band, unfit="no"), filters.link(band=band, known="unfit")),
            )
        )
    chart = charts.calibration(points, label=t["d_calibration"]) if points else None
    return Panel(
        "calibration", t["d_calibration"], _headers(t, t["d_probability"]), tuple(cells), chart, note=t["d_calibration_note"]
    )


def _time_to_decision(judged: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return how long people took from the first answer to their decision, by answer, in seconds."""
    rows, medians = [], []
    for kind in charts.KINDS:
        seconds = judged.loc[(judged["answer"] == kind) & judged["elapsed_ms"].notna(), "elapsed_ms"].astype(float) / 1000
        if seconds.empty:
            continue
        median = round(float(seconds.median()), 1)
        medians.append((t[kind], median))
        rows.append((Cell(t[kind]), _number(f"{median:.1f}"), _number(f"{seconds.quantile(0.9):.1f}"),
                     _number(len(seconds), filters.link(answer=kind, status="decided", known="elapsed_ms"))))  # fmt: skip
    chart = charts.bars(medians, label=t["d_time"], unit=" s") if medians else None
    return Panel("time", t["d_time"], (t["d_answer"], t["d_median"], t["d_p90"], t["d_calls"]), tuple(rows), chart)


def _overrides(judged: pd.DataFrame, filters: Filters, t: Words, *, named: bool) -> Panel:
    """Return the reasons of overrides by person."""
    overrode = judged[(judged["agreed"] == False).fillna(False).astype(bool)]  # noqa: E712  may be missing
    numbers = Counter(zip(overrode["person"].fillna(_OTHERS), overrode["reason"].fillna(_OTHERS), strict=True))
    rows = tuple(
        (
            Cell(person),
            Cell(t.get(f"reason_{reason}", reason)),
            _number(n, filters.link(person=person, reason=reason, agreed="no")),
        )
        for (person, reason), n in numbers.most_common()
    )
    by_reason = Counter(str(reason) for reason in overrode["reason"].dropna())
    chart = charts.bars([(t.get(f"reason_{name}", name), n) for name, n in by_reason.most_common()], label=t["d_overrides"])
    note = "" if named else t["d_pseudonyms"]
    return Panel(
        "overrides", t["d_overrides"], (t["d_person"], t["d_reason"], t["d_calls"]), rows, chart if by_reason else None, note
    )


def _outcomes(table: pd.DataFrame, filters: Filters, t: Words) -> Panel:
    """Return the outcomes of the calls that a team went to."""
    numbers = Counter(str(event) for event in table["adverse_event"].dropna())
    rows = tuple(
        (Cell(t.get(f"event_{name}", name)), _number(n, filters.link(event=name))) for name, n in numbers.most_common()
    )
    unsafe = int((table["felt_safe"] == False).sum())  # noqa: E712  may be missing
    rows += ((Cell(t["d_unsafe"]), _number(unsafe, filters.link(felt_safe="no"))),)
    return Panel("outcomes", t["d_outcomes"], (t["outcome_event"], t["d_calls"]), rows)
