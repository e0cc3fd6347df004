"""Offer training, release and its history on the command line."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from models.errors import RebuildDiffers
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, ConfigOption, DataOption, ProgramOption, RunsOption
from pipelines.release import history as releases
from pipelines.settings import load_config

if TYPE_CHECKING:
    from pipelines.training.sources import Loaded, Source
    from pipelines.training.train import Candidate

TRAIN_EXAMPLE = "Example: heartline train --data mlruns/corpus.csv"
release_app = typer.Typer(no_args_is_help=False, help="Make the candidate champion if every gate holds; see who was.")
ByOption = Annotated[str | None, typer.Option("--by", help="Who decides; your login where not given.")]


def train(
    data: DataOption = SAMPLE,
    config: ConfigOption = None,
    runs: RunsOption = RUNS,
    program: ProgramOption = PROGRAM,
    compare: Annotated[bool, typer.Option("--compare", help="Measure variants first, and train the winner.")] = False,
    from_ledger: Annotated[
        str | None, typer.Option("--from-ledger", help="Ledger's URL: add what use has labelled; --data supplies notes.")
    ] = None,
    like: Annotated[Path | None, typer.Option("--like", help="Rebuild this bundle, and say whether it is the same.")] = None,
) -> None:
    """Train a candidate on labelled calls and record it in MLflow."""
    import tempfile  # noqa: PLC0415  a command loads what it needs

    from pipelines.training.provenance import git_state  # noqa: PLC0415
    from pipelines.training.sources import Source  # noqa: PLC0415
    from pipelines.training.tracking import Store  # noqa: PLC0415

    if like is not None:
        _rebuild(data, from_ledger, like)
        return
    settings = load_config(config)
    with tempfile.TemporaryDirectory() as folder:
        source = Source(data, from_ledger)
        made, loaded = _trained(source, settings, Path(folder) / "bundle", program=program, compare=compare)
        registered = Store(runs, settings).log(
            made.folder, made.evaluation, program=program, tags=git_state() | loaded.tags, compared=made.compared
        )
    for each in made.compared:
        mark = "trained" if each.wins else ""
        gap = f"{each.difference:+.4f} ({each.low:+.4f} to {each.high:+.4f})"
        terminal.show(
            f"{each.name:36} area {each.auc:.4f}, less the best {gap}, precision {each.average_precision:.3f} {mark}"
        )
    for name, area in made.without.items():
        terminal.show(f"area with {name:26} missing {area:.4f}" if name != "nothing missing" else f"area {area:.4f}")
    terminal.show_evaluation(made.evaluation)
    terminal.show(f"candidate: version {registered.version}, bundle {registered.digest[:16]}")


def _trained(
    source: "Source", settings: Any, folder: Path, *, program: str, compare: bool = False
) -> "tuple[Candidate, Loaded]":
    """Read, train and show each step."""
    from pipelines.training import sources  # noqa: PLC0415
    from pipelines.training import train as training  # noqa: PLC0415

    with Progress(console=terminal.err, transient=True) as progress:
        bar = progress.add_task("reading", total=14 if compare else 7)

        def say(step: str) -> None:
            progress.update(bar, description=step.split(":", maxsplit=1)[0][:40], advance=1)
            terminal.say(step)

        loaded = sources.load(source, say=say)
        made = training.train(
            loaded.table, settings, folder, identity=loaded.identity, program=program, comparing=compare, say=say
        )
    return made, loaded


def _rebuild(data: Path, ledger: str | None, like: Path) -> None:
    """Train again as a bundle's manifest says, and compare the digests; raise `RebuildDiffers` where they differ."""
    import tempfile  # noqa: PLC0415

    from models.classifier import bundle as bundles  # noqa: PLC0415
    from pipelines.settings import from_flat  # noqa: PLC0415
    from pipelines.training.provenance import environment, file_sha256  # noqa: PLC0415
    from pipelines.training.sources import Source  # noqa: PLC0415

    manifest = bundles.read_manifest(like)
    told = manifest["training"]
    differing = [f"data {file_sha256(data)[:16]}"] if file_sha256(data) != told["data_sha256"] else []
    differing += [f"{name} {has}" for name, has in environment().items() if told["environment"].get(name) != has]
    if differing:
        raise RebuildDiffers("not what the bundle was made from", value=", ".join(differing), remedy="see its manifest")
    with tempfile.TemporaryDirectory() as folder:
        source = Source(data, ledger, told.get("ledger_entries"))
        made, _ = _trained(source, from_flat(told["config"]), Path(folder), program=told["program"].split("@")[0])
        again = bundles.read_manifest(made.folder)
    if again["digest"] != manifest["digest"]:
        keys = [key for key in manifest if manifest[key] != again.get(key)]
        raise RebuildDiffers("the rebuilt bundle differs", value=", ".join(keys), remedy="check the code's version")
    terminal.show(f"the same, to the last bit: {manifest['digest']}")


@release_app.callback(invoke_without_command=True, epilog="Example: heartline release --runs mlruns")
def release(
    context: typer.Context,
    runs: RunsOption = RUNS,
    config: ConfigOption = None,
    data: Annotated[Path | None, typer.Option("--data", help="The calls it was trained on, if they were moved.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Make it challenger only: scored, never answering.")] = False,
    by: ByOption = None,
) -> None:
    """Make the candidate champion if every gate holds; otherwise say which failed and exit 1."""
    if context.invoked_subcommand is not None:
        return
    from pipelines.release import release as releasing  # noqa: PLC0415
    from pipelines.training.tracking import Store  # noqa: PLC0415

    settings = load_config(config)
    done = releasing.release(Store(runs, settings), settings, data=data, by=by or releases.user(), shadow=shadow)
    for gate in done.gates:
        terminal.show(f"{'held' if gate.holds else 'FAILED'}: {gate.name} {gate.measured:.4f} against {gate.limit:.4f}")
    name = "challenger" if shadow else "champion"
    terminal.show(f"{name}: version {done.registered.version}, bundle {done.registered.digest[:16]}")


@release_app.command("history", epilog="Example: heartline release history --runs mlruns")
def history(runs: RunsOption = RUNS) -> None:
    """Show who was champion from when to when, by whom and on which evidence."""
    entries = releases.read(runs)
    reigns = [entry for entry in entries if entry.action != "shadow"]
    until = {entry.evidence: later.at for entry, later in itertools.pairwise(reigns)}
    for entry in entries:
        end = "" if entry.action == "shadow" else f" until {until.get(entry.evidence, 'now')}"
        proof = f"evidence {releases.EVIDENCE}/{entry.evidence} {entry.evidence_sha256[:16]}"
        terminal.show(
            f"{entry.at}{end}  {entry.action} of version {entry.version} {entry.digest[:16]} by {entry.by}, {proof}"
        )
    if not entries:
        terminal.show("nothing was released yet")


@release_app.command("rollback", epilog="Example: heartline release rollback --runs mlruns")
def rollback(runs: RunsOption = RUNS, config: ConfigOption = None, by: ByOption = None) -> None:
    """Make the champion before the present one champion again."""
    from pipelines.release import release as releasing  # noqa: PLC0415
    from pipelines.training.tracking import Store  # noqa: PLC0415

    done = releasing.rollback(Store(runs, load_config(config)), by=by or releases.user())
    terminal.show(f"champion again: version {done.registered.version}, bundle {done.registered.digest[:16]}")
