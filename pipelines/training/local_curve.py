"""The gain from more local labels: figures on held-out local calls, fitted on growing numbers of the others.

Each repeat draws new folds and new subsamples, and is measured on bootstrap draws of its calls. An interval covers both the
choice of labels and the choice of calls to measure on. The settings are the base's, so that nothing is tuned here.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from models.classifier.bundle import Bundle
from models.classifier.encoder import make_encoder
from models.classifier.operating_point import allowed_errors
from models.errors import InvalidData
from models.router import Router
from models.statistics import Bools, Estimate, Floats, Rows, bootstrap_draws, percentile_interval
from pipelines.data.rows import Notice
from pipelines.evaluation import metrics
from pipelines.evaluation.evaluate import is_cleared, is_vetoed
from pipelines.evaluation.plots import new_plot
from pipelines.training.certify import open_point
from pipelines.training.local_fit import WEIGHTS, LocalSettings, out_of_fold
from pipelines.training.local_groups import Sides, folds_of
from pipelines.training.local_work import Work

SIZES = (0, 50, 100, 200)
REPEATS = 10
_FOLDS, _DRAWS = 5, 40


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The figures, on held-out local calls, of models that were fitted on so many local labels."""

    labels: int
    area: Estimate
    average_precision: Estimate
    found: Estimate

    def __str__(self) -> str:
        """Return the figures as one line."""
        return f"{self.labels:5} labels: area {self.area}, average precision {self.average_precision}, found {self.found}"


def local_curve(
    work: Work,
    base: Bundle,
    *,
    sizes: Sequence[int] = SIZES,
    repeats: int = REPEATS,
    notice: Notice = lambda _: None,
) -> list[CurvePoint]:
    """Return the figures for each number of local labels, and for all of them.

    `found` is the share of eligible calls above the threshold at which as many ineligible ones are cleared as the certified
    bound allows; a call that the base's doubts keep back is not found. Raises `InvalidData` where no number of errors proves
    that bound.
    """
    config, truth = work.config, work.local.eligible
    allowed = allowed_errors(
        int((~truth).sum()), max_rate=config.threshold.max_false_clear, confidence=config.threshold.confidence
    )
    if allowed < 0:
        raise InvalidData("too few ineligible calls for the bound", value=int((~truth).sum()), remedy="label at least 59")
    encoder = make_encoder(config.classifier)
    encoded = encoder.fit_transform(pd.concat([work.synthetic.frame, work.local.frame], ignore_index=True)).tocsr()
    pair = encoded[: len(work.synthetic.frame)], encoded[len(work.synthetic.frame) :]
    could_clear, vetoed = _rules(work, base)
    most = len(truth) * (_FOLDS - 1) // _FOLDS
    points = []
    for size in [*sorted(size for size in set(sizes) if size < most), most]:
        draws = [
            _draws(work, pair, size, repeat, could_clear, vetoed, allowed=allowed)
            for repeat in range(repeats if size else 1)
        ]
        points.append(_point(size, np.concatenate(draws), len(truth), confidence=config.evaluate.confidence))
        notice(str(points[-1]))
    return points


def _rules(work: Work, base: Bundle) -> tuple[Bools, Bools]:
    """Return which local calls neither a rule nor a doubt keeps from ELIGIBLE, and which are vetoed; shapes (n,)."""
    opened = replace(base, operating_point=open_point(work.config))
    router = Router(bundle=opened, program=work.program, matcher=work.matcher, signals=work.signals)
    decisions = [router.decide(call) for call in work.local_table.calls]
    return is_cleared(decisions), is_vetoed(decisions)


def _draws(
    work: Work, pair: tuple[object, object], size: int, repeat: int, could_clear: Bools, vetoed: Bools, *, allowed: int
) -> Floats:
    """Return area, average precision and share found, shape (draws + 1, 3), of one repeat; the first row is of all calls."""
    truth, config = work.local.eligible, work.config
    seed = config.classifier.seed + repeat
    rng = np.random.default_rng(seed)
    folds = folds_of(work.groups, truth, count=_FOLDS, seed=seed)
    scores = np.empty(len(truth))
    for held in folds:
        fitted_on = np.zeros(len(truth), dtype=bool)
        rest = np.flatnonzero(~held)
        fitted_on[rng.choice(rest, min(size, len(rest)), replace=False)] = True
        part = out_of_fold(
            pair, (work.synthetic.eligible, truth), (work.synthetic.weights, work.local.weights), [Sides(held, fitted_on)],
            LocalSettings(config.classifier, WEIGHTS[0]),
        )  # fmt: skip
        scores[held] = part[held]
    ranked = np.where(vetoed, scores.min() - 1, scores)

    def statistic(rows: Rows) -> Floats:
        drawn, eligible = ranked[rows], truth[rows]
        clearable_wrongly = np.sort(drawn[~eligible & could_clear[rows]])[::-1]
        limit = clearable_wrongly[allowed] if len(clearable_wrongly) > allowed else -np.inf
        share_found = float(((drawn > limit) & could_clear[rows])[eligible].mean())
        return np.array([metrics.auc(eligible, drawn), metrics.average_precision(eligible, drawn), share_found])

    draws = bootstrap_draws(
        statistic, len(truth), resamples=_DRAWS, seed=seed, clusters=work.groups.tolist(),
        defined=lambda rows: bool(truth[rows].any() and not truth[rows].all()),
    )  # fmt: skip
    return np.vstack([statistic(np.arange(len(truth))), draws])


def _point(size: int, draws: Floats, n: int, *, confidence: float) -> CurvePoint:
    """Return the figures of one size: the mean over repeats, and the interval over repeats and draws."""
    whole = draws[:: _DRAWS + 1]
    estimates = [
        Estimate(float(whole[:, k].mean()), *percentile_interval(draws[:, k], confidence=confidence), n, "bootstrap")
        for k in range(3)
    ]
    return CurvePoint(size, *estimates)


def curve_table(points: Sequence[CurvePoint]) -> pd.DataFrame:
    """Return the curve as a table with one row for each number of labels and figure."""
    names = ("area", "average_precision", "found")
    rows = [{"labels": point.labels, "figure": name} | asdict(getattr(point, name)) for point in points for name in names]
    return pd.DataFrame(rows)


def curve_plot(points: Sequence[CurvePoint]) -> Figure:
    """Return the curve as a plot with its intervals."""
    figure, axes = new_plot("Figures by number of local labels (held-out local calls)", "local labels", "figure")
    labels = [point.labels for point in points]
    for name in ("area", "average_precision", "found"):
        estimates: list[Estimate] = [getattr(point, name) for point in points]
        values = np.array([each.value for each in estimates])
        below = values - [each.low for each in estimates]
        above = np.array([each.high for each in estimates]) - values
        spread = np.clip(np.stack([below, above]), 0.0, None)
        axes.errorbar(labels, values, yerr=spread, marker="o", capsize=3, label=name.replace("_", " "))
    axes.legend()
    return figure
