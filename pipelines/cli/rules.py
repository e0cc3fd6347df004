"""Offer `heartline rules`: lint a rulebook, and argue with it over a note or over a file of calls."""

from pathlib import Path
from typing import Annotated

import typer

from models.veto.rulebook import RULEBOOK_PATH, load
from pipelines.cli import terminal

rules_app = typer.Typer(no_args_is_help=True, help="Check, explain and compare rulebooks.")

DIFF_EXAMPLE = "Example: heartline rules diff models/veto/rulebook.toml models/veto/rulebook.toml --data data/sample.csv"
RulebookArgument = Annotated[Path, typer.Argument(help="Rulebook file; the one in the package where not given.")]
RulebookOption = Annotated[Path, typer.Option("--rulebook", help="Rulebook file.")]
DataOption = Annotated[Path, typer.Option("--data", help="CSV, JSONL or Parquet of calls.")]


@rules_app.command("check", epilog="Example: heartline rules check")
def check(rulebook: RulebookArgument = RULEBOOK_PATH) -> None:
    """Lint a rulebook: that it reads, that every phrase fires its rule, and that no near-miss is dead."""
    from pipelines.rules.lint import faults  # noqa: PLC0415  a command loads what it needs

    data = load(rulebook)
    found = faults(data)
    for fault in found:
        terminal.show(fault)
    phrases = sum(len(rule.phrases) for rule in data.rules)
    terminal.show(f"{data.version}: {len(data.rules)} rules, {phrases} phrases, {len(found)} faults")
    if found:
        raise typer.Exit(1)


@rules_app.command("explain", epilog='Example: heartline rules explain "no weapons seen, male has a knife"')
def explain(
    note: Annotated[str, typer.Argument(help="The note, in quotes.")], rulebook: RulebookOption = RULEBOOK_PATH
) -> None:
    """Show every hit in a note: its words, rule, class and annotation, and what was suppressed."""
    from models.veto.matcher import Rulebook  # noqa: PLC0415
    from pipelines.rules.report import explained  # noqa: PLC0415

    for line in explained(Rulebook(load(rulebook)), note):
        terminal.show(line)


@rules_app.command("diff", epilog=DIFF_EXAMPLE)
def diff(
    old: Annotated[Path, typer.Argument(help="The rulebook in use.")],
    new: Annotated[Path, typer.Argument(help="The rulebook proposed.")],
    data: DataOption,
) -> None:
    """Show which calls would change, by row, when one rulebook replaces another."""
    from models.veto.matcher import Rulebook  # noqa: PLC0415
    from pipelines.data.table import read_table  # noqa: PLC0415
    from pipelines.rules.report import changes  # noqa: PLC0415

    table = read_table(data)
    rows = table.labels["row"].tolist()
    changed = list(changes(Rulebook(load(old)), Rulebook(load(new)), rows, terminal.tracked("reading")(table.calls)))
    for line in changed:
        terminal.show(line)
    terminal.show(f"{len(changed)} of {len(table.calls)} calls change")


@rules_app.command("report", epilog="Example: heartline rules report --data data/sample.csv")
def report(data: DataOption, rulebook: RulebookOption = RULEBOOK_PATH) -> None:
    """Show how often each rule fires on labelled calls, with which label, its false vetoes, and every miss by row."""
    from models.veto.matcher import Rulebook  # noqa: PLC0415
    from pipelines.data.table import read_table  # noqa: PLC0415
    from pipelines.rules.report import measured  # noqa: PLC0415

    table = read_table(data)
    for line in measured(Rulebook(load(rulebook)), table, track=terminal.tracked("reading")):
        terminal.show(line)
