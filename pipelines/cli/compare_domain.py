"""The command that compares a city's calls with a model's training calls."""

import json
from pathlib import Path
from typing import Annotated

import typer

from models.classifier.bundle import load
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from models.router import reader_of
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, BundleOption, DataOption, RunsOption, takes_program
from pipelines.cli.tables import read_calls
from pipelines.data.table import read_table
from pipelines.operations import compare_domain as domain
from pipelines.settings import from_flat
from pipelines.training import sources

COMPARE_DOMAIN_EXAMPLE = "Example: heartline compare-domain --data data/sample.csv"


@takes_program
def compare_domain(
    data: DataOption = SAMPLE,
    bundle: BundleOption = None,
    training: Annotated[
        Path | None, typer.Option("--training", help="Calls that the model was trained on; written anew where not given.")
    ] = None,
    to_json: Annotated[Path | None, typer.Option("--json", help="Write the comparison as JSON.")] = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Show how far unlabelled calls differ from the training calls, and whether to trust the shipped threshold on them."""
    loaded = load(bundle or runs / "champion")
    reader = reader_of(load_program(program))
    settings = from_flat(loaded.manifest["training"]["config"])
    corpus = sources.corpus_of(loaded, named=training, runs=runs, program=program, notice=terminal.say)
    gap = domain.compare_domain(
        loaded, read_table(corpus).calls, read_calls(data).calls, reader, settings.evaluate, settings.classifier
    )
    for line in domain.lines(gap):
        terminal.show(line)
    if to_json is not None:
        to_json.write_text(json.dumps(gap.to_record(), indent=2), encoding="utf-8")
