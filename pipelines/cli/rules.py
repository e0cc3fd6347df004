"""`heartline rules`: check a rulebook, explain it on a note, measure it on a file of calls, compare two."""

from pathlib import Path
from typing import Annotated

import typer

from models.programs.files import ProgramFiles
from models.programs.program import load_program
from models.router import matcher_of
from models.veto import RULEBOOK_PATH, VetoMatcher, load
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, takes_program
from pipelines.rules.lint import faults
from pipelines.rules.report import changes, explanation, report_lines

rules_app = typer.Typer(no_args_is_help=True, help="Check, explain and compare rulebooks.")

DIFF_EXAMPLE = "Example: heartline rules diff models/veto/rulebook.toml models/veto/rulebook.toml --data data/sample.csv"
DataOption = Annotated[Path, typer.Option("--data", help="CSV, JSONL or Parquet of calls.")]


@rules_app.command("check", epilog="Example: heartline rules check")
@takes_program
def check(program: ProgramFiles = PROGRAM) -> None:
    """Check a rulebook: that it is valid, that every phrase fires its rule, and that every near-miss is needed."""
    loaded = load(load_program(program).rulebook or RULEBOOK_PATH)
    wrong = faults(loaded)
    for fault in wrong:
        terminal.show(fault)
    phrases = sum(len(rule.phrases) for rule in loaded.rules)
    terminal.show(f"{loaded.version}: {len(loaded.rules)} rules, {phrases} phrases, {len(wrong)} faults")
    if wrong:
        raise typer.Exit(1)


@rules_app.command("explain", epilog='Example: heartline rules explain "no weapons seen, male has a knife"')
@takes_program
def explain(note: Annotated[str, typer.Argument(help="The note, in quotes.")], program: ProgramFiles = PROGRAM) -> None:
    """Show every hit in a note: its words, rule, class and assertion, and what was suppressed."""
    for line in explanation(matcher_of(load_program(program)), note):
        terminal.show(line)


@rules_app.command("diff", epilog=DIFF_EXAMPLE)
def diff(
    old: Annotated[Path, typer.Argument(help="The rulebook in use.")],
    new: Annotated[Path, typer.Argument(help="The rulebook proposed.")],
    data: DataOption,
) -> None:
    """Show which calls would change, by row, when one rulebook replaces another."""
    from pipelines.cli.tables import read_calls  # noqa: PLC0415  pandas: half a second and an extra that the other commands do not need

    table = read_calls(data)
    calls = terminal.tracked("reading")(table.calls)
    changed = list(changes(VetoMatcher(load(old)), VetoMatcher(load(new)), table.labels["row"].tolist(), calls))
    for line in changed:
        terminal.show(line)
    terminal.show(f"{len(changed)} of {len(table.calls)} calls change")


@rules_app.command("report", epilog="Example: heartline rules report --data data/sample.csv")
@takes_program
def report(data: DataOption, program: ProgramFiles = PROGRAM) -> None:
    """Show how often each rule fires on labelled calls, with which label, its false vetoes, and every miss by row."""
    from pipelines.cli.tables import read_calls  # noqa: PLC0415  pandas: half a second and an extra that the other commands do not need

    table, matcher = read_calls(data), matcher_of(load_program(program))
    for line in report_lines(matcher, table, track=terminal.tracked("reading")):
        terminal.show(line)
