"""The command that trains a candidate, compares variants, or rebuilds a bundle."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from models.classifier import bundle as bundles
from models.errors import InvalidData, RebuildDiffers
from models.programs.files import ProgramFiles, ProgramSource
from models.programs.kept import program_file
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, ConfigOption, DataOption, RunsOption, takes_program
from pipelines.cli.tables import read_calls
from pipelines.data.file_digest import file_sha256
from pipelines.data.table import labelled
from pipelines.evaluation.lines import evaluation_lines
from pipelines.settings import Config, from_flat, load_config
from pipelines.training import Candidate, sources
from pipelines.training import train as train_candidate
from pipelines.training.carry_over import abstention
from pipelines.training.carry_over import carry_over as measure_carry_over
from pipelines.training.provenance import environment, git_state
from pipelines.training.reference import MeasureOn
from pipelines.training.run_record import variants
from pipelines.training.sources import Loaded, Source
from pipelines.training.tracking import Store

TRAIN_EXAMPLE = "Example: heartline train --data mlruns/corpus.csv"


@takes_program
def train(
    data: DataOption = SAMPLE,
    config: ConfigOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
    compare: Annotated[bool, typer.Option("--compare", help="Measure variants first, and train the winner.")] = False,
    from_ledger: Annotated[
        str | None, typer.Option("--from-ledger", help="Ledger's URL: add its labels; --data supplies missing notes.")
    ] = None,
    carry_over: Annotated[
        bool, typer.Option("--carry-over", help="Measure settings on held-out scenarios and styles; train nothing.")
    ] = False,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Labelled notes of other agencies: measure calibration and floor on them anew."),
    ] = None,
    up_to: Annotated[
        int | None,
        typer.Option("--up-to", min=1, help="Number of the last entry to use, before a fault of the ledger."),
    ] = None,
    like: Annotated[
        Path | None, typer.Option("--like", help="Rebuild this bundle; exit 1 where it is not the same.")
    ] = None,
) -> None:
    """Train a candidate on labelled calls and record it in MLflow."""
    if carry_over:
        _show_carry_over(data, load_config(config))
        return
    if like is not None:
        _rebuild(data, from_ledger, like)
        return
    settings = load_config(config)
    with tempfile.TemporaryDirectory() as folder:
        source = Source(data, from_ledger, up_to)
        store = Store(runs, settings)
        with store.running("training"):
            candidate, loaded = _trained(
                source, settings, Path(folder) / "bundle", program=program, compare=compare, reference=reference
            )
            tags = git_state() | loaded.tags
            registered = store.log(
                candidate.folder, candidate.evaluation, program=str(program), tags=tags, nested=variants(candidate.compared)
            )
    for line in _comparison_lines(candidate):
        terminal.show(line)
    for line in evaluation_lines(candidate.evaluation):
        terminal.show(line)
    terminal.show(f"candidate: version {registered.version}, bundle {registered.digest[:16]}")


def _show_carry_over(data: Path, settings: Config) -> None:
    """Print the figures of each setting of the grid on scenarios and styles that were held out."""
    table = labelled(read_calls(data))
    least = settings.threshold.min_probability
    for row in abstention(table, settings.classifier, least=least):
        terminal.show(
            f"at most {row.bound:4.0%} of a note's words unfamiliar: found {row.found:.3f}, false clears "
            f"{row.false_clears:.4f} of held-out scenarios at {least:g}; "
            f"{row.eligible_within:.3f} of the eligible notes are within the bound"
        )
    for each in measure_carry_over(table, settings.classifier):
        tried = each.settings
        terminal.show(
            f"held-out {each.held_out:9} regularisation {tried.regularisation:g}, signals {tried.signal_weight:g}, "
            f"words {tried.word_weight:g}, metadata {tried.metadata_weight:g}: area {each.auc:.3f}, "
            f"precision {each.average_precision:.3f}, found at 3 % false clears {each.found:.3f}"
        )


def _comparison_lines(candidate: Candidate) -> Iterator[str]:
    """Yield the figures of each variant, and the area with each field missing."""
    for each in candidate.compared:
        mark = "trained" if each.wins else ""
        gap = f"{each.difference:+.4f} ({each.low:+.4f} to {each.high:+.4f})"
        yield f"{each.name:36} area {each.auc:.4f}, minus the best {gap}, precision {each.average_precision:.3f} {mark}"
    for name, area in candidate.without.items():
        yield f"area with {name:26} missing {area:.4f}" if name != "nothing missing" else f"area {area:.4f}"


def _trained(
    source: Source,
    settings: Config,
    folder: Path,
    *,
    program: ProgramSource,
    compare: bool = False,
    reference: Path | None = None,
) -> tuple[Candidate, Loaded]:
    """Read the calls, train, print each step, and return the candidate and its calls."""
    with steps(14 if compare else 7) as notice:
        loaded = sources.load(source, notice=notice)
        measure_on = MeasureOn(read_calls(reference), file_sha256(reference)) if reference is not None else None
        candidate = train_candidate(
            loaded.table,
            settings,
            folder,
            identity=loaded.identity,
            program=program,
            comparing=compare,
            measure_on=measure_on,
            notice=notice,
        )
    return candidate, loaded


@contextmanager
def steps(total: int) -> Iterator[Callable[[str], None]]:
    """Give a function that prints a step and advances a progress bar."""
    with Progress(console=terminal.err, transient=True) as progress:
        bar = progress.add_task("reading", total=total)

        def notice(step: str) -> None:
            progress.update(bar, description=step.split(":", maxsplit=1)[0][:40], advance=1)
            terminal.say(step)

        yield notice


def _rebuild(data: Path, ledger: str | None, like: Path) -> None:
    """Train again by a bundle's manifest, and compare the digests; raise `RebuildDiffers` where they differ."""
    manifest = bundles.read_manifest(like)
    origin = manifest["training"]
    if "adapted" in origin:
        raise InvalidData("this bundle was adapted, not trained", value=str(like), remedy="run heartline adapt again")
    differing = [f"data {file_sha256(data)[:16]}"] if file_sha256(data) != origin["data_sha256"] else []
    differing += [f"{name} {has}" for name, has in environment().items() if origin["environment"].get(name) != has]
    if differing:
        raise RebuildDiffers("not the inputs of the bundle", value=", ".join(differing), remedy="see its manifest")
    with tempfile.TemporaryDirectory() as folder:
        source = Source(data, ledger, origin.get("ledger_entries"))
        settings, program = from_flat(origin["config"]), str(program_file(like) or origin["program"].split("@")[0])
        candidate, _ = _trained(source, settings, Path(folder), program=program)
        again = bundles.read_manifest(candidate.folder)
    if again["digest"] != manifest["digest"]:
        keys = [key for key in manifest if manifest[key] != again.get(key)]
        raise RebuildDiffers("the rebuilt bundle differs", value=", ".join(keys), remedy="check the code's version")
    terminal.show(f"the rebuilt bundle is the same: {manifest['digest']}")
