"""Offer the `heartline` command: it parses, calls and prints; nothing else in the package prints."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from models.call import FIELDS
from models.errors import HeartlineError, WorkRefused
from pipelines.cli import terminal
from pipelines.cli.evaluate import EVALUATE_EXAMPLE, PUBLISH_EXAMPLE, evaluate, publish
from pipelines.cli.ingest import INGEST_EXAMPLE, ingest
from pipelines.cli.ledger import ledger_app
from pipelines.cli.operations import CARD_EXAMPLE, MONITOR_EXAMPLE, RETROSPECT_EXAMPLE, card, monitor, retrospect, trial_app
from pipelines.cli.options import PROGRAM, SAMPLE, ConfigOption, ProgramOption
from pipelines.cli.programs import programs_app
from pipelines.cli.review import review_app
from pipelines.cli.rules import rules_app
from pipelines.cli.score import SCORE_EXAMPLE, score
from pipelines.cli.serve import SERVE_EXAMPLE, keys_app, serve
from pipelines.cli.train import TRAIN_EXAMPLE, release_app, train
from pipelines.settings import load_config

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
app.command("ingest", epilog=INGEST_EXAMPLE)(ingest)
app.command("evaluate", epilog=EVALUATE_EXAMPLE)(evaluate)
app.command("publish", epilog=PUBLISH_EXAMPLE)(publish)
app.command("monitor", epilog=MONITOR_EXAMPLE)(monitor)
app.command("retrospect", epilog=RETROSPECT_EXAMPLE)(retrospect)
app.command("card", epilog=CARD_EXAMPLE)(card)
app.add_typer(trial_app, name="trial")
app.command("train", epilog=TRAIN_EXAMPLE)(train)
app.add_typer(release_app, name="release")
app.command("score", epilog=SCORE_EXAMPLE)(score)
app.command("serve", epilog=SERVE_EXAMPLE)(serve)
app.add_typer(keys_app, name="keys")
app.add_typer(ledger_app, name="ledger")
app.add_typer(review_app, name="review")
app.add_typer(rules_app, name="rules")
app.add_typer(programs_app, name="programs")


def main() -> None:
    """Run the command; 0 done, 1 the work said no, 2 the input was wrong."""
    try:
        app(standalone_mode=True)
    except WorkRefused as error:
        terminal.fail(f"refused: {error}")
        sys.exit(1)
    except HeartlineError as error:
        terminal.fail(f"error: {error}")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left; say nothing more


@app.command(epilog="Example: heartline synthesise --calls 2000 --out /tmp/calls.csv")
def synthesise(
    to: Annotated[Path, typer.Option("--out", help="CSV, JSONL or Parquet to write.")] = SAMPLE,
    calls: Annotated[int | None, typer.Option("--calls", min=1, help="How many calls.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The same seed gives the same calls.")] = None,
    program: ProgramOption = PROGRAM,
    config: ConfigOption = None,
) -> None:
    """Write a synthetic corpus of labelled calls."""
    from dataclasses import replace  # noqa: PLC0415  a command loads what it needs

    import pandas as pd  # noqa: PLC0415

    from models.programs.program import load_program  # noqa: PLC0415
    from pipelines.corpus import synthesise as corpus  # noqa: PLC0415
    from pipelines.data.writers import write_frame  # noqa: PLC0415

    settings = load_config(config).synthesise
    settings = replace(settings, calls=calls or settings.calls, seed=settings.seed if seed is None else seed)
    calls_of = corpus.synthesise(settings, program=load_program(program))
    rows = list(track(calls_of, "writing", settings.calls, console=terminal.err, transient=True))
    write_frame(pd.DataFrame.from_records(rows, columns=[*FIELDS, *corpus.LABELS]), to)
    terminal.say(f"{len(rows)} calls written to {to}")
