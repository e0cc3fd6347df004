"""Variants of the classifier are measured on the same blocks, and the simplest of those about as good as the best wins."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import SMALL, heartline

from models.classifier import bundle as bundles
from models.reading import Reader
from pipelines.data.split import split
from pipelines.training import compare
from pipelines.training.compare import VARIANTS, ranked, without_fields
from pipelines.training.tracking import Store
from pipelines.training.train import labelled


@pytest.fixture(scope="module")
def table(corpus_table):
    """Return the labelled calls of the small corpus."""
    return labelled(corpus_table)


@pytest.fixture(scope="module")
def blocks(table, small_config):
    """Return the blocks of the small corpus."""
    return split(table.calls, table.labels, small_config.split)


@pytest.fixture(scope="module")
def short_blocks(table, blocks):
    """Return the features and labels of some calls to fit on, and the features of others."""
    reader, fit = Reader(), blocks.fit[:1500]
    fitted, held = (compare.features.frame([table.calls[i] for i in rows], reader) for rows in (fit, blocks.calibrate[:300]))
    return fitted, table.labels["eligible"].iloc[fit].to_numpy(dtype=bool), held


def scored(quality):
    """Return scores for every variant, as good as told, on the same calls."""
    rng = np.random.default_rng(0)
    truth = rng.random(3000) < 0.3
    noise = rng.normal(size=3000)
    return {variant.name: truth * quality.get(variant.name, 3.0) + noise for variant in VARIANTS}, truth


def test_the_simplest_within_one_standard_error_wins(small_config):
    """Where all are alike the simplest variant wins; where metadata alone is worse, it does not."""
    assert ranked(*scored({}), small_config)[1].inputs == "metadata"
    assert ranked(*scored({VARIANTS[0].name: 0.5}), small_config)[1].inputs == "text"
    assert ranked(*scored({VARIANTS[0].name: 0.5, VARIANTS[1].name: 1.0}), small_config)[1].inputs == "both"


def test_what_the_service_cannot_explain_may_lead_and_does_not_win(small_config):
    """The table says that another was better; the best that can be explained is trained."""
    table, winner = ranked(*scored({variant.name: 1.0 for variant in VARIANTS[:3]}), small_config)
    assert winner.inputs in {"text", "metadata", "both"}
    assert max(table, key=lambda each: each.auc).name == VARIANTS[3].name
    assert [each.wins for each in table].count(True) == 1


def test_differences_are_paired(small_config):
    """The best differs from itself by nothing; the others' intervals hold their differences."""
    table, _ = ranked(*scored({VARIANTS[0].name: 0.5}), small_config)
    best = max(table, key=lambda each: each.auc)
    assert (best.difference, best.low, best.high, best.standard_error) == (0.0, 0.0, 0.0, 0.0)
    assert all(each.low <= each.difference <= each.high for each in table)


@pytest.mark.slow
def test_the_command_leaves_a_run_for_every_variant(certifiable, tmp_path, small_config, monkeypatch):
    """`train --compare` prints the table and keeps it in MLflow, nested in the run of the model it trained."""
    quick = [variant if variant.inputs else replace(variant, scores=VARIANTS[0].scores) for variant in VARIANTS]
    monkeypatch.setattr(compare, "VARIANTS", quick)  # what cannot be trained for release is fitted by a test of its own
    root = tmp_path / "mlruns"
    words = ("--data", str(certifiable), "--config", str(SMALL), "--runs", str(root))
    code, out, err = heartline("train", *words, "--compare")
    assert code == 0, err
    store = Store(root, small_config)
    made = store.by_alias("candidate")
    nested = store.client.search_runs(
        [store.client.get_run(made.run_id).info.experiment_id], f"tags.mlflow.parentRunId = '{made.run_id}'"
    )
    assert {run.data.tags["variant"] for run in nested} == {variant.name for variant in VARIANTS}
    assert sum(run.data.tags["wins"] == "true" for run in nested) == 1
    assert all({"auc", "difference", "low", "high"} <= set(run.data.metrics) for run in nested)
    assert all(variant.name in out for variant in VARIANTS)


def test_missing_fields_cost_little(router, table, blocks):
    """No field that is missing when a call is scored costs more than a few points of area, and all of them not much more."""
    areas = without_fields(bundles.load_parts(router.bundle.folder), table, blocks.test[:600])
    whole = areas.pop("nothing missing")
    assert areas.pop("everything but the note") > whole - 0.08
    assert all(area > whole - 0.05 for area in areas.values()), areas


@pytest.mark.slow
def test_training_again_gives_the_same_bundle_to_the_last_bit(runs, corpus):
    """`train --like` rebuilds the champion from its manifest and finds the same digest."""
    code, out, err = heartline("train", "--data", str(corpus), "--like", str(runs / "champion"))
    assert code == 0, err
    assert bundles.read_manifest(runs / "champion")["digest"] in out


def test_other_calls_do_not_rebuild_a_bundle(runs, corpus, tmp_path):
    """The data's digest is in the manifest; another file is refused before anything is trained."""
    other = tmp_path / "other.csv"
    other.write_text(Path(corpus).read_text()[:-300])
    code, _, err = heartline("train", "--data", str(other), "--like", str(runs / "champion"))
    assert code == 1
    assert "not the inputs of the bundle" in err


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_scores_every_row(variant, short_blocks, small_config):
    """Each variant fits on one block and scores another, row by row."""
    fit, truth, held = short_blocks
    scores = variant.scores(fit, truth, held, small_config.classifier)
    assert scores.shape == (300,)
    assert np.isfinite(scores).all()
