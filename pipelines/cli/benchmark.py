"""The command that measures Heartline, or any HTTP service, on the benchmark's files."""

from pathlib import Path
from typing import Annotated

import typer

from models.programs.files import ProgramFiles
from models.router import Router
from pipelines.benchmark import FILES, HttpSystem, RouterSystem, System, run
from pipelines.benchmark.systems import load_adapter
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, BundleOption, ConfigOption, RunsOption, takes_program
from pipelines.settings import load_config

BENCHMARK_EXAMPLE = "Example: heartline benchmark --json /tmp/benchmark.json"


@takes_program
def benchmark(
    files: Annotated[Path, typer.Option("--files", help="Folder of the benchmark's files.")] = FILES,
    adapter: Annotated[Path | None, typer.Option("--http", help="TOML of an HTTP service to measure instead.")] = None,
    data: Annotated[list[Path] | None, typer.Option("--data", help="A labelled file of your own; may repeat.")] = None,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
    config: ConfigOption = None,
    to: Annotated[Path | None, typer.Option("--json", help="Write the table and the ids of wrong answers as JSON.")] = None,
) -> None:
    """Measure a model or a service on call types, veto and assertion traps, typical calls, blind notes and file forms."""
    system: System
    if adapter is not None:
        system = HttpSystem(load_adapter(adapter))
    else:
        router = Router.load(bundle or runs / "champion", program=program)
        system = RouterSystem(
            router, name=f"Heartline {router.bundle.digest[:12]}" if router.bundle else "Heartline, no model"
        )
    result = run(system, files, data=data or (), confidence=load_config(config).evaluate.confidence)
    for line in result.lines():
        terminal.show(line)
    if to is not None:
        to.write_text(result.to_json(), encoding="utf-8")
        terminal.say(f"written to {to}")
