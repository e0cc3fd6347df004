"""How much faster two of Dask's workers decide history than one, to the same bytes. Run whole with `make bench`."""

import os
import time
from dataclasses import replace

import pytest

from pipelines.corpus import synthesise
from pipelines.operations import backfill
from pipelines.settings import load_config

WHOLE = os.environ.get("BENCHMARK") == "whole"
CALLS, PARTS = (200_000, 80) if WHOLE else (600, 4)
ENGINES = {"local": {}, "one": {"engine": "dask", "workers": 1}, "two": {"engine": "dask", "workers": 2}}

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Write a synthetic history as Parquet parts."""
    folder = tmp_path_factory.mktemp("lake")
    calls = synthesise.frame(replace(load_config().synthesise, calls=CALLS)).astype(object)
    calls = calls.where(calls.notna(), "").astype(str)
    for number in range(PARTS):
        calls.iloc[number::PARTS].to_parquet(folder / f"part-{number:04}.parquet", index=False)
    return folder


def test_two_workers_against_one(lake, runs, tmp_path):
    """Start-up included, two workers are at least 1.7 times as fast; every file is the same, byte for byte."""
    spent, files = {}, {}
    for name in ENGINES if WHOLE else ("local", "one"):
        start = time.perf_counter()
        backfill.run(lake, tmp_path / name, bundle=runs / "champion", program="durham-heart", **ENGINES[name])
        spent[name] = time.perf_counter() - start
        files[name] = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        print(f"{CALLS} calls, {name:5}: {spent[name]:6.1f} s, {CALLS / spent[name]:6.0f} calls a second")  # noqa: T201
    assert all(made == files["local"] for made in files.values())
    if WHOLE:
        print(f"two workers: {spent['one'] / spent['two']:.2f} times one")  # noqa: T201
        assert spent["one"] > 1.7 * spent["two"]
