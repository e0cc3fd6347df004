"""`heartline signals`: check the signals, explain them on a note, count them in a file of calls."""

from pathlib import Path
from typing import Annotated

import typer

from models.programs.files import ProgramFiles
from models.programs.program import load_program
from models.signals import detector_of, load_lexicon
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, takes_program
from pipelines.rules.signals import explanation, faults, report_lines, shared

signals_app = typer.Typer(no_args_is_help=True, help="Check, explain and count the signals of notes.")

DataOption = Annotated[Path, typer.Option("--data", help="CSV, JSONL or Parquet of calls.")]


@signals_app.command("check", epilog="Example: heartline signals check")
@takes_program
def check(program: ProgramFiles = PROGRAM) -> None:
    """Check the signals: that they are valid, that every example gives its result, and which phrases are repeated."""
    lexicon = load_lexicon(load_program(program).signals)
    wrong = list(faults(lexicon))
    for fault in wrong:
        terminal.show(fault)
    for note in shared(lexicon):
        terminal.say(f"in several signals: {note}")
    examples = sum(len(signal.fires) + len(signal.silent) for signal in lexicon.signals)
    counted = f"{len(lexicon.signals)} signals in {len(lexicon.groups)} groups, {examples} examples"
    terminal.show(f"{lexicon.version}: {counted}, {len(wrong)} faults")
    if wrong:
        raise typer.Exit(1)


@signals_app.command("explain", epilog='Example: heartline signals explain "male asleep in lobby, ref to lv, no SI"')
@takes_program
def explain(note: Annotated[str, typer.Argument(help="The note, in quotes.")], program: ProgramFiles = PROGRAM) -> None:
    """Show every signal in a note: its words, id, group, assertion and sentence, and what was suppressed."""
    for line in explanation(detector_of(load_program(program).signals), note):
        terminal.show(line)


@signals_app.command("report", epilog="Example: heartline signals report --data data/sample.csv")
@takes_program
def report(data: DataOption, program: ProgramFiles = PROGRAM) -> None:
    """Show how often each signal fires in a file of calls, with which label, and the rows where none does."""
    from pipelines.cli.tables import read_calls  # noqa: PLC0415  pandas: half a second and an extra that the other commands do not need

    detector = detector_of(load_program(program).signals)
    for line in report_lines(detector, read_calls(data), track=terminal.tracked("reading")):
        terminal.show(line)
