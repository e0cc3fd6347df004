"""How many calls a second history is scored at, beside one decision at a time in the same run. Run whole with `make bench`.

The figures are of the process's own time on the processor, so that other work on the machine moves them less.
"""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from command import ROOT

from models.router import Router
from pipelines.corpus import synthesise
from pipelines.data.readers import records
from pipelines.data.table import read_row
from pipelines.operations import backfill
from pipelines.settings import load_config

WHOLE = os.environ.get("BENCHMARK") == "whole"
CALLS, TIMES = (100_000, 3) if WHOLE else (1200, 2)
MORE_MEMORY_MIB = 60
"""By how much the memory of scoring may grow when a file is four times as long: allocation, and no rows."""

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Write a synthetic history as one Parquet file."""
    calls = synthesise.frame(replace(load_config().synthesise, calls=CALLS)).astype(object)
    path = tmp_path_factory.mktemp("history") / "calls.parquet"
    calls.where(calls.notna(), "").astype(str).to_parquet(path, index=False, row_group_size=5000)
    return path


def fastest(work):
    """Return the least processor time that some work took, in seconds."""
    taken = []
    for _ in range(TIMES):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def test_blocks_are_decided_faster_than_single_calls(history, runs):
    """Blocks with short reasons, or none, take at most four fifths of the time of one decision after the other."""
    router = Router.load(runs / "champion")
    calls = [read_row(record) for record in records(history)][:20_000]
    spent = {"one by one": fastest(lambda: [router.decide(call) for call in calls])}
    for detail in ("all", "short", "none"):
        spent[detail] = fastest(lambda detail=detail: list(router.decide_many(calls, detail=detail)))
    for name, seconds in spent.items():
        each = seconds / len(calls)
        print(f"{name:10} {each * 1e6:6.0f} us a call, {spent['one by one'] / seconds:.2f} times")  # noqa: T201
    if WHOLE:
        assert spent["short"] < 0.8 * spent["one by one"]
        assert spent["none"] < 0.8 * spent["one by one"]


def test_scoring_a_file_with_reading_and_writing(history, runs, tmp_path):
    """A Parquet file to a Parquet file, in one process and, when whole, in two."""
    backfill.run(history, tmp_path / "warm", bundle=runs / "champion", program="durham-heart", detail="none")
    for detail in ("all", "short", "none"):
        start, clock = time.process_time(), time.perf_counter()
        to = tmp_path / detail
        backfill.run(history, to, bundle=runs / "champion", program="durham-heart", detail=detail)
        spent, wall = time.process_time() - start, time.perf_counter() - clock
        print(f"{detail:6} {CALLS / spent:7.0f} calls a second of processor, {CALLS / wall:7.0f} by the clock")  # noqa: T201
    if WHOLE:
        walls = {}
        for jobs in (1, 2):
            clock = time.perf_counter()
            options = {"bundle": runs / "champion", "program": "durham-heart", "detail": "short", "jobs": jobs}
            backfill.run(history, tmp_path / f"jobs-{jobs}", **options)
            walls[jobs] = time.perf_counter() - clock
            print(f"{jobs} processes: {CALLS / walls[jobs]:7.0f} calls a second by the clock, start included")  # noqa: T201


def test_memory_does_not_grow_with_the_history(history, runs, tmp_path):
    """The peak of a process that scores a file is hardly higher for four times as many rows."""
    code = (
        "import sys; from pathlib import Path; from pipelines.operations import backfill\n"
        "backfill.LONGEST_PART = 10**9\n"
        "part = backfill.Part(source=Path(sys.argv[1]), target=Path(sys.argv[2]), place='p', rows=int(sys.argv[4]))\n"
        "backfill.decide_part(part, backfill.Deciding(bundle=sys.argv[3], program='durham-heart', detail='short'))\n"
        "status = Path('/proc/self/status').read_text()\n"  # what getrusage says is the parent's where that was larger
        "print(int(status.split('VmHWM:')[1].split()[0]) // 1024)"
    )
    peaks = {}
    for rows in (CALLS // 4, CALLS):
        words = [str(history), str(tmp_path / f"{rows}.parquet"), str(runs / "champion"), str(rows)]
        done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True)
        peaks[rows] = int(done.stdout)
        print(f"{rows} rows: {peaks[rows]} MiB at the peak")  # noqa: T201
    assert peaks[CALLS] < peaks[CALLS // 4] + MORE_MEMORY_MIB
