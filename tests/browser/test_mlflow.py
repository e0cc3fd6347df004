"""MLflow's pages show what runs leave there; `make screenshots` looks at them and writes their pictures to data/pictures."""

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command import SMALL, heartline
from servers import free_port, started

from pipelines.corpus import synthesise
from pipelines.training.tracking import Store

FOLDER = os.environ.get("PICTURES_FOLDER")
SETTINGS = {
    "mlflow.workflowType_v1": "machine_learning",
    "mlflow.assistant.autoOpenedOnFirstLoad_v1": True,
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,
    "mlflow.assistant.panelOpen_v1": False,
}
"""What the pages keep in the browser: the view of trained models, and no assistant beside it."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOLDER is None, reason="adapts, tunes and starts MLflow's server: make screenshots does it"),
]


@pytest.fixture
def store(runs, corpus, small_config, tmp_path):
    """Return a store with a released training, an adaptation with its folds, and a tuning with its trials."""
    folder, city = shutil.copytree(runs, tmp_path / "mlruns"), tmp_path / "city.csv"
    synthesise.frame(replace(small_config.synthesise, calls=320, seed=41)).to_csv(city, index=False)
    for words in (
        ["adapt", "--data", str(city), "--training", str(corpus)],
        ["tune", "--data", str(corpus), "--minutes", "2", "--trials", "3", "--config", str(SMALL)],
    ):
        code, _, err = heartline(*words, "--runs", str(folder))
        assert code == 0, err
    return Store(folder, small_config)


@pytest.fixture
def pages(store):
    """Return the address of MLflow's server over the store."""
    port, database = free_port(), f"sqlite:///{store.root}/mlflow.db"
    words = ["-m", "mlflow", "ui", "--backend-store-uri", database, "--port", str(port), "--workers", "1"]
    with started([sys.executable, *words], port=port, seconds=180):
        yield f"http://127.0.0.1:{port}/#"


def test_mlflow_shows_runs_tables_cards_and_versions(page, store, pages):
    """Data sets and nested runs, a table of figures, the model card, and a version with description, tags and alias."""
    folder = Path(FOLDER)
    page.add_init_script(
        "".join(f"localStorage.setItem({json.dumps(name)}, {json.dumps(json.dumps(SETTINGS[name]))});" for name in SETTINGS)
    )
    page.set_viewport_size({"width": 1200, "height": 740})
    experiment = store.client.get_experiment_by_name("heartline").experiment_id
    by_name = {run.info.run_name: run.info.run_id for run in store.client.search_runs([experiment])}
    page.goto(f"{pages}/experiments/{experiment}/runs")
    for name in ("tuning", "adaptation", "training"):
        page.get_by_role("link", name=name, exact=True).wait_for()
    page.get_by_text("Expand rows").click()
    for parent, part in (("adaptation", "fold 5"), ("tuning", "trial 2")):
        own_cell = page.get_by_role("gridcell").filter(has=page.get_by_role("link", name=parent, exact=True))
        own_cell.locator("svg").first.click()
        page.get_by_role("link", name=part, exact=True).wait_for()
    page.get_by_text(re.compile(r"calls\.csv \(")).first.wait_for()
    page.screenshot(path=folder / "mlflow-runs.png")
    page.goto(f"{pages}/experiments/{experiment}/runs/{by_name['adaptation']}/artifacts")
    page.get_by_text("figures.json").click()
    page.get_by_text("dangerous_clear_rate").wait_for()
    page.get_by_text("model_card.md").click()
    page.get_by_role("heading", name="Model card").wait_for()
    page.goto(f"{pages}/models/heartline/versions/2")
    for text in ("candidate", "Adapted to 320 labelled local calls", "certified_on"):
        page.get_by_text(text).first.wait_for()
    page.screenshot(path=folder / "mlflow-version.png")
    assert all(10_000 < (folder / name).stat().st_size < 150_000 for name in ("mlflow-runs.png", "mlflow-version.png"))
