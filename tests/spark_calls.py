"""Decide the calls of Parquet files through Spark, with the registered champion.

`python spark_calls.py RUNS CALLS ANSWERS MASTER` reads the columns of a call as text from the folder or file CALLS and
writes `call_id`, `recommendation` and `eligible_probability` to the folder ANSWERS. It prints the seconds from the first
import to the last file.
"""

import sys
import time


def decide(runs, calls, answers, master):
    """Write the champion's answers; the model runs in Spark's own Python processes."""
    import mlflow  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415
    from pyspark.sql.functions import struct  # noqa: PLC0415

    for set_uri in (mlflow.set_tracking_uri, mlflow.set_registry_uri):  # the environment may name another store for either
        set_uri(f"sqlite:///{runs}/mlflow.db")
    spark = SparkSession.builder.master(master).config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    table = spark.read.parquet(calls)
    decided = mlflow.pyfunc.spark_udf(
        spark, "models:/heartline@champion", env_manager="local",
        result_type="struct<recommendation:string,eligible_probability:double>",
    )  # fmt: skip
    columns = struct(*(name for name in table.columns if name != "answer"))
    table.withColumn("answer", decided(columns)).select("call_id", "answer.*").write.parquet(answers)
    spark.stop()


if __name__ == "__main__":
    started = time.perf_counter()
    decide(*sys.argv[1:])
    print(f"{time.perf_counter() - started:.1f}")  # noqa: T201  the answer
