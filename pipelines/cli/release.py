"""The commands that release a candidate, show the history of champions, and roll back."""

import csv
import itertools
from pathlib import Path
from typing import Annotated

import typer

from models.classifier.bundle import read_manifest
from models.errors import WorkRefused
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, BundleOption, ConfigOption, RunsOption, takes_program
from pipelines.cli.tables import read_calls
from pipelines.release import history as releases
from pipelines.release import licences as licensing
from pipelines.release import proof
from pipelines.release import release as releasing
from pipelines.release import state as releasing_state
from pipelines.settings import load_config
from pipelines.training.tracking import Store

release_app = typer.Typer(no_args_is_help=False, help="Release the candidate as champion, and show and undo releases.")
ByOption = Annotated[str | None, typer.Option("--by", help="Who decides; your login where not given.")]


@release_app.callback(invoke_without_command=True, epilog="Example: heartline release --runs mlruns")
def release(
    context: typer.Context,
    runs: RunsOption = RUNS,
    config: ConfigOption = None,
    data: Annotated[Path | None, typer.Option("--data", help="The calls it was trained on, if they were moved.")] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Make it challenger: scored, but its answers are not shown.")
    ] = False,
    by: ByOption = None,
) -> None:
    """Make the candidate champion if every gate holds; otherwise name the gates that failed and exit 1."""
    if context.invoked_subcommand is not None:
        return
    settings, who = load_config(config), by or releases.current_user()
    released = releasing.release(Store(runs, settings), settings, data=data, by=who, shadow=shadow)
    for gate in released.gates:
        terminal.show(f"{'held' if gate.holds else 'FAILED'}: {gate.name} {gate.measured:.4f} against {gate.limit:.4f}")
    name = "challenger" if shadow else "champion"
    terminal.show(f"{name}: version {released.registered.version}, bundle {released.registered.digest[:16]}")


@release_app.command("history", epilog="Example: heartline release history --runs mlruns")
def history(runs: RunsOption = RUNS) -> None:
    """Show each champion with its dates, who released it, and its evidence."""
    entries = releases.read(runs)
    promotions = [entry for entry in entries if entry.action != releases.SHADOW]
    until = {entry.evidence: later.at for entry, later in itertools.pairwise(promotions)}
    for entry in entries:
        end = "" if entry.action == releases.SHADOW else f" until {until.get(entry.evidence, 'now')}"
        evidence = f"evidence {releases.EVIDENCE}/{entry.evidence} {entry.evidence_sha256[:16]}"
        terminal.show(
            f"{entry.at}{end}  {entry.action} of version {entry.version} {entry.digest[:16]} by {entry.by}, {evidence}"
        )
    if not entries:
        terminal.show("nothing has been released yet")


@release_app.command("status", epilog="Example: heartline release status --runs mlruns")
def status(
    runs: RunsOption = RUNS,
    config: ConfigOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Make registry and folder agree with the history.")] = False,
) -> None:
    """Show which model history, registry and folder name; exit 1 where they differ, as after an interrupted release."""
    store = Store(runs, load_config(config))
    states = releasing_state.repair(store) if repair else releasing_state.states(store)
    for state in states:
        terminal.show(str(state))
    if not all(state.agrees for state in states):
        raise WorkRefused("history, registry and folder differ", remedy="heartline release status --repair")


@release_app.command("rollback", epilog="Example: heartline release rollback --runs mlruns")
def rollback(runs: RunsOption = RUNS, config: ConfigOption = None, by: ByOption = None) -> None:
    """Make the champion before the present one champion again."""
    released = releasing.rollback(Store(runs, load_config(config)), by=by or releases.current_user())
    terminal.show(f"champion again: version {released.registered.version}, bundle {released.registered.digest[:16]}")


@release_app.command("verify", epilog="Example: heartline release verify --data data/sample.csv")
@takes_program
def verify(
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    data: Annotated[Path | None, typer.Option("--data", help="Calls to prove it on, besides its golden calls.")] = None,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Prove again that the look-up tables of a bundle are those of its model and give scikit-learn's scores."""
    folder = bundle or runs / "champion"
    calls = read_calls(data).calls if data else ()
    again = proof.prove(folder, load_program(program), calls)
    manifest = read_manifest(folder)
    recorded = manifest["proof"]
    terminal.show(f"bundle {manifest['digest'][:16]}: the tables are those of the model")
    terminal.show(f"largest difference from scikit-learn: {again.difference:.1e} over {again.calls} calls")
    terminal.show(f"recorded when it was written: {recorded['difference']:.1e} over {recorded['calls']} calls")


@release_app.command("licences", epilog="Example: heartline release licences --lock requirements.lock")
def licences(
    lock: Annotated[Path, typer.Option("--lock", help="Lock file whose packages are listed.")] = Path("requirements.lock"),
    to: Annotated[Path | None, typer.Option("--out", help="CSV to write: package, version, licence.")] = None,
) -> None:
    """List the licence that each pinned package states."""
    listed = list(licensing.licences(lock))
    if to is None:
        for each in listed:
            terminal.show(f"{each.package} {each.version}: {each.licence}")
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("package", "version", "licence"))
        rows.writerows((each.package, each.version, each.licence) for each in listed)
    unknown = sum(each.licence == licensing.UNKNOWN for each in listed)
    terminal.say(f"{len(listed)} packages, {unknown} of which state no licence: {to}")
