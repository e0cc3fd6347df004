"""`heartline rules`: check a rulebook, explain it on a note, measure it on a file of calls, compare two."""

from pathlib import Path
from typing import Annotated

import typer

from models.programs.program import load_program
from models.router import matcher_of
from models.veto import RULEBOOK_PATH, VetoMatcher, load
from pipelines.cli import terminal
from pipelines.rules.lint import faults
from pipelines.rules.report import changes, explanation, report_lines

rules_app = typer.Typer(no_args_is_help=True, help="Check, explain and compare rulebooks.")

DIFF_EXAMPLE = "Example: heartline rules diff models/veto/rulebook.toml models/veto/rulebook.toml --data data/sample.csv"
SHIPPED = "the one in the package"
RulebookArgument = Annotated[Path | None, typer.Argument(help="Rulebook file.", show_default=SHIPPED)]
RulebookOption = Annotated[Path | None, typer.Option("--rulebook", help="Rulebook file.", show_default=SHIPPED)]
ProgramOption = Annotated[str | None, typer.Option("--program", help="Program whose own rulebook and roster count.")]
DataOption = Annotated[Path, typer.Option("--data", help="CSV, JSONL or Parquet of calls.")]


@rules_app.command("check", epilog="Example: heartline rules check")
def check(rulebook: RulebookArgument = None) -> None:
    """Lint a rulebook: that it reads, that every phrase fires its rule, and that no near-miss is dead."""
    loaded = load(rulebook or RULEBOOK_PATH)
    wrong = faults(loaded)
    for fault in wrong:
        terminal.show(fault)
    phrases = sum(len(rule.phrases) for rule in loaded.rules)
    terminal.show(f"{loaded.version}: {len(loaded.rules)} rules, {phrases} phrases, {len(wrong)} faults")
    if wrong:
        raise typer.Exit(1)


@rules_app.command("explain", epilog='Example: heartline rules explain "no weapons seen, male has a knife"')
def explain(
    note: Annotated[str, typer.Argument(help="The note, in quotes.")],
    rulebook: RulebookOption = None,
    program: ProgramOption = None,
) -> None:
    """Show every hit in a note: its words, rule, class and assertion, and what was suppressed."""
    for line in explanation(_matcher(rulebook, program), note):
        terminal.show(line)


@rules_app.command("diff", epilog=DIFF_EXAMPLE)
def diff(
    old: Annotated[Path, typer.Argument(help="The rulebook in use.")],
    new: Annotated[Path, typer.Argument(help="The rulebook proposed.")],
    data: DataOption,
) -> None:
    """Show which calls would change, by row, when one rulebook replaces another."""
    from pipelines.data.table import read_table  # noqa: PLC0415  pandas: half a second and an extra, which the others spare

    table = read_table(data)
    calls = terminal.tracked("reading")(table.calls)
    changed = list(changes(_matcher(old), _matcher(new), table.labels["row"].tolist(), calls))
    for line in changed:
        terminal.show(line)
    terminal.show(f"{len(changed)} of {len(table.calls)} calls change")


@rules_app.command("report", epilog="Example: heartline rules report --data data/sample.csv")
def report(data: DataOption, rulebook: RulebookOption = None, program: ProgramOption = None) -> None:
    """Show how often each rule fires on labelled calls, with which label, its false vetoes, and every miss by row."""
    from pipelines.data.table import read_table  # noqa: PLC0415  pandas: half a second and an extra, which the others spare

    table = read_table(data)
    for line in report_lines(_matcher(rulebook, program), table, track=terminal.tracked("reading")):
        terminal.show(line)


def _matcher(path: Path | None, program: str | None = None) -> VetoMatcher:
    """Return the matcher of a rulebook file, of a program, or of the rulebook in the package."""
    if path is None and program is not None:
        return matcher_of(load_program(program))
    return VetoMatcher(load(path or RULEBOOK_PATH))
