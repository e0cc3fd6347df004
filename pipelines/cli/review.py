"""The commands for the review of labels: draw a sample, order calls, measure agreement, list suspect labels."""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from models.errors import InvalidCall, InvalidData
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from models.router import Router, reader_of
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, BundleOption, ConfigOption, DataOption, RunsOption, takes_program
from pipelines.cli.tables import read_calls
from pipelines.data.readers import records
from pipelines.data.table import labelled, read_row
from pipelines.data.writers import write_frame
from pipelines.evaluation import label_queue, label_review
from pipelines.settings import load_config

review_app = typer.Typer(no_args_is_help=True, help="Sample and order calls to label, and find labels that look wrong.")


@review_app.command("sample", epilog="Example: heartline review sample --data data/sample.csv --out /tmp/review")
@takes_program
def sample(
    data: DataOption = SAMPLE,
    size: Annotated[int, typer.Option("--size", min=2, help="How many calls; half where the model is unsure.")] = 200,
    to: Annotated[
        Path, typer.Option("--out", help="Folder to write; it holds notes: protect it as you do the notes.")
    ] = Path("review"),
    labellers: Annotated[str, typer.Option("--labellers", help="Codes of the labellers, a file for each.")] = "a,b",
    seed: Annotated[int, typer.Option("--seed", help="The same seed draws the same calls.")] = 0,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Draw calls to be labelled twice: a file per labeller, without the model's answer or why a call was drawn."""
    codes = [code.strip() for code in labellers.split(",")]
    if len(set(codes)) != len(codes) or not all(code.isalnum() for code in codes):
        raise InvalidData("labellers need a code each", value=labellers, remedy="letters and digits, such as a,b")
    router = Router.load(bundle or runs / "champion", program=program)
    drawn = label_review.sample(router, read_calls(data), size=size, seed=seed, labellers=codes)
    to.mkdir(parents=True, exist_ok=True)
    for code, sheet in drawn.sheets.items():
        write_frame(sheet, to / f"labeller-{code}.csv")
    write_frame(drawn.strata, to / "strata.csv")
    terminal.show(f"{len(drawn.strata)} calls written to {to}: each labeller fills in eligible with yes, no or unsure")
    terminal.show("strata.csv holds why each call was drawn: do not show it to the labellers")


@review_app.command("order", epilog="Example: heartline review order --data data/sample.csv --out /tmp/queue.csv")
@takes_program
def order(
    data: DataOption = SAMPLE,
    to: Annotated[Path, typer.Option("--out", help="CSV to write; it holds notes: protect it as you do the notes.")] = Path(
        "queue.csv"
    ),
    random_share: Annotated[
        float, typer.Option("--random-share", min=0, max=1, help="Share of the calls that are drawn at random.")
    ] = label_queue.RANDOM_SHARE,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same order.")] = 0,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Write calls in the order in which to label them: the most useful first, mixed with a random share."""
    rows = [dict(record) for record in records(data) if _readable(record)]
    if not rows:
        raise InvalidData("no row could be read as a call", value=str(data), remedy="see heartline ingest")
    folder = bundle or runs / "champion"
    router = Router.load(folder if folder.exists() else None, program=program)
    frame = pd.DataFrame.from_records(rows)
    queue = label_queue.queue_order(frame, router=router, random_share=random_share, seed=seed)
    ordered = frame.iloc[queue["place"]].reset_index(drop=True)
    write_frame(pd.concat([ordered, queue[["drawn_by", "random_rank", "random_share"]]], axis=1), to)
    counts = ", ".join(f"{name} {count}" for name, count in queue.iloc[:100]["drawn_by"].value_counts().items())
    terminal.show(f"{len(queue)} calls written to {to}; of the first 100 drawn by: {counts}")


def _readable(record: Any) -> bool:
    """Return whether a row can be read as a call."""
    try:
        read_row(record)
    except InvalidCall:
        return False
    return True


@review_app.command("agreement", epilog="Example: heartline review agreement data/examples/reviewed.csv")
def agreement(
    path: Annotated[Path, typer.Argument(help="A labeller's file, or a CSV with a column for each labeller.")],
    second: Annotated[Path | None, typer.Argument(help="The other labeller's file.")] = None,
    strata: Annotated[
        Path | None, typer.Option("--strata", help="strata.csv of the sample; beside the first file where not given.")
    ] = None,
    one: Annotated[str, typer.Option("--one", help="Column of the first labeller in one CSV.")] = "annotator_a",
    other: Annotated[str, typer.Option("--other", help="Column of the second.")] = "annotator_b",
    config: ConfigOption = None,
) -> None:
    """Show Cohen's kappa with its interval, weighted by stratum where calls were sampled, and the calls in dispute."""
    settings = load_config(config).evaluate
    frame = _labels(path)
    if second is not None:
        beside = path.with_name("strata.csv")
        drawn = _labels(strata or beside) if strata is not None or beside.is_file() else None
        frame, one, other = label_review.joined_sheets(frame, _labels(second), drawn), "one", "other"
    result = label_review.agreement(
        frame, one=one, other=other, confidence=settings.confidence, resamples=settings.bootstrap
    )
    how = "weighted by stratum, " if result.weighted else ""
    terminal.show(f"kappa {result.kappa}, {how}{result.agreed} of {result.kappa.n} alike")
    for name in result.disputed:
        terminal.show(f"in dispute: {name}")


def _labels(path: Path) -> pd.DataFrame:
    """Return a CSV of labels; raise `InvalidData` where it cannot be read."""
    try:
        return pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise InvalidData("the labels cannot be read", value=str(path), remedy=str(error)) from None


@review_app.command("suspects", epilog="Example: heartline review suspects --data data/sample.csv")
@takes_program
def suspects(
    data: DataOption = SAMPLE,
    config: ConfigOption = None,
    program: ProgramFiles = PROGRAM,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many rows to show, the likeliest first.")] = 50,
) -> None:
    """List rows whose label looks wrong (cleanlab, on out-of-fold probabilities); a person decides about each."""
    reader = reader_of(load_program(program))
    rows = label_review.suspects(labelled(read_calls(data)), load_config(config), reader=reader)
    for row, label, chance in rows[:limit]:
        terminal.show(f"row {row}: labelled {'yes' if label else 'no'}, with a probability of {chance:.3f} out of fold")
    terminal.show(f"{len(rows)} labels look wrong")
