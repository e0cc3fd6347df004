"""What more synthetic calls teach about real notes. Run whole with `make bench`; small, it only shows that it runs."""

import os
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from command import ROOT
from sklearn.linear_model import LogisticRegression

from models.classifier import encoder as classifier
from models.classifier import features
from models.reading import Reader
from pipelines.corpus import synthesise
from pipelines.data.table import read_table
from pipelines.evaluation import metrics
from pipelines.settings import load_config

WHOLE = os.environ.get("BENCHMARK") == "whole"
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000) if WHOLE else (1_000,)
REAL = ROOT.parent / "shared" / "real" / "dev.csv"

pytestmark = pytest.mark.benchmark


@pytest.mark.skipif(not REAL.is_file(), reason="the real notes are not at hand: ../shared/real is absent")
def test_learning_curve_on_real_notes(tmp_path):
    """Prints, for each size, the time to write the calls and the area on real notes with its interval."""
    config = load_config()
    real = read_table(REAL)
    judged = real.labels["eligible"].map(lambda value: isinstance(value, bool)).to_numpy()
    truth = real.labels["eligible"][judged].to_numpy(dtype=bool)
    reader = Reader()
    rows = features.frame(real.calls, reader)
    for size in SIZES:
        start = time.perf_counter()
        path = tmp_path / "calls.csv"
        synthesise.frame(replace(config.synthesise, calls=size)).to_csv(path, index=False)
        written = time.perf_counter() - start
        table = read_table(path)
        encoder = classifier.make_encoder(config.classifier)
        encoded = encoder.fit_transform(features.frame(table.calls, reader))
        head = LogisticRegression(C=config.classifier.regularisation, max_iter=2000)
        head.fit(encoded, table.labels["eligible"].to_numpy(dtype=bool))
        scores = np.asarray(head.predict_proba(encoder.transform(rows))[judged, 1])
        area = metrics.bootstrapped(metrics.auc, truth, scores, confidence=0.95, resamples=500)
        print(f"{size:7} calls, written in {written:5.1f} s: area on real notes {area}")  # noqa: T201
        assert area.value > 0.8


def test_frames_per_call_type():
    """Prints how many distinct note frames each major type has, before slots are filled, in as many notes."""
    skeletons: dict[str, set[tuple[str, ...]]] = {}
    settings = replace(load_config().synthesise, calls=100_000 if WHOLE else 2_000)
    counts = Counter(row["scenario"] for row in synthesise.synthesise(settings, skeletons=skeletons))
    for name, frames in sorted(skeletons.items(), key=lambda item: -len(item[1])):
        print(f"{name:20} {len(frames):6} distinct frames in {counts[name]:6} notes")  # noqa: T201
    assert len(skeletons["trespass"]) > 0.9 * counts["trespass"]
