"""The timed search of the classifier's settings, each measured on callers that it was not fitted on (Optuna)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import optuna
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.classifier import features
from models.classifier.encoder import make_encoder
from models.classifier.settings import ClassifierSettings
from models.reading import Reader
from models.statistics import Bools, Floats
from pipelines.data.split import split
from pipelines.data.table import Table, labelled, take
from pipelines.settings import Config
from pipelines.training.local_fit import block_scale
from pipelines.training.local_groups import folds_of, groups_of
from pipelines.training.run_record import NestedRun

RANGES = {
    "regularisation": (0.1, 10.0),
    "signal_weight": (0.5, 4.0),
    "word_weight": (0.25, 2.0),
    "metadata_weight": (0.25, 2.0),
}
"""The settings that are searched, each between two ends on a logarithmic scale."""

MOST_CALLS = 12_000
_FOLDS = 3
_LEAST_SECONDS = 1e-3


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best settings of all trials, their log loss, its difference to that of the present settings, and its error."""

    settings: ClassifierSettings
    trials: int
    loss: float
    loss_before: float
    difference: float
    standard_error: float

    @property
    def better(self) -> bool:
        """Return whether the loss is lower by more than one standard error."""
        return self.difference < -self.standard_error

    def to_toml(self) -> str:
        """Return the settings as TOML to lay over the defaults with `--config`."""
        lines = ["[classifier]", *(f"{name} = {getattr(self.settings, name):.4g}" for name in RANGES)]
        return "\n".join(lines) + "\n"


def tune(
    table: Table,
    config: Config,
    *,
    minutes: float,
    trials: int | None = None,
    reader: Reader | None = None,
    on_trial: Callable[[NestedRun], None] = lambda _: None,
) -> Tuned:
    """Return the best settings found on the fit block in so many minutes, or after so many trials.

    The present settings are the first trial, which always ends; reading the calls counts as time. The later blocks are not
    used, so that certification stays valid. `reader` is the program's; the default reads as the shipped program does.
    """
    started = perf_counter()
    losses = _losses(labelled(table), config, reader or Reader())
    losses_of_trial: dict[int, Floats] = {}

    def objective(trial: optuna.Trial) -> float:
        values = {name: trial.suggest_float(name, low, high, log=True) for name, (low, high) in RANGES.items()}
        losses_of_trial[trial.number] = losses(replace(config.classifier, **_rounded(values)))
        return float(losses_of_trial[trial.number].mean())

    def record(_: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        metrics = {"log_loss": float(trial.value or 0.0)}
        on_trial(NestedRun(f"trial {trial.number}", {"kind": "trial"}, _rounded(trial.params), metrics))

    with _quiet_optuna():
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=config.classifier.seed))
        study.enqueue_trial({name: getattr(config.classifier, name) for name in RANGES})
        left = 60 * minutes - (perf_counter() - started)
        study.optimize(objective, n_trials=trials, timeout=max(left, _LEAST_SECONDS), callbacks=[record])
    best = study.best_trial
    before, after = losses_of_trial[0], losses_of_trial[best.number]
    gap = after - before
    return Tuned(
        replace(config.classifier, **_rounded(best.params)), len(losses_of_trial), float(after.mean()),
        float(before.mean()), float(gap.mean()), float(gap.std(ddof=1) / np.sqrt(len(gap))),
    )  # fmt: skip


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    """Return values rounded to four significant digits, as they are written."""
    return {name: float(f"{value:.4g}") for name, value in values.items()}


def _losses(table: Table, config: Config, reader: Reader) -> Callable[[ClassifierSettings], Floats]:
    """Return a function of settings that gives each call's log loss out of fold; the calls are encoded once."""
    rows = split(table.calls, table.labels, config.split).fit
    fit = take(table, np.sort(np.random.default_rng(config.classifier.seed).permutation(rows)[:MOST_CALLS]))
    truth: Bools = fit.labels["eligible"].to_numpy(dtype=bool)
    folds = folds_of(groups_of(fit), truth, count=_FOLDS, seed=config.classifier.seed)
    encoder = make_encoder(replace(config.classifier, signal_weight=1.0, word_weight=1.0, metadata_weight=1.0))
    encoded = encoder.fit_transform(features.frame(fit.calls, reader)).tocsr()

    def losses(settings: ClassifierSettings) -> Floats:
        scaled, scores = sparse.csr_array(encoded @ block_scale(encoder, settings)), np.empty(len(truth))
        for held in folds:
            rest = np.flatnonzero(~held)
            head = LogisticRegression(C=settings.regularisation, max_iter=500, tol=1e-3, random_state=settings.seed)
            with threadpool_limits(limits=1):
                head.fit(scaled[rest], truth[rest])
            scores[held] = head.decision_function(scaled[np.flatnonzero(held)])
        return np.logaddexp(0.0, np.where(truth, -scores, scores))

    return losses


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Silence Optuna's line for each trial, and restore its verbosity afterwards."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
