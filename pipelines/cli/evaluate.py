"""Offer what an evaluator and the public read: the report on labelled calls, and the page of what was answered."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.errors import GateFailed, InvalidData
from pipelines.cli import terminal
from pipelines.cli.options import (
    LEDGER,
    PROGRAM,
    RUNS,
    SAMPLE,
    BundleOption,
    ConfigOption,
    DataOption,
    LedgerOption,
    ProgramOption,
    RunsOption,
    open_ledger,
)
from pipelines.settings import load_config

if TYPE_CHECKING:
    from pipelines.data.table import Table

EVALUATE_EXAMPLE = "Example: heartline evaluate --data data/sample.csv --html /tmp/report.html"
PUBLISH_EXAMPLE = "Example: heartline publish --ledger sqlite:////tmp/ledger.db --out /tmp/public.html"


def evaluate(
    data: DataOption = SAMPLE,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramOption = PROGRAM,
    config: ConfigOption = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the whole report as one page.")] = None,
    to_json: Annotated[Path | None, typer.Option("--json", help="Write every figure and row as JSON.")] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="Another column to compare groups by; repeat it.")] = None,
    dispatched: Annotated[str | None, typer.Option("--dispatched", help="Column of whom the dispatcher sent.")] = None,
    training: Annotated[Path | None, typer.Option("--training", help="Labelled calls for the learning curve.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 where the report finds something.")] = False,
) -> None:
    """Judge a model on labelled calls: false clears first, everything with intervals, and what is not well."""
    from models.router import Router  # noqa: PLC0415
    from pipelines.data.table import read_table  # noqa: PLC0415
    from pipelines.evaluation.learning_curve import learning_curve  # noqa: PLC0415
    from pipelines.evaluation.report import report  # noqa: PLC0415

    table, settings = read_table(data), load_config(config)
    _notices(table)
    router = Router.load(bundle or runs / "champion", program=program)
    learnt = list(learning_curve(read_table(training), table, settings)) if training else []
    made = report(
        router,
        table,
        settings,
        data=data.name,
        more=_columns(data, table, by or []),
        dispatched=_columns(data, table, [dispatched])[dispatched] if dispatched else None,
        learning=learnt,
        track=terminal.tracked("deciding"),
    )
    terminal.show_evaluation(made.evaluation)
    for finding in made.findings:
        terminal.show(f"FINDING: {finding}")
    if to_json:
        to_json.write_text(json.dumps(made.to_record(), indent=2, default=str), encoding="utf-8")
    if html:
        html.write_text(made.to_html(), encoding="utf-8")
        from pipelines.training.tracking import Store  # noqa: PLC0415

        run = Store(runs, settings).log_report(made)
        terminal.say(f"report written to {html} and recorded in MLflow as run {run}")
    if strict and made.findings:
        raise GateFailed(f"{len(made.findings)} findings", remedy="read them above")


def publish(
    to: Annotated[Path, typer.Option("--out", help="HTML file to write.")] = Path("public.html"),
    since: Annotated[str, typer.Option("--since", help="First day, ISO 8601.")] = "2000-01-01",
    until: Annotated[str, typer.Option("--until", help="Day after the last, ISO 8601.")] = "2100-01-01",
    ledger: LedgerOption = LEDGER,
    program: ProgramOption = PROGRAM,
) -> None:
    """Write a static page of what was answered, for everyone: no note, no caller, no count under ten."""
    from models.ledger.decision_table import casebook  # noqa: PLC0415
    from models.programs.program import load_program  # noqa: PLC0415
    from pipelines.operations.publish import public, write  # noqa: PLC0415

    held = open_ledger(ledger, None)
    try:
        book = casebook(held.read())
    finally:
        held.close()
    of = load_program(program)
    if not book.empty:
        days = book["decided_at"].astype(str).str[:10]
        since, until = max(since, days.min()), min(until, str(days.max()) + "T24")
    made = public(book, program=of.name, time_zone=str(of.time_zone), since=since, until=until)
    write(made, to)
    terminal.say(f"{'fewer than 10' if made.answered is None else made.answered} answered calls published in {to}")


def _columns(data: Path, table: "Table", names: list[str]) -> dict[str, list[Any]]:
    """Return columns of a file for the rows that could be read; raise `InvalidData` for one that is not there."""
    from pipelines.data.readers import records  # noqa: PLC0415

    if not names:
        return {}
    rows = list(records(data))
    for name in names:
        if name not in rows[0]:
            raise InvalidData("no such column", value=name, remedy=f"one of: {', '.join(map(str, rows[0]))}")
    return {name: [rows[number - 1][name] for number in table.labels["row"]] for name in names}


def _notices(table: "Table") -> None:
    """Say once what was passed over."""
    if table.unknown_columns:
        terminal.say(f"ignored columns: {', '.join(table.unknown_columns)}")
    for column, count in table.blanked.items():
        terminal.say(f"{column}: {count} values are not known and count as missing")
