"""Run Spark in a process of its own, with the PySpark that `make spark` installs apart from all other packages."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from command import ROOT

INSTALLED = Path(sys.prefix) / "spark"
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Options with which Java starts in half of its time and works more slowly."""


def spark_command(runs, calls, answers, *, master="local[1]", java=""):
    """Return the words and the environment of a process that decides Parquet files of calls by a store's champion.

    Skips, and says why, where there is no Java or no PySpark.
    """
    if shutil.which("java") is None:
        pytest.skip("there is no Java, so there is no Spark")
    if not (INSTALLED / "pyspark").is_dir() and importlib.util.find_spec("pyspark") is None:
        pytest.skip("there is no PySpark: make spark installs it")
    own = {
        "PYTHONPATH": os.pathsep.join([str(INSTALLED), str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYSPARK_PYTHON": sys.executable, "PYSPARK_SUBMIT_ARGS": f"--driver-java-options '{java}' pyspark-shell",
        "SPARK_LOCAL_IP": "127.0.0.1", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    script = Path(__file__).with_name("spark_calls.py")
    return [sys.executable, str(script), *map(str, (runs, calls, answers)), master], os.environ | own
