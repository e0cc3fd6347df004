"""Offer what use shows: drift and errors since release, what would have been answered, trials, and the system record."""

import json
from dataclasses import asdict
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
    import pandas as pd

    from models.statistics import Estimate

MONITOR_EXAMPLE = "Example: heartline monitor --ledger sqlite:////tmp/ledger.db"
RETROSPECT_EXAMPLE = "Example: heartline retrospect --data data/sample.csv --simulate pipelines/operations/simulation.toml"
CARD_EXAMPLE = "Example: heartline card --accountable 'Community Safety Department' --out /tmp/card.html"
trial_app = typer.Typer(no_args_is_help=True, help="Plan and read a trial of what seeing the suggestion changes.")


def monitor(
    ledger: LedgerOption = LEDGER,
    since: Annotated[str | None, typer.Option("--since", help="First day, ISO 8601; all where not given.")] = None,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    config: ConfigOption = None,
) -> None:
    """Compare what the ledger holds with what training saw; exit 1 and say which limit is crossed."""
    from models.classifier.bundle import load  # noqa: PLC0415
    from pipelines.operations import monitor as watching  # noqa: PLC0415

    loaded = load(bundle or runs / "champion")
    held = open_ledger(ledger, None)
    try:
        from models.ledger.decision_table import casebook  # noqa: PLC0415

        book = casebook(held.read(since=since))
        if book.empty:
            terminal.show("the ledger holds no final decision of this time: there is nothing to watch")
            return
        made = watching.monitor(book, loaded.manifest["training"]["profile"], load_config(config).monitor)
        kept = [str(key) for key in book["decision_id"]] if held.safe.can_keep else []
        notes = {key: note for key in kept if (note := held.note(key)) is not None}
    finally:
        held.close()
    vocabulary = loaded.parts["encoder"].named_transformers_["words"].vocabulary_ if notes else ()
    made.words = watching.new_words(book, notes, vocabulary)
    if not notes:
        terminal.say("no note can be read (none kept, or HEARTLINE_NOTE_KEY is not set): new words are not looked for")
    for line in watching.lines(made):
        terminal.show(line)
    if made.alarms:
        raise GateFailed("; ".join(made.alarms), remedy="look into it, then retrain or roll back")


def retrospect(
    data: DataOption = SAMPLE,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramOption = PROGRAM,
    calibration: Annotated[Path | None, typer.Option("--calibration", help="A report's JSON, for what is expected.")] = None,
    simulate: Annotated[Path | None, typer.Option("--simulate", help="TOML of teams, shifts and times.")] = None,
    engine: Annotated[str, typer.Option("--engine", help="local or dask, for a folder of Parquet parts.")] = "local",
    to: Annotated[Path | None, typer.Option("--json", help="Write every table as JSON.")] = None,
) -> None:
    """Say how many past calls each unit could have answered, why not the others, and what teams it would take."""
    from models.programs.program import load_program  # noqa: PLC0415
    from pipelines.operations import retrospect as looking  # noqa: PLC0415

    scored = _scored(data, bundle or runs / "champion", program, engine)
    zone = str(load_program(program).time_zone)
    made = looking.look_back(scored, time_zone=zone, calibration=_bands(calibration))
    for line in looking.lines(made):
        terminal.show(line)
    record: dict[str, Any] = made.to_record()
    if simulate:
        from pipelines.operations import simulation  # noqa: PLC0415

        plans, target, runs_of_each = simulation.load_plans(simulate)
        calls = looking.eligible_calls(scored, time_zone=zone)
        for plan in plans:
            found = simulation.simulate(calls, plan, days=made.days, target=target, replications=runs_of_each)
            record[f"plan {plan.name}"] = [asdict(each) for each in found]
            for line in simulation.lines(plan, found, target=target):
                terminal.show(line)
    if to:
        to.write_text(json.dumps(record, indent=2, default=str), encoding="utf-8")


def card(
    accountable: Annotated[str, typer.Option("--accountable", help="Who answers for its use, by name and office.")],
    to: Annotated[Path, typer.Option("--out", help="HTML file to write.")] = Path("card.html"),
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramOption = PROGRAM,
) -> None:
    """Write the model card and system record from the runs, each duty with its evidence file."""
    from models.programs.program import load_program  # noqa: PLC0415
    from pipelines.release import card as record  # noqa: PLC0415

    told = record.card(runs, bundle or runs / "champion", load_program(program), accountable=accountable)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(record.to_html(told), encoding="utf-8")
    shown = sum(item.shown for item in told["items"])
    terminal.say(f"{shown} of {len(told['items'])} items have their evidence; card written to {to}")


@trial_app.command("size", epilog="Example: heartline trial size --base 0.6 --effect 0.05")
def size(
    base: Annotated[float, typer.Option("--base", min=0.0, max=1.0, help="Share expected without the suggestion.")],
    effect: Annotated[float, typer.Option("--effect", help="Smallest change worth finding, such as 0.05.")],
    power: Annotated[float, typer.Option("--power", min=0.5, max=0.999)] = 0.8,
    silent: Annotated[float, typer.Option("--silent", min=0.01, max=0.99, help="Share of calls without suggestion.")] = 0.5,
) -> None:
    """Say how many judged calls a trial needs to find a change."""
    from pipelines.operations import trial  # noqa: PLC0415

    if effect == 0 or not 0 < base + effect < 1:
        raise InvalidData("no such change", value=effect, remedy="give one that leads to a share between 0 and 1")
    needed = trial.size(base=base, effect=effect, power=power, silent=silent)
    terminal.show(
        f"{needed} judged calls ({round(needed * silent)} silent) find {base:g} to {base + effect:g} with power {power:g}"
    )


@trial_app.command("report", epilog="Example: heartline trial report --ledger sqlite:////tmp/ledger.db")
def report(ledger: LedgerOption = LEDGER, config: ConfigOption = None) -> None:
    """Say what people did with and without the suggestion, and whether seeing it changed anything."""
    from models.ledger.decision_table import casebook  # noqa: PLC0415
    from pipelines.operations import trial  # noqa: PLC0415

    held = open_ledger(ledger, None)
    try:
        arms = trial.arms(casebook(held.read()), confidence=load_config(config).evaluate.confidence)
    finally:
        held.close()
    for line in trial.lines(arms):
        terminal.show(line)


def _scored(data: Path, bundle: Path, program: str, engine: str) -> "pd.DataFrame":
    """Decide the calls of a file or of a folder of parts, and return what looking back needs."""
    import tempfile  # noqa: PLC0415

    import pandas as pd  # noqa: PLC0415

    from pipelines.operations import backfill  # noqa: PLC0415

    if data.is_dir() or engine != "local":
        with tempfile.TemporaryDirectory() as folder:
            backfill.run(data, Path(folder), bundle=bundle, program=program, engine=engine, track=terminal.tracked_parts)
            return pd.concat([pd.read_parquet(part) for part in backfill.parts(Path(folder))], ignore_index=True)
    return pd.DataFrame.from_records(list(backfill.rows(data, bundle=bundle, program=program)))


def _bands(report: Path | None) -> "list[tuple[float, Estimate]]":
    """Read the calibration bands of a report; none where there is no report."""
    from models.statistics import Estimate  # noqa: PLC0415

    if report is None:
        return []
    try:
        told = json.loads(report.read_text(encoding="utf-8"))["calibration"]
        return [(float(centre), Estimate(**band)) for centre, band in told]
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidData("this is no report", value=str(report), remedy="heartline evaluate --json FILE") from None
