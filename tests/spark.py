"""Run Spark in a process of its own, with the PySpark that `make spark` installs apart from all other packages."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT

INSTALLED = Path(sys.prefix) / "spark"


def spark_decisions(runs, calls, answers, *, master="local[1]"):
    """Decide Parquet files of calls by the champion of a store; return the seconds it took, Spark's start included.

    Skips, and says why, where there is no Java or no PySpark.
    """
    if shutil.which("java") is None:
        pytest.skip("there is no Java, so there is no Spark")
    if not (INSTALLED / "pyspark").is_dir() and importlib.util.find_spec("pyspark") is None:
        pytest.skip("there is no PySpark: make spark installs it")
    path = os.pathsep.join([str(INSTALLED), str(ROOT), os.environ.get("PYTHONPATH", "")])
    own = {
        "PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    words = [sys.executable, str(Path(__file__).with_name("spark_calls.py")), *map(str, (runs, calls, answers)), master]
    done = subprocess.run(words, env=os.environ | own, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stderr[-4000:]
    return float(done.stdout.split()[-1])
