"""The command that adapts a model to a city's labelled calls."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import typer

from models.classifier import bundle as bundles
from models.classifier.bundle import Bundle
from models.programs.files import ProgramFiles
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, ConfigOption, RunsOption, takes_program
from pipelines.cli.train import steps
from pipelines.data.file_digest import file_sha256
from pipelines.data.table import Table, distinct, labelled, read_table, take
from pipelines.evaluation.lines import evaluation_lines
from pipelines.settings import Config, from_flat, load_config
from pipelines.training import sources
from pipelines.training.adapt import Adapted, check
from pipelines.training.adapt import adapt as adapt_model
from pipelines.training.labels import is_selected
from pipelines.training.local_curve import curve_plot, curve_table, local_curve
from pipelines.training.local_work import prepare
from pipelines.training.provenance import git_state
from pipelines.training.run_record import NestedRun
from pipelines.training.sources import Loaded, Source
from pipelines.training.tracking import Store

T = TypeVar("T")
ADAPT_EXAMPLE = "Example: heartline adapt --base mlruns/champion --data data/sample.csv"


class HeldOutChoice(StrEnum):
    """The part of the local calls that is held out of fitting."""

    NONE = "none"
    HALF = "half"


@takes_program
def adapt(
    base: Annotated[Path | None, typer.Option("--base", help="Bundle to adapt; the champion's where not given.")] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="CSV, JSONL or Parquet of labelled calls; the sample without a ledger.")
    ] = None,
    from_ledger: Annotated[
        str | None, typer.Option("--from-ledger", help="Ledger's URL: add its labels; --data supplies notes.")
    ] = None,
    up_to: Annotated[
        int | None,
        typer.Option("--up-to", min=1, help="Number of the last entry that counts, before a fault of the ledger."),
    ] = None,
    training: Annotated[
        Path | None, typer.Option("--training", help="Calls that the base was trained on; written anew where not given.")
    ] = None,
    held_out: Annotated[
        HeldOutChoice, typer.Option("--held-out", help="half: certify exactly, on a half that the model is not trained on.")
    ] = HeldOutChoice.NONE,
    review_only: Annotated[
        bool, typer.Option("--review-only", help="Write a bundle that never says ELIGIBLE, whatever the labels prove.")
    ] = False,
    curve: Annotated[
        bool, typer.Option("--curve", help="Show the figures for growing numbers of labels; save no model.")
    ] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="With --curve: write the plot to this PNG too.")] = None,
    config: ConfigOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Adapt a model to a few hundred labelled calls of a city, certify it on them, and record the candidate in MLflow.

    The labels are those of a file, those of a ledger, or both.
    """
    loaded = bundles.load(base or runs / "champion")
    settings = _settings(loaded, config)
    source = Source(data or (SAMPLE if from_ledger is None else None), from_ledger, up_to)
    city = sources.load(source, notice=terminal.say)
    check(distinct(labelled(city.table)))
    store = Store(runs, settings)
    if curve:
        _curve(loaded, city, settings, store, training=training, program=program, plot=plot)
        return
    with tempfile.TemporaryDirectory() as folder, store.running("adaptation"):
        with steps(8) as notice:
            corpus = sources.corpus_of(loaded, named=training, runs=runs, program=program, notice=notice)
            identity = {"data_sha256": file_sha256(corpus)} | _local(city.identity)
            adapted = adapt_model(
                loaded, read_table(corpus), city.table, settings, Path(folder) / "bundle", identity=identity,
                held_out=held_out.value, review_only=review_only, program=program, notice=notice,
            )  # fmt: skip
        registered = store.log(
            adapted.folder, adapted.evaluation, program=str(program), nested=_fold_runs(adapted, city.table),
            tags=git_state() | _origin(corpus, loaded) | _local(city.tags),
        )  # fmt: skip
    _show(adapted)
    terminal.show(f"candidate: version {registered.version}, bundle {registered.digest[:16]}")


def _curve(
    base: Bundle,
    city: Loaded,
    settings: Config,
    store: Store,
    *,
    training: Path | None,
    program: ProgramFiles,
    plot: Path | None,
) -> None:
    """Print the learning curve, and record its table and plot in MLflow."""
    local = distinct(labelled(city.table))
    unselected = take(local, np.flatnonzero(~is_selected(local.labels)))
    if left_out := len(local.calls) - len(unselected.calls):
        terminal.say(f"left out of the curve: {left_out} overrides and outcomes, which were selected by what they say")
    with store.running("adaptation curve"), steps(8) as notice:
        corpus = sources.corpus_of(base, named=training, runs=store.root, program=program, notice=notice)
        work = prepare(labelled(read_table(corpus)), unselected, settings, program)
        points = local_curve(work, base, notice=notice)
        figure = curve_plot(points)
        store.log_figure(figure, curve_table(points), name="adaptation_curve")
        store.log_details(
            about=f"What more local labels bring to bundle {base.digest[:16]}, on {len(unselected.calls)} labelled calls.",
            tags=git_state() | _origin(corpus, base) | _local(city.tags),
        )
    if plot is not None:
        figure.savefig(plot)
    for point in points:
        terminal.show(str(point))


def _origin(corpus: Path, base: Bundle) -> dict[str, str]:
    """Return what identifies the synthetic calls and the base."""
    return {"data_sha256": file_sha256(corpus), "data_path": str(corpus.resolve()), "base_digest": base.digest}


def _local(names: Mapping[str, T]) -> dict[str, T]:
    """Return what identifies the local calls, under names other than those of the synthetic calls."""
    return {f"local_{name.removeprefix('data_')}": value for name, value in names.items()}


def _settings(base: Bundle, config: Path | None) -> Config:
    """Return the base's settings, or those of a file with the base's settings of synthetic calls and split."""
    of_base = from_flat(base.manifest["training"]["config"])
    return of_base if config is None else replace(load_config(config), synthesise=of_base.synthesise, split=of_base.split)


def _fold_runs(adapted: Adapted, local: Table) -> list[NestedRun]:
    """Return each fold of the cross-fitting as a nested run."""
    truth = distinct(labelled(local)).labels["eligible"].to_numpy(dtype=bool)
    return [
        NestedRun(
            f"fold {number}",
            {"kind": "fold"},
            fold.settings.to_record(),
            {"judged": float(fold.held.sum()), "eligible": float(truth[fold.held].sum()), "area": fold.area},
        )
        for number, fold in enumerate(adapted.folds, start=1)
    ]


def _show(adapted: Adapted) -> None:
    """Print the certification, the labels that tighter bounds need, and the comparison with the base."""
    terminal.show(f"Certified: {adapted.training['certified_by']}")
    if not adapted.training["review_only"]:
        point = adapted.point
        terminal.show(f"ELIGIBLE from {point.eligible_at:.2f} with every risk at most {point.max_risk:g}")
    for need in adapted.needs:
        terminal.show(f"  {need}")
    terminal.show("The same calls, scored by the base and by models adapted without them:")
    for each in adapted.comparison:
        terminal.show(f"  {each}")
    for line in evaluation_lines(adapted.evaluation):
        terminal.show(line)
