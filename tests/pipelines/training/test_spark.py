"""The registered model as a function of Spark, which is tested where `make spark` could install it."""

import subprocess

import pandas as pd
import pytest
from spark import QUICK_JAVA, spark_command

from models.call import FIELDS
from pipelines.data.table import read_row


@pytest.mark.slow
def test_sparks_function_gives_the_routers_answers(runs, router, corpus, tmp_path):
    """Every answer and probability is the Router's own, a weapon vetoes, and a row that is no call is a REVIEW."""
    calls = pd.read_csv(corpus, dtype=str, keep_default_na=False).tail(60)
    calls = calls[[name for name in FIELDS if name in calls]].reset_index(drop=True)
    calls.loc[0, "narrative"] = "man asleep in the lobby with a knife in his hand"
    expected = [router.decide(read_row(row)) for row in calls.to_dict("records")]
    calls.loc[len(calls)] = {"narrative": "man asleep in the lobby", "call_id": "wrong", "received_at": "noon"}
    for name in ("calls_24h", "calls_30d"):
        calls[name] = pd.to_numeric(calls[name])
    calls["premise_hazard"] = calls["premise_hazard"].map({"True": True, "False": False})
    calls.to_parquet(tmp_path / "calls.parquet", index=False)
    words, environment = spark_command(runs, tmp_path / "calls.parquet", tmp_path / "answers", java=QUICK_JAVA)
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    answers = pd.read_parquet(tmp_path / "answers").set_index("call_id")
    assert answers.loc["wrong", "recommendation"] == "REVIEW"
    assert answers.loc[calls.loc[0, "call_id"], "recommendation"] == "NOT_ELIGIBLE"
    by_call = answers.loc[calls["call_id"][:-1]]
    assert by_call["recommendation"].tolist() == [each.recommendation.value for each in expected]
    assert by_call["eligible_probability"].tolist() == [each.eligible_probability for each in expected]
