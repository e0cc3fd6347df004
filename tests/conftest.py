"""Train one small model for the whole session and share it."""

import os
import shutil

import pytest
from command import SMALL, heartline
from filelock import FileLock

from models.programs.program import load_program
from models.router import Router
from models.veto.matcher import Rulebook
from pipelines.corpus import synthesise
from pipelines.settings import load_config


@pytest.fixture(scope="session")
def small_config():
    """Return the settings of a small corpus."""
    return load_config(SMALL)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, small_config):
    """Write the small corpus once."""
    path = tmp_path_factory.mktemp("corpus") / "calls.csv"
    synthesise.frame(small_config.synthesise).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def runs(tmp_path_factory, corpus):
    """Train and release the first champion once, by the commands a data scientist types; each worker gets a copy."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, done = shared / "champion", shared / "champion.done"
    with FileLock(shared / "champion.lock"):
        if not done.exists():
            for words in (["train", "--data", str(corpus)], ["release"]):
                code, _, err = heartline(*words, "--config", str(SMALL), "--runs", str(folder))
                assert code == 0, err
            done.touch()
    return shutil.copytree(folder, own / "mlruns")


@pytest.fixture(scope="session")
def rulebook():
    """Compile the rulebook once."""
    return Rulebook()


@pytest.fixture(scope="session")
def router(runs):
    """Load the champion."""
    return Router.load(runs / "champion")


@pytest.fixture
def rules_router(rulebook):
    """Return a router without a model."""
    return Router(bundle=None, program=load_program(), rulebook=rulebook)
