"""The report of a model on labelled calls, for an outside evaluator, as one page and as JSON.

Everything is measured through the Router, on the same rows, with intervals. Problems come first, as findings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

import pandas as pd

from models.common.instants import local_time
from models.router import Router
from models.statistics import Estimate
from pipelines.data.table import Table
from pipelines.evaluation import curves
from pipelines.evaluation.baselines import Baseline, choices, measure_choices
from pipelines.evaluation.behaviour import Behaviour, behaviours
from pipelines.evaluation.evaluate import Evaluation, Track, evaluate_decisions
from pipelines.evaluation.evaluation_frame import GROUPS, evaluation_frame
from pipelines.evaluation.fairness import BY, SMALL, Fairness, fairness
from pipelines.evaluation.pages import render
from pipelines.evaluation.plain import plain
from pipelines.evaluation.subgroups import Subgroup, worst_subgroups
from pipelines.settings import Config

PROMISES = {"false_clear_rate": "max_false_clear", "dangerous_clear_rate": "max_dangerous_clear"}
"""The figures that the operating point bounds, each with the name of its bound."""

CALIBRATION = ("calibration_error", "calibration_error_where_decided")
"""Figures that the release settings bound, each by the same limit."""

_PAGE, _MOST = 25, 500
"""Wrong answers that the page shows at first, and that it holds at most; the JSON holds all."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the report, and the id of the place on its page where the figure stands."""

    sentence: str
    place: str

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence


@dataclass(slots=True)
class Report:
    """Every part of the report.

    `findings` are promises that these calls show to be broken, `not_shown` promises that these calls are too few to prove.
    The model is shown to keep its promises only where both are empty.
    """

    made_at: str
    data: str
    about: str
    first_day: str
    last_day: str
    versions: dict[str, str]
    point: dict[str, float | int | None]
    confidence: float
    evaluation: Evaluation
    findings: list[Claim] = field(default_factory=list)
    not_shown: list[Claim] = field(default_factory=list)
    compared: list[Baseline] = field(default_factory=list)
    thresholds: list[curves.AtThreshold] = field(default_factory=list)
    decision_curve: list[dict[str, float | Estimate]] = field(default_factory=list)
    calibration: list[tuple[float, Estimate]] = field(default_factory=list)
    decided: list[curves.CalibrationBand] = field(default_factory=list)
    risks: dict[str, list[curves.CalibrationBand]] = field(default_factory=dict)
    learning: list[tuple[int, Estimate]] = field(default_factory=list)
    subgroups: list[Subgroup] = field(default_factory=list)
    fairness: list[Fairness] = field(default_factory=list)
    behaviour: list[Behaviour] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        claims = {"findings": list(map(str, self.findings)), "not_shown": list(map(str, self.not_shown))}
        return {**plain(asdict(self)), "evaluation": self.evaluation.to_record(), **claims}

    def to_html(self) -> str:
        """Return the report as one self-contained page."""
        return render("report.html", report=self, searched=GROUPS, page=_PAGE, most=_MOST)


def report(
    router: Router,
    table: Table,
    config: Config,
    *,
    data: str,
    about: str | None = None,
    more: Mapping[str, Sequence[object]] | None = None,
    dispatched: Sequence[object] | None = None,
    learning: Sequence[tuple[int, Estimate]] = (),
    track: Track = lambda calls: calls,
) -> Report:
    """Return the report of a router on labelled calls; every call is decided once.

    `data` names the file. `about` says whose calls these are and who labelled them. `more` are further columns to group by
    and `dispatched` is who was sent to each call; both are as long as the table. `learning` is the learning curve.
    """
    decisions = [router.decide(call) for call in track(table.calls)]
    settings = config.evaluate
    evaluation = evaluate_decisions(decisions, table, settings, call_types=router.program.call_types)
    frame = evaluation_frame(table, decisions, program=router.program, more=more)
    confidence = settings.confidence
    days = _days(table, router.program.time_zone)
    simpler = choices(frame, table.calls, router.program, dispatched=dispatched)
    result = Report(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        data=data,
        about=about or _about(table),
        first_day=days[0] if days else "not known",
        last_day=days[-1] if days else "not known",
        versions=asdict(router.versions),
        point=dict(router.bundle.operating_point.to_record()) if router.bundle else {},
        confidence=confidence,
        evaluation=evaluation,
        compared=measure_choices(frame, simpler, confidence=confidence),
        thresholds=curves.over_thresholds(frame, confidence=confidence),
        decision_curve=curves.decision_curve(frame, simpler, confidence=confidence, resamples=settings.bootstrap // 5),
        calibration=curves.calibration(frame, bins=settings.calibration_bins, confidence=confidence),
        decided=_decided(frame, router, config),
        risks=curves.risk_calibration(decisions, table.labels, bins=settings.calibration_bins, confidence=confidence),
        learning=list(learning),
        subgroups=worst_subgroups(frame, confidence=confidence),
        fairness=fairness(frame, (*BY, *(more or {})), confidence=confidence),
        behaviour=behaviours(router),
    )
    result.findings = findings(result, frame, config)
    result.not_shown = list(not_shown(result, config))
    return result


def _days(table: Table, time_zone: tzinfo) -> list[str]:
    """Return the days on which calls were received, in order, in the program's time zone."""
    times = [local_time(call.received_at, time_zone) for call in table.calls if call.received_at]
    return sorted(at.date().isoformat() for at in times if at)


def _about(table: Table) -> str:
    """Return a description of calls whose source was not named; only synthetic calls all have a style."""
    synthetic = "style" in table.labels and table.labels["style"].notna().all()
    return "synthetic calls, of no agency" if synthetic else "calls whose agency was not named"


def _decided(frame: pd.DataFrame, router: Router, config: Config) -> list[curves.CalibrationBand]:
    """Return the calibration bands around this router's thresholds."""
    point = router.bundle.operating_point if router.bundle else None
    thresholds, settings = {}, config.evaluate
    if point is not None:
        thresholds = {
            "the threshold for ELIGIBLE": point.eligible_at, "the threshold for NOT ELIGIBLE": point.not_eligible_below,
        }  # fmt: skip
    return curves.calibration_where_decided(
        frame, thresholds, bins=settings.calibration_bins, confidence=settings.confidence
    )


def findings(result: Report, frame: pd.DataFrame, config: Config) -> list[Claim]:
    """Return the problems in sentences: broken promises, wrong probabilities, and groups with significantly more errors."""
    return [
        *_promises(result),
        *_calibration(result, config),
        *_gaps(result, config),
        *(
            Claim(f"behaviour: {test.name} failed {test.failures} of {test.cases}", "behaviour")
            for test in result.behaviour
            if not test.holds
        ),
        *_subgroups(result, config),
        *_missed_vetoes(result, frame),
    ]


def _figure(name: str) -> str:
    """Return the id of a figure's row on the page."""
    return f"figure-{name.replace('_', '-')}"


def _promises(result: Report) -> Iterator[Claim]:
    """Yield each promise of the operating point that is broken."""
    for name, promise in PROMISES.items():
        figure = result.evaluation.figures[name]
        if result.point and figure.n and figure.low > float(result.point[promise] or 0.0):
            sentence = f"{name.replace('_', ' ')} {figure} is above the promise of {result.point[promise]:g}"
            yield Claim(sentence, _figure(name))


def not_shown(result: Report, config: Config) -> Iterator[Claim]:
    """Yield the promises that these calls neither break nor prove: the interval of the figure includes the limit."""
    limits = {name: float(result.point.get(promise) or 1.0) for name, promise in PROMISES.items()}
    limits |= dict.fromkeys(CALIBRATION, config.release.max_calibration_error)
    for name, limit in limits.items():
        figure = result.evaluation.figures[name]
        if limit < 1 and (not figure.n or figure.low <= limit < figure.high):
            calls = "1 call allows" if figure.n == 1 else f"{figure.n} calls allow"
            allowed = f"{calls} up to {figure.high:.3f}" if figure.n else "there is no such call"
            yield Claim(f"{name.replace('_', ' ')} of at most {limit:g} is not shown: {allowed}", _figure(name))
    limit = config.evaluate.max_recall_gap
    for each in result.fairness:
        promise = f"equal-opportunity gap by {each.column} of at most {limit:g} is not shown"
        if not each.gap.n:
            yield Claim(f"{promise}: fewer than two groups have {SMALL} eligible calls", "fairness")
        elif each.gap.low <= limit < each.gap.high:
            power = f"and would show a gap of {each.detectable:.3f} four times in five"
            yield Claim(f"{promise}: {each.gap.n} calls allow up to {each.gap.high:.3f}, {power}", "fairness")


def _calibration(result: Report, config: Config) -> Iterator[Claim]:
    """Yield a calibration error above the limit."""
    limit = config.release.max_calibration_error
    for name in CALIBRATION:
        figure = result.evaluation.figures[name]
        if figure.n and figure.low > limit:
            yield Claim(f"{name.replace('_', ' ')} {figure} is above {limit:g}", _figure(name))


def _gaps(result: Report, config: Config) -> Iterator[Claim]:
    """Yield each gap between groups whose whole interval is above the limit."""
    limit = config.evaluate.max_recall_gap
    for each in result.fairness:
        if each.gap.n and each.gap.low > limit:
            yield Claim(f"equal-opportunity gap by {each.column} {each.gap} is above {limit:g}", "fairness")


def _subgroups(result: Report, config: Config) -> Iterator[Claim]:
    """Yield the three groups whose higher rate of errors is most significant."""
    surprising = [each for each in result.subgroups if each.corrected < 1 - config.evaluate.confidence]
    for each in surprising[:3]:
        sentence = f"worst group: {each.error} {each.rate} for {each.name}, elsewhere {each.elsewhere.value:.3f}"
        yield Claim(sentence, "groups")


def _missed_vetoes(result: Report, frame: pd.DataFrame) -> Iterator[Claim]:
    """Yield how many dangerous calls were not vetoed."""
    vetoes = result.evaluation.figures["veto_recall"]
    if vetoes.n and vetoes.value < 1:
        cleared = int((frame["danger"] & frame["cleared"]).sum())
        missed = len(result.evaluation.missed_vetoes)
        sentence = f"{missed} of {vetoes.n} dangerous calls were not vetoed, of which {cleared} were suggested ELIGIBLE"
        yield Claim(sentence, "missed-vetoes")
