"""The benchmark: one protocol of call-triage tests, run on Heartline or on any HTTP service."""

from pipelines.benchmark.cases import FILES, Case, load_cases
from pipelines.benchmark.measures import Row, measure
from pipelines.benchmark.run import BenchmarkResult, run
from pipelines.benchmark.systems import Answer, HttpSystem, RouterSystem, System

__all__ = [
    "FILES",
    "Answer",
    "BenchmarkResult",
    "Case",
    "HttpSystem",
    "RouterSystem",
    "Row",
    "System",
    "load_cases",
    "measure",
    "run",
]
