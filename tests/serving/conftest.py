"""A running service over the small model, with a ledger of its own."""

import shutil
from types import SimpleNamespace

import pytest
from clients import local_client
from ledgers import prepared, sqlite_url

from serving.app import create_app
from serving.settings import Settings


@pytest.fixture(scope="module", autouse=True)
def compiled_once(rulebook):
    """Share one compiled rulebook between the services of a file, and do not collect the garbage of the whole run."""
    collector = SimpleNamespace(collect=int, freeze=int, unfreeze=int)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("serving.model_manager.matcher_of", lambda _program: rulebook)
        patched.setattr("serving.app.gc", collector)
        yield


def settings_in(folder, runs):
    """Return settings of a service over a copy of the small model, with a ledger of its own."""
    return {
        "bundle": shutil.copytree(runs / "champion", folder / "champion"),
        "challenger": folder / "challenger",
        "cache": folder / "last-good",
        "ledger": prepared(sqlite_url(folder), folder / "ledger.anchor"),
        "anchor": str(folder / "ledger.anchor"),
        "poll": 0.05,
    }


@pytest.fixture
def settings(runs, tmp_path):
    """Return settings of a service of one test."""
    return settings_in(tmp_path, runs)


@pytest.fixture(scope="module")
def shared_service(runs, tmp_path_factory):
    """Return a client of a service that the tests of one file share."""
    settings = settings_in(tmp_path_factory.mktemp("service"), runs)
    with local_client(create_app(Settings(**settings), log=False), raise_server_exceptions=False) as client:
        client.settings = settings
        yield client


@pytest.fixture
def service(settings):
    """Return a client of a running service."""
    with local_client(create_app(Settings(**settings), log=False), raise_server_exceptions=False) as client:
        yield client
