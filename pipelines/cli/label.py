"""The commands for labelling in the browser: create a project, show its progress, export its labels."""

from pathlib import Path
from typing import Annotated

import typer

from models.errors import InvalidConfig, InvalidData
from models.labelling import exchange
from models.labelling.progress import Progress
from models.labelling.progress import progress as progress_of
from models.labelling.store import GUIDE, LabelStore, Project
from models.ledger.encryption import NoteEncryption, key_file_of
from models.programs.files import ProgramFiles
from models.router import Router
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, BundleOption, DataOption, RunsOption, takes_program
from pipelines.data.writers import write_frame
from pipelines.evaluation import label_project
from pipelines.evaluation.label_project import CALLS, DOCCANO, FORMATS, LABEL_STUDIO, LABELLED
from pipelines.evaluation.label_queue import RANDOM_SHARE

label_app = typer.Typer(no_args_is_help=True, help="Label calls in the browser.")
LABELS = "sqlite:///mlruns/labels.db"
LabelsOption = Annotated[str, typer.Option("--labels", envvar="HEARTLINE_LABELS", help="Database URL of the project.")]
FormatOption = Annotated[str, typer.Option("--format", help=f"One of: {', '.join(FORMATS)}.")]


@label_app.command("create", epilog="Example: heartline label create --data data/sample.csv --count 50")
@takes_program
def create(
    data: DataOption = SAMPLE,
    layout: FormatOption = CALLS,
    labels: LabelsOption = LABELS,
    count: Annotated[int, typer.Option("--count", min=1, help="How many calls to label.")] = 300,
    random_share: Annotated[
        float, typer.Option("--random-share", min=0, max=1, help="Share of the calls that are drawn at random.")
    ] = RANDOM_SHARE,
    double_share: Annotated[
        float, typer.Option("--double-share", min=0, max=1, help="Share of the calls that two people label independently.")
    ] = 0.2,
    guide: Annotated[Path, typer.Option("--guide", help="Text file that is shown beside each call.")] = GUIDE,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="THEIRS=OURS, a choice of another tool; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same queue.")] = 0,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Create a project from a file of calls: the most useful first, mixed with a recorded random share.

    The service opens it where HEARTLINE_LABELS names it, at /label, for people with the role labeller.
    """
    tasks, frame = label_project.read_tasks(data, _known(layout), names=_names(name or []))
    folder = bundle or runs / "champion"
    router = Router.load(folder if folder.exists() else None, program=program)
    queue = label_project.queue(
        tasks, frame, router=router, count=count, random_share=random_share, double_share=double_share, seed=seed
    )
    project = Project(
        guide=_guide(guide), pool=len(tasks), random_share=random_share, double_share=double_share, seed=seed,
        model_version=router.versions.model,
    )  # fmt: skip
    LabelStore.create(labels, NoteEncryption.from_environment(key_file_of(labels), create=True), project, queue).close()
    twice = sum(each.needed == 2 for each in queue)
    terminal.show(f"{len(queue)} of {len(tasks)} calls are to be labelled, {twice} of them by two people")
    terminal.say(f"serve them with HEARTLINE_LABELS={labels.split('@')[-1]}, and open /label")


@label_app.command("status", epilog="Example: heartline label status")
def status(labels: LabelsOption = LABELS) -> None:
    """Show the progress of a project: labels, disputes, kappa, time, and shares estimated from the random sample."""
    store = _opened(labels)
    try:
        for line in _lines(progress_of(store.items()), store.project):
            terminal.show(line)
    finally:
        store.close()


@label_app.command("export", epilog="Example: heartline label export --out /tmp/labelled.csv")
def export(
    to: Annotated[Path, typer.Option("--out", help="File to write; it holds notes: protect it as you do the notes.")],
    layout: FormatOption = CALLS,
    labels: LabelsOption = LABELS,
) -> None:
    """Write the labelled calls: a table for training (CSV, JSONL or Parquet), or the format of another tool."""
    store = _opened(labels)
    try:
        if _known(layout) in {CALLS, LABELLED}:
            table = label_project.label_table(store)
            write_frame(table, to)
            written = len(table)
        else:
            tasks = label_project.settled_tasks(store)
            writer = {LABEL_STUDIO: exchange.to_label_studio, DOCCANO: exchange.to_doccano}[layout]
            to.write_text(writer(tasks), encoding="utf-8")
            written = len(tasks)
    finally:
        store.close()
    terminal.show(f"{written} labelled calls written to {to}")


def _opened(labels: str) -> LabelStore:
    """Return a project with the key of the environment; raise `InvalidConfig` where there is none."""
    return LabelStore(labels, NoteEncryption.from_environment(key_file_of(labels)))


def _lines(figures: Progress, project: Project) -> list[str]:
    """Return the figures of a project in sentences."""
    time = "–" if figures.median_seconds is None else f"{figures.median_seconds:.0f} s"
    kappa = "–" if figures.kappa is None else f"{figures.kappa:.2f}"
    people = ", ".join(f"{name} {count}" for name, count in sorted(figures.by_person.items())) or "nobody yet"
    return [
        f"{figures.complete} of {figures.calls} calls labelled, {figures.settled} settled, {figures.disputed} in dispute",
        f"labelled twice: {figures.twice}, kappa {kappa}; median time a call {time}; answers by: {people}",
        f"random sample: {figures.sampled} of {project.pool} calls",
        *(f"  {name}: {estimate}" for name, estimate in figures.estimates.items()),
    ]


def _known(layout: str) -> str:
    """Return the name of a format; raise `InvalidConfig` for an unknown one."""
    if layout not in FORMATS:
        raise InvalidConfig("no such format", value=layout, remedy=f"one of: {', '.join(FORMATS)}")
    return layout


def _names(pairs: list[str]) -> dict[str, str]:
    """Return our choice for each of another tool's; raise `InvalidConfig` for a pair without `=`."""
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise InvalidConfig("a name lacks its =", value=wrong[0], remedy="write it such as Positive=eligible")
    return dict(pair.split("=", 1) for pair in pairs)


def _guide(path: Path) -> str:
    """Return the guide's text; raise `InvalidData` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidData("the guide cannot be read", value=str(path), remedy="give a text file in UTF-8") from None
