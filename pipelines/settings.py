"""Read the pipeline's settings; an unknown key or a value of another kind is an error that names it."""

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from models.classifier.encoder import INPUTS, ClassifierSettings
from models.errors import InvalidConfig

DEFAULT_CONFIG = Path(__file__).with_name("default.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesiseSettings:
    """Hold how the synthetic corpus is made."""

    calls: int
    seed: int
    days: int
    label_noise: float
    served_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """Hold the shares of the first three blocks in time."""

    fit: float
    calibrate: float
    certify: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSettings:
    """Hold the promises that the operating point keeps."""

    confidence: float
    max_false_clear: float
    max_dangerous_clear: float
    adverse_is_dangerous: bool
    max_adverse_share: float
    max_missed_eligible: float
    min_probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings:
    """Hold how intervals are made."""

    confidence: float
    bootstrap: int
    calibration_bins: int
    max_recall_gap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """Hold the limits beyond which use is no longer what the model was trained for."""

    max_psi: float
    max_missing_gap: float
    max_unfit: float
    max_unmapped: float
    min_week: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    """Hold the gates a candidate must pass."""

    min_auc: float
    max_calibration_error: float
    max_p99_ms: float
    max_mib: float
    min_slice: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainSettings:
    """Hold how much a label counts by where it came from."""

    weight_adjudicated: float
    weight_clinician: float
    weight_override: float
    weight_outcome: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingSettings:
    """Hold the names under which MLflow keeps runs and models."""

    experiment: str
    registered_model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Hold every setting of the pipeline."""

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
        """Return every setting as `section.key`, for MLflow."""
        return {f"{section}.{key}": value for section, values in asdict(self).items() for key, value in values.items()}


def load_config(path: Path | None = None) -> Config:
    """Read the defaults and lay a file over them; raise `InvalidConfig` naming the key."""
    table = _read(DEFAULT_CONFIG)
    for section, values in (_read(path) if path else {}).items():
        if section not in table or not isinstance(values, dict):
            raise InvalidConfig("unknown section in config", value=section, remedy=f"use one of: {', '.join(table)}")
        table[section] |= values
    kinds = {field.name: field.type for field in fields(Config)}
    config = Config(**{section: _section(section, kinds[section], values) for section, values in table.items()})
    if config.classifier.inputs not in INPUTS:
        raise InvalidConfig("classifier.inputs is not known", value=config.classifier.inputs, remedy=f"one of {INPUTS}")
    return config


def from_flat(flat: dict[str, Any]) -> Config:
    """Read what `Config.flat` wrote; raise `InvalidConfig` where another release wrote it."""
    table: dict[str, dict[str, Any]] = {field.name: {} for field in fields(Config)}
    for name, value in flat.items():
        section, _, key = name.partition(".")
        table.setdefault(section, {})[key] = value
    kinds = {field.name: field.type for field in fields(Config)}
    try:
        return Config(**{section: _section(section, kinds[section], values) for section, values in table.items()})
    except (KeyError, TypeError) as error:
        raise InvalidConfig("these settings are of another release", value=str(error), remedy="train again") from None


def _read(path: Path) -> dict[str, Any]:
    """Read one TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig("config cannot be read", value=str(path), remedy=str(error)) from None


def _section(section: str, kind: Any, values: dict[str, Any]) -> Any:
    """Check one section against its class."""
    wanted: dict[str, type] = get_type_hints(kind)
    for key, value in values.items():
        if key not in wanted:
            raise InvalidConfig("unknown key in config", value=f"{section}.{key}", remedy="see pipelines/default.toml")
        allowed = (int, float) if wanted[key] is float else wanted[key]
        if not isinstance(value, allowed) or isinstance(value, bool) != (wanted[key] is bool):
            raise InvalidConfig(f"{section}.{key} is of another kind", value=value, remedy=f"give {wanted[key].__name__}")
    return kind(**values)
