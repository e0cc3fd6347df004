"""The command that evaluates a model on labelled calls and writes the report."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from models.errors import GateFailed, InvalidData
from models.programs.files import ProgramFiles
from models.router import Router
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, BundleOption, ConfigOption, DataOption, RunsOption, takes_program
from pipelines.cli.tables import read_calls
from pipelines.data.readers import records
from pipelines.data.table import Table
from pipelines.evaluation.learning_curve import learning_curve
from pipelines.evaluation.lines import evaluation_lines
from pipelines.evaluation.report import Report
from pipelines.evaluation.report import report as make_report
from pipelines.settings import Config, load_config
from pipelines.training.tracking import Store

EVALUATE_EXAMPLE = "Example: heartline evaluate --data data/sample.csv --html /tmp/report.html"


@takes_program
def evaluate(
    data: DataOption = SAMPLE,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
    config: ConfigOption = None,
    about: Annotated[str | None, typer.Option("--about", help="Whose calls these are, and who labelled them.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the whole report as one page.")] = None,
    to_json: Annotated[Path | None, typer.Option("--json", help="Write every figure and row as JSON.")] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="Another column to compare groups by; repeat it.")] = None,
    dispatched: Annotated[str | None, typer.Option("--dispatched", help="Column with the unit that was sent.")] = None,
    training: Annotated[Path | None, typer.Option("--training", help="Labelled calls for the learning curve.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 unless these calls show every promise kept.")] = False,
) -> None:
    """Measure a model on labelled calls: false clears first, all figures with intervals, and findings."""
    table, settings = read_calls(data), load_config(config)
    router = Router.load(bundle or runs / "champion", program=program)
    report = make_report(
        router,
        table,
        settings,
        data=data.name,
        about=about,
        more=_columns(data, table, by or []),
        dispatched=_columns(data, table, [dispatched])[dispatched] if dispatched else None,
        learning=list(learning_curve(read_calls(training), table, settings, reader=router.reader)) if training else [],
        track=terminal.tracked("deciding"),
    )
    for line in evaluation_lines(report.evaluation):
        terminal.show(line)
    for finding in report.findings:
        terminal.show(f"FINDING: {finding}")
    for sentence in report.not_shown:
        terminal.show(f"NOT SHOWN: {sentence}")
    if to_json:
        to_json.write_text(json.dumps(report.to_record(), indent=2, default=str), encoding="utf-8")
    if html:
        _write_page(report, data, html, runs, settings)
    if strict and (report.findings or report.not_shown):
        counts = f"{len(report.findings)} findings, {len(report.not_shown)} promises not shown"
        raise GateFailed(counts, remedy="see the lines above")


def _write_page(report: Report, data: Path, html: Path, runs: Path, settings: Config) -> None:
    """Write the report as a page and record it in MLflow."""
    html.write_text(report.to_html(), encoding="utf-8")
    run = Store(runs, settings).log_report(report, data)
    terminal.say(f"report written to {html} and recorded in MLflow as run {run}")


def _columns(data: Path, table: Table, names: list[str]) -> dict[str, list[Any]]:
    """Return columns of a file, by name, for the rows that could be read; raise `InvalidData` for an unknown column."""
    if not names:
        return {}
    rows = list(records(data))
    for name in names:
        if name not in rows[0]:
            raise InvalidData("no such column", value=name, remedy=f"one of: {', '.join(map(str, rows[0]))}")
    return {name: [rows[number - 1][name] for number in table.labels["row"]] for name in names}
