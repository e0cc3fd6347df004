"""One small model for all tests, trained once and kept as long as the code that trains it stays the same."""

import hashlib
import os
import shutil

import pandas as pd
import pytest
from command import ROOT, SMALL, heartline
from cost_order import cost_rank
from filelock import FileLock

from models.programs.program import load_program
from models.router import Router
from models.veto import shipped_matcher
from pipelines.corpus import synthesise
from pipelines.data.table import read_table
from pipelines.settings import load_config

collect_ignore = ["benchmarks/noop.py"]  # a service for the benchmarks, which builds a router when it is imported


def training_digest():
    """Return a digest of everything that decides the small model: code, data files and settings."""
    digest = hashlib.sha256(SMALL.read_bytes())
    for folder in ("models", "pipelines"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".toml", ".txt"}:
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def pytest_collection_modifyitems(items):
    """Mark the tests that need the trained model; put the costliest files first, so that no worker ends alone."""
    ranks = {path: cost_rank(path) for path in {item.path for item in items}}
    items.sort(key=lambda item: ranks[item.path])
    for item in items:
        if "runs" in getattr(item, "fixturenames", ()):
            item.add_marker("model")


@pytest.fixture(scope="session")
def small_config():
    """Return the settings of a small corpus."""
    return load_config(SMALL)


@pytest.fixture(scope="session")
def shared_folder(request, tmp_path_factory):
    """Return the folder of the small corpus and model, shared between workers, and between runs of the same code."""
    own = tmp_path_factory.getbasetemp()
    if not hasattr(request.config, "cache"):
        return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    models = request.config.cache.mkdir("small-models")
    folder = models / training_digest()
    with FileLock(models / "lock"):
        folder.mkdir(exist_ok=True)
        for older in sorted(models.glob("*/"), key=lambda path: path.stat().st_mtime)[:-3]:
            shutil.rmtree(older)
    return folder


@pytest.fixture(scope="session")
def corpus(shared_folder, small_config):
    """Return the small corpus as a file, written once."""
    path = shared_folder / "calls.csv"
    with FileLock(shared_folder / "corpus.lock"):
        if not path.exists():
            unfinished = path.with_suffix(".new")
            synthesise.frame(small_config.synthesise).to_csv(unfinished, index=False)
            unfinished.rename(path)
    return path


@pytest.fixture(scope="session")
def corpus_table(corpus):
    """Return the small corpus as a table, read once: a test that changes a table changes a copy."""
    return read_table(corpus)


@pytest.fixture(scope="session")
def recent(corpus, tmp_path_factory):
    """Return the last 1,500 calls of the small corpus as a file: enough to measure on, and soon measured."""
    path = tmp_path_factory.mktemp("recent") / "recent.csv"
    lines = pd.read_csv(corpus, dtype=str, keep_default_na=False)
    lines.tail(1500).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def certifiable(corpus, tmp_path_factory):
    """Return the first 5,200 calls of the small corpus as a file: just enough of them are dangerous for a certificate."""
    path = tmp_path_factory.mktemp("certifiable") / "calls.csv"
    pd.read_csv(corpus, dtype=str, keep_default_na=False).head(5200).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def runs(tmp_path_factory, shared_folder, corpus):
    """Return a copy of a store with the first champion, trained and released by the commands a data scientist types."""
    folder, done = shared_folder / "champion", shared_folder / "champion.done"
    with FileLock(shared_folder / "champion.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            for words in (["train", "--data", str(corpus)], ["release"]):
                code, _, err = heartline(*words, "--config", str(SMALL), "--runs", str(folder))
                assert code == 0, err
            done.touch()
    return shutil.copytree(folder, tmp_path_factory.getbasetemp() / "mlruns")


@pytest.fixture(scope="session")
def rulebook():
    """Return the compiled rulebook, the one that every router of the shipped rules shares."""
    return shipped_matcher()


@pytest.fixture(scope="session")
def router(runs):
    """Return a router of the champion."""
    return Router.load(runs / "champion")


@pytest.fixture
def rules_router(rulebook):
    """Return a router without a model."""
    return Router(bundle=None, program=load_program(), matcher=rulebook)
