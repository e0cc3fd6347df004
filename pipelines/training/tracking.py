"""Tracking of runs and models in MLflow.

Runs are in `sqlite:///mlruns/mlflow.db` and their artefacts under `mlruns/artifacts`, both set explicitly. Aliases name
versions: `candidate` is the last one trained, `champion` the one that answers, `challenger` the one that is scored beside
it. Promotion also copies the bundle to `mlruns/champion` or `mlruns/challenger`, atomically, so that the service starts
without MLflow.
"""

import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # no data leaves a 911 centre's machine

import mlflow
import pandas as pd
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.filesystem_dataset_source import FileSystemDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types.schema import ColSpec, Schema, TensorSpec

from models.call import FIELDS
from models.classifier import bundle as bundles
from models.common.atomic import replace_folder
from pipelines.data.file_digest import file_sha256
from pipelines.evaluation.evaluate import Evaluation
from pipelines.evaluation.plots import draw
from pipelines.evaluation.report import Report
from pipelines.settings import Config
from pipelines.training.run_record import (
    INVENTED_CALL,
    NestedRun,
    UsedData,
    description,
    errors_table,
    figures_table,
    model_card,
    used_data,
)

MODEL_FILE = Path(__file__).with_name("mlflow_model.py")
CODE = [str(Path(__file__).parents[2] / "models")]
CHAMPION, CHALLENGER, CANDIDATE = "champion", "challenger", "candidate"
NOTE = "mlflow.note.content"
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""The tag by which MLflow opens an experiment among trained models, and not among language models."""

ABOUT = "Whether an alternative-response program should answer a 911 call, the veto included; advice, never a dispatch."
EXAMPLE_FIELDS = ("narrative", "call_id", "received_at", "call_type", "source", "zone")
_DIGEST = 36  # characters: the most that MLflow keeps
_NUMBERS = {"calls_24h": "double", "calls_30d": "double", "premise_hazard": "boolean"}


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered version: its number, its run, the digest of its bundle, and the run's metrics and tags."""

    version: str
    run_id: str
    digest: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


class Store:
    """One folder of runs and registered models."""

    def __init__(self, root: Path, config: Config) -> None:
        """Set MLflow's tracking to the folder; nothing is written before the first run."""
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self.name = config.tracking.registered_model
        self._experiment = config.tracking.experiment
        self._uri = f"sqlite:///{self.root / 'mlflow.db'}"
        for library in ("mlflow", "alembic"):
            logging.getLogger(library).setLevel(logging.ERROR)
        mlflow.set_tracking_uri(self._uri)
        mlflow.set_registry_uri(self._uri)
        self.client = MlflowClient(self._uri, self._uri)

    def log(
        self,
        bundle: Path,
        evaluation: Evaluation,
        *,
        program: str,
        tags: Mapping[str, str],
        nested: Sequence[NestedRun] = (),
    ) -> Registered:
        """Record one training run with all that is needed to rebuild it, and register its model as the candidate.

        The run that `running` opened is used, or a new one. `nested` are its parts: folds, variants, trials.
        """
        manifest = bundles.read_manifest(bundle)
        training = manifest["training"]
        with self.running("training"), _quiet():
            self.log_details(
                about=description(training), tags=_tags(manifest) | {"program_id": program} | dict(tags),
                params=training["config"], metrics=_metrics(evaluation),
            )  # fmt: skip
            mlflow.log_dict(evaluation.to_record(), "evaluation.json")
            mlflow.log_table(figures_table(evaluation), "figures.json")
            mlflow.log_table(errors_table(evaluation), "wrong_answers.json")
            mlflow.log_dict(training["environment"], "environment.json")
            mlflow.log_text(model_card(manifest, evaluation), "model_card.md")
            self._log_plots(evaluation, manifest["operating_point"])
            for part in nested:
                self.log_nested(part)
            info = self._log_model(bundle, str(manifest["digest"]), program)
        return self._described(str(info.registered_model_version), manifest)

    def _described(self, version: str, manifest: Mapping[str, Any]) -> Registered:
        """Describe and tag a new version, make it the candidate, and return it."""
        training = manifest["training"]
        self.client.update_registered_model(self.name, description=ABOUT)
        self.client.update_model_version(self.name, version, description=description(training))
        lineage = {"base": training["adapted"]["base"]} if "adapted" in training else {}
        known = {"digest": manifest["digest"], "certified_on": training.get("certified_on", "unknown")}
        for name, value in (known | lineage).items():
            self.client.set_model_version_tag(self.name, version, name, str(value))
        self.client.set_registered_model_alias(self.name, CANDIDATE, version)
        return self.by_version(version)

    @contextmanager
    def running(self, name: str) -> Iterator[str]:
        """Open a run, with the machine's metrics, for the work of the `with` block, and give its id; an open run is used.

        A run whose work fails is kept and marked as failed.
        """
        if (active := mlflow.active_run()) is not None:
            yield str(active.info.run_id)
            return
        with _quiet():
            run = mlflow.start_run(experiment_id=self._experiment_id(), run_name=name, log_system_metrics=True)
        try:
            yield str(run.info.run_id)
        except BaseException:
            mlflow.end_run("FAILED")
            raise
        mlflow.end_run()

    def log_details(
        self,
        *,
        about: str,
        tags: Mapping[str, str],
        params: Mapping[str, Any] = MappingProxyType({}),
        metrics: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Record what the open run is, the data sets that its tags name, its settings and its figures."""
        with _quiet():
            mlflow.set_tags({NOTE: about} | dict(tags))
            mlflow.log_params(dict(params))
            mlflow.log_metrics(dict(metrics))
            for data in used_data(tags):
                _log_data(data)

    def log_nested(self, part: NestedRun) -> None:
        """Record one part of the open run as a run inside it."""
        with _quiet(), mlflow.start_run(experiment_id=self._experiment_id(), run_name=part.name, nested=True):
            mlflow.set_tags(dict(part.tags))
            mlflow.log_params(dict(part.params))
            mlflow.log_metrics(dict(part.metrics))

    def log_figure(self, figure: Any, table: pd.DataFrame, *, name: str) -> None:
        """Record a plot of the open run and the table that it was drawn from."""
        with _quiet():
            mlflow.log_figure(figure, f"plots/{name}.png")
            mlflow.log_table(table, f"{name}.json")

    def link(self, digest: str, links: Mapping[str, str]) -> None:
        """Tag the registered versions of a bundle with related records: an evaluation's run, a release."""
        for each in self.client.search_model_versions(f"name = '{self.name}' and tags.digest = '{digest}'"):
            for name, value in links.items():
                self.client.set_model_version_tag(self.name, str(each.version), name, value)

    def log_report(self, report: Report, data: Path) -> str:
        """Record a report, as a page and as JSON, with its figures; return the run's id."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with mlflow.start_run(experiment_id=self._experiment_id(), run_name="evaluation") as run:
                self.log_details(
                    about=f"Bundle {report.versions['model'][:16]} evaluated on {report.data}.",
                    tags={"kind": "evaluation", "data": report.data, "digest": report.versions["model"]},
                    metrics=_metrics(report.evaluation) | {"findings": float(len(report.findings))},
                )
                if data.is_file():  # and not standard input
                    _log_data(UsedData(data.name, str(data.resolve()), file_sha256(data), "evaluation"))
                mlflow.log_text(report.to_html(), "report.html")
                mlflow.log_text(json.dumps(report.to_record(), default=str), "report.json")
                mlflow.log_table(figures_table(report.evaluation), "figures.json")
                mlflow.log_table(errors_table(report.evaluation), "wrong_answers.json")
        self.link(report.versions["model"], {"evaluation_run": str(run.info.run_id), "evaluated_on": report.data})
        return str(run.info.run_id)

    def by_alias(self, alias: str) -> Registered | None:
        """Return the version that an alias names, or `None`."""
        try:
            version = self.client.get_model_version_by_alias(self.name, alias)
        except mlflow.exceptions.MlflowException:
            return None
        return self.by_version(str(version.version))

    def by_version(self, version: str) -> Registered:
        """Return a registered version."""
        registered = self.client.get_model_version(self.name, version)
        data = self.client.get_run(str(registered.run_id)).data
        return Registered(
            version, str(registered.run_id), registered.tags.get("digest", ""), dict(data.metrics), dict(data.tags)
        )

    def find_version(self, version: str) -> Registered | None:
        """Return a registered version, or `None` where there is none of this number."""
        try:
            return self.by_version(version)
        except mlflow.exceptions.MlflowException:
            return None

    def bundle_of(self, registered: Registered) -> Path:
        """Return the folder of a version's bundle."""
        local = mlflow.artifacts.download_artifacts(f"models:/{self.name}/{registered.version}", tracking_uri=self._uri)
        return Path(local) / "artifacts" / "bundle"

    def promote(self, registered: Registered, alias: str) -> Path:
        """Give a version an alias, then put its bundle where the service looks for it; either may be done already."""
        self.client.set_registered_model_alias(self.name, alias, registered.version)
        target = self.root / alias
        replace_folder(target, self.bundle_of(registered))
        return target

    def _experiment_id(self) -> str:
        """Return the id of the experiment, which is created with its artefact folder where there is none."""
        experiment = self.client.get_experiment_by_name(self._experiment)
        if experiment is not None:
            return str(experiment.experiment_id)
        location = (self.root / "artifacts").as_uri()
        return str(self.client.create_experiment(self._experiment, artifact_location=location, tags={NOTE: ABOUT} | KIND))

    def _log_plots(self, evaluation: Evaluation, point: Mapping[str, float]) -> None:
        """Draw and record the plots."""
        for name, figure in draw(evaluation, point).items():
            mlflow.log_figure(figure, f"plots/{name}.png")

    def _log_model(self, bundle: Path, digest: str, program: str) -> Any:
        """Record the bundle as a model whose prediction is the Router's decision."""
        with tempfile.TemporaryDirectory() as folder:
            identity, staged = Path(folder) / "identity.json", shutil.copytree(bundle, Path(folder) / "bundle")
            identity.write_text(json.dumps({"digest": digest, "program": program}), encoding="utf-8")
            return mlflow.pyfunc.log_model(
                name="model",
                python_model=str(MODEL_FILE),
                artifacts={"bundle": str(staged), "identity": str(identity)},
                code_paths=CODE,
                signature=signature(),
                input_example=input_example(),
                pip_requirements=_requirements(),
                registered_model_name=self.name,
            )


def signature() -> ModelSignature:
    """Return the columns of a call and of an answer; only the narrative is required, and an empty one gives REVIEW."""
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(_NUMBERS.get(name, "string"), name, required=name == "narrative") for name in FIELDS
    ]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec("string", "recommendation"),
        ColSpec("double", "eligible_probability", required=False),
        ColSpec("double", "risk_probability", required=False),
        ColSpec("string", "decision"),
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def input_example() -> pd.DataFrame:
    """Return one invented call as the registered model reads it."""
    record = INVENTED_CALL.to_record()
    return pd.DataFrame([{name: str(record[name]) for name in EXAMPLE_FIELDS}])


def _requirements() -> list[str]:
    """Return the pinned packages that the model needs."""
    names = ("mlflow", "numpy", "pandas", "pydantic")
    return [f"{name}=={version(name)}" for name in names]


def _tags(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of a run's origin."""
    training = manifest["training"]
    return {
        "digest": str(manifest["digest"]),
        "data_sha256": training["data_sha256"],
        "rulebook": training["rulebook"],
        "program": training["program"],
    }


def _log_data(data: UsedData) -> None:
    """Record which data set the open run used: its name, digest and path, and none of its rows."""
    source = resolve_dataset_source(data.path, candidate_sources=[FileSystemDatasetSource])  # type: ignore[list-item]  # it wants classes
    used = MetaDataset(source, name=data.name, digest=data.sha256[:_DIGEST])  # type: ignore[abstract]  # it is not at run time
    mlflow.log_input(used, context=data.context)


@contextmanager
def _quiet() -> Iterator[None]:
    """Ignore MLflow's warnings about its own dependencies; ours are in the lock file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return every figure with the ends of its interval, as MLflow keeps them."""
    figures = {"false_clears": float(len(evaluation.false_clears)), "n": float(evaluation.n)}
    for name, estimate in evaluation.figures.items():
        if estimate.n:
            figures |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return figures | {f"latency_{name}_ms": value for name, value in evaluation.latency_ms.items()}
