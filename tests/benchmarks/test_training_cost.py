"""What training costs: time and memory from the labelled file to the registered candidate. Run whole with `make bench`."""

import os
import subprocess
import sys
import time

import pytest
from command import SMALL

WHOLE = os.environ.get("BENCHMARK") == "whole"
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000) if WHOLE else (1_500,)

pytestmark = pytest.mark.benchmark


def run(*words):
    """Run a command in a process of its own; return its exit code, its seconds and its largest memory in GB."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "pipelines.cli", *words], stderr=subprocess.PIPE)
    with process.stderr as pipe:
        told = pipe.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.perf_counter() - start, used.ru_maxrss / 2**20, told


def test_training_cost(tmp_path):
    """Three heads, calibration, certification, evaluation and MLflow: under three minutes and 3 GB for 100,000 calls."""
    spent = {}
    for size in SIZES:
        path = tmp_path / f"{size}.csv"
        assert run("synthesise", "--calls", str(size), "--out", str(path))[0] == 0
        words = ["train", "--data", str(path), "--runs", str(tmp_path / "runs")]
        code, seconds, gigabytes, told = run(*words, *(() if WHOLE else ("--config", str(SMALL))))
        print(f"{size:8} calls trained in {seconds:7.1f} s with {gigabytes:5.2f} GB, {1e3 * seconds / size:.3f} ms a call")  # noqa: T201
        assert code in {0, 1}, told  # a small block may be too small for the default promise
        path.unlink()
        spent[size] = (seconds, gigabytes)
    if WHOLE:
        assert spent[100_000][0] < 180
        assert spent[100_000][1] < 3
        assert spent[1_000_000][0] < 1.3 * 10 * spent[100_000][0]
