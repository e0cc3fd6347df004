"""The pipeline's settings, validated: an unknown key or a wrong value raises an error that names it."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from models.classifier.settings import INPUTS, ClassifierSettings
from models.common.config import read_toml, refusal
from models.errors import InvalidConfig

DEFAULT_CONFIG = Path(__file__).with_name("default.toml")
STRICT = ConfigDict(extra="forbid", strict=True)

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def strict_dataclass(kind: type[Kind]) -> type[Kind]:
    """Return a frozen dataclass whose fields are validated when it is made; an unknown field is an error."""
    strict: Any = dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
    return cast("type[Kind]", strict(kind))


@strict_dataclass
class SynthesiseSettings:
    """The size and nature of the synthetic corpus."""

    calls: Positive
    seed: int
    days: Positive
    label_noise: Share
    served_share: Share


@strict_dataclass
class SplitSettings:
    """The shares of the first three blocks in time, the rest being the test block; how unlike its weeks one may be."""

    fit: Share
    calibrate: Share
    certify: Share
    max_gap: Share


@strict_dataclass
class ThresholdSettings:
    """The promises that the operating point keeps."""

    confidence: Share
    max_false_clear: Share
    max_dangerous_clear: Share
    adverse_is_dangerous: bool
    max_adverse_share: Share
    max_missed_eligible: Share
    min_probability: Share
    unmeasured_probability: Share
    max_low_risk: Share
    max_unfamiliar: Share


@strict_dataclass
class EvaluateSettings:
    """How figures and their intervals are made."""

    confidence: Share
    bootstrap: Positive
    calibration_bins: Positive
    max_recall_gap: Share


@strict_dataclass
class MonitorSettings:
    """The limits beyond which `heartline monitor` raises an alarm."""

    max_psi: float
    max_missing_gap: Share
    max_unfit: Share
    max_unmapped: Share
    min_week: Positive
    confidence: Share


@strict_dataclass
class ReleaseSettings:
    """The gates that a candidate must pass."""

    min_auc: Share
    max_calibration_error: Share
    max_p99_ms: float
    max_mib: float
    behaviour_slack: float
    min_subgroup: Positive
    max_recall_loss: Share
    max_recall_loss_by_type: Share
    max_false_clear_gain: Share


@strict_dataclass
class RetrainSettings:
    """The weight of a label by its source."""

    weight_adjudicated: float
    weight_clinician: float
    weight_override: float
    weight_outcome: float


@strict_dataclass
class TrackingSettings:
    """The names under which MLflow keeps runs and models."""

    experiment: str
    registered_model: str


@strict_dataclass
class Config:
    """Every setting of the pipeline."""

    synthesise: SynthesiseSettings
    split: SplitSettings
    classifier: ClassifierSettings
    threshold: ThresholdSettings
    evaluate: EvaluateSettings
    monitor: MonitorSettings
    release: ReleaseSettings
    retrain: RetrainSettings
    tracking: TrackingSettings

    def flat(self) -> dict[str, Any]:
        """Return every setting as `section.key`, for MLflow and the bundle's manifest."""
        return {f"{section}.{key}": value for section, values in asdict(self).items() for key, value in values.items()}


def load_config(path: Path | None = None) -> Config:
    """Return the defaults with a file's values laid over them; raise `InvalidConfig` naming the key at fault.

    >>> load_config().threshold.max_false_clear
    0.05
    """
    table = read_toml(DEFAULT_CONFIG)
    for section, values in (read_toml(path) if path else {}).items():
        if section not in table or not isinstance(values, dict):
            raise InvalidConfig("unknown section in config", value=section, remedy=f"use one of: {', '.join(table)}")
        table[section] |= values
    return _config(table)


def from_flat(flat: dict[str, Any]) -> Config:
    """Return the settings that `Config.flat` wrote; raise `InvalidConfig` where another release wrote them."""
    table: dict[str, dict[str, Any]] = {field.name: {} for field in fields(Config)}
    for name, value in flat.items():
        section, _, key = name.partition(".")
        table.setdefault(section, {})[key] = value
    try:
        return _config(table)
    except InvalidConfig as error:
        raise InvalidConfig("these settings are of another release", value=str(error), remedy="train again") from None


def validated(kind: type[Kind], table: Any, *, remedy: str) -> Kind:
    """Return a table as an object of `kind`; raise `InvalidConfig` naming the first key at fault, its value and a remedy."""
    try:
        return TypeAdapter(kind).validate_json(json.dumps(table))  # strict mode takes tables and lists only as JSON
    except ValidationError as error:
        raise refusal(error, what="config", remedy=remedy) from None


def _config(table: dict[str, dict[str, Any]]) -> Config:
    """Return the validated settings."""
    config = validated(Config, table, remedy="see pipelines/default.toml")
    if config.classifier.inputs not in INPUTS:
        raise InvalidConfig("classifier.inputs is not known", value=config.classifier.inputs, remedy=f"one of {INPUTS}")
    return config
