"""Settings are searched on held-out callers for a limited time, and retraining depends on monitoring on request."""

import mlflow
import numpy as np
import optuna
import pytest
from command import SMALL, heartline
from ledgers import prepared

from pipelines.data.table import read_table, take
from pipelines.settings import load_config
from pipelines.training import tuning
from pipelines.training.tracking import Store
from pipelines.training.tuning import RANGES, tune


@pytest.fixture(scope="module")
def table(corpus):
    """Return 2,000 calls of the small corpus."""
    return take(read_table(corpus), np.arange(2000))


def test_the_present_settings_are_the_first_trial_and_the_best_is_never_worse(table, small_config):
    """Each trial is within its ranges and reported; the best loss is at most that of the present settings."""
    verbosity, trials = optuna.logging.get_verbosity(), []
    tuned = tune(table, small_config, minutes=5, trials=4, on_trial=trials.append)
    assert tuned.trials == len(trials) == 4
    assert trials[0].params == {name: getattr(small_config.classifier, name) for name in RANGES}
    assert all(low <= trial.params[name] <= high for trial in trials for name, (low, high) in RANGES.items())
    assert tuned.loss == min(trial.metrics["log_loss"] for trial in trials) <= tuned.loss_before
    assert tuned.difference == pytest.approx(tuned.loss - tuned.loss_before)
    assert optuna.logging.get_verbosity() == verbosity


def test_the_search_ends_in_time(table, small_config):
    """After a hundredth of a minute the search stops, with at least one setting tried."""
    assert 1 <= tune(table, small_config, minutes=0.01).trials < 20


def test_reading_the_calls_counts_as_time(table, small_config, monkeypatch):
    """Where it took all of the minutes, the present settings are the only trial."""
    clock = iter((0.0, 1000.0))
    monkeypatch.setattr(tuning, "perf_counter", lambda: next(clock))
    assert tune(table, small_config, minutes=5, trials=3).trials == 1


def test_the_command_writes_settings_that_training_reads(tmp_path):
    """Its TOML lies over the defaults, and every trial is a nested run of one run in MLflow."""
    out = tmp_path / "tuned.toml"
    words = [
        "--data",
        "data/sample.csv",
        "--config",
        str(SMALL),
        "--runs",
        str(tmp_path),
        "--trials",
        "2",
        "--out",
        str(out),
    ]
    code, shown, err = heartline("tune", *words)
    assert code == 0, err
    assert "2 settings tried" in shown
    assert 0.1 <= load_config(out).classifier.regularisation <= 10
    Store(tmp_path, load_config())
    runs = mlflow.search_runs(experiment_names=["heartline"])
    assert sorted(runs["tags.mlflow.runName"]) == ["trial 0", "trial 1", "tuning"]
    parent = mlflow.get_run(runs.loc[runs["tags.mlflow.runName"] == "tuning", "run_id"].item())
    assert [each.dataset.name for each in parent.inputs.dataset_inputs] == ["sample.csv"]
    assert parent.data.tags["mlflow.note.content"].startswith("2 settings tried")
    assert set(parent.data.params) == set(RANGES)
    assert parent.data.metrics["log_loss"] <= parent.data.metrics["log_loss_before"]


def test_nothing_is_trained_where_no_limit_is_crossed(runs, corpus, tmp_path):
    """With an empty ledger `retrain --if-needed` trains nothing."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    prepared(url, tmp_path / "ledger.anchor")
    words = ["--if-needed", "--data", str(corpus), "--runs", str(runs), "--ledger", url]
    code, shown, err = heartline("retrain", *words)
    assert code == 0, err
    assert "nothing is trained" in shown
