"""How fast Spark decides history by the registered model, beside one process and Dask. Run whole with `make bench`.

Each engine runs in a process of its own, its start included, over the same Parquet parts. Processor time is that of all its
processes together: on a busy machine it says more than the clock.
"""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pandas as pd
import psutil
import pytest
from spark import spark_command

from models.call import FIELDS
from pipelines.corpus import synthesise
from pipelines.settings import load_config

WHOLE = os.environ.get("BENCHMARK") == "whole"
CALLS, PARTS = 100_000, 40

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.skipif(not WHOLE, reason="that Spark decides is tested elsewhere; make bench measures how fast"),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Write a synthetic history as Parquet parts."""
    folder = tmp_path_factory.mktemp("lake")
    calls = synthesise.frame(replace(load_config().synthesise, calls=CALLS))
    calls = calls[[name for name in FIELDS if name in calls]]
    texts = [name for name in calls if name not in {"calls_24h", "calls_30d", "premise_hazard"}]
    calls[texts] = calls[texts].astype(object).where(calls[texts].notna(), None)
    for number in range(PARTS):
        calls.iloc[number::PARTS].to_parquet(folder / f"part-{number:04}.parquet", index=False)
    return folder


def measured(words, environment):
    """Return the seconds that a process takes, and the processor seconds of all its processes together."""
    started, spent = time.perf_counter(), {}
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        top = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                for each in (top, *top.children(recursive=True)):
                    spent[each.pid] = sum(each.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
            finally:
                time.sleep(0.1)
    assert process.returncode == 0
    return time.perf_counter() - started, sum(spent.values())


def recommendations(folder):
    """Return the recommendation of each call, by its number."""
    answers = pd.concat(map(pd.read_parquet, sorted(folder.glob("*.parquet"))))
    return answers.set_index("call_id")["recommendation"].sort_index()


def test_spark_beside_dask(lake, runs, tmp_path):
    """Every engine decides every call, and Spark's answers are those of one process."""
    score = [sys.executable, "-m", "pipelines.cli", "score", str(lake), "--runs", str(runs)]
    engines = {
        "one process": ([*score, "--out", str(tmp_path / "local")], os.environ),
        "Dask, one worker": ([*score, "--out", str(tmp_path / "one"), "--engine", "dask", "--workers", "1"], os.environ),
        "Dask, two workers": ([*score, "--out", str(tmp_path / "two"), "--engine", "dask", "--workers", "2"], os.environ),
        "Spark, one core": spark_command(runs, lake, tmp_path / "spark-one"),
        "Spark, two cores": spark_command(runs, lake, tmp_path / "spark-two", master="local[2]"),
    }
    for name, (words, environment) in engines.items():
        seconds, processor = measured(words, environment)
        print(  # noqa: T201
            f"{CALLS} calls, {name:17}: {seconds:6.1f} s, {CALLS / seconds:6.0f} calls a second, {processor:6.1f} s of "
            f"processors, {1e6 * processor / CALLS:6.0f} us a call", flush=True,
        )  # fmt: skip
    ours, sparks = (recommendations(tmp_path / name) for name in ("local", "spark-one"))
    assert len(ours) == CALLS
    assert ours.equals(sparks.astype(ours.dtype))
