"""Save and load a model as a folder: `model.skops` and `manifest.json`; refuse anything that does not match.

The manifest holds the SHA-256 of the artefact, the versions it was made with, the operating point and golden scores.
Its own digest names the model in every decision. The allow-list of types lives here and never in the artefact.
"""

import hashlib
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import sklearn
import skops.io

from models.classifier.encoder import Parts
from models.classifier.features import FEATURES_VERSION, Row
from models.classifier.operating_point import OperatingPoint, allowed_errors
from models.classifier.risk import RiskTable
from models.classifier.scorer import PipelineScorer, Scorer, proved
from models.errors import BundleError
from models.text.normalize import TEXT_VERSION

MODEL, MANIFEST = "model.skops", "manifest.json"
MAX_MANIFEST, MAX_MODEL, MAX_UNPACKED = 16 * 2**20, 256 * 2**20, 2**30
"""The largest manifest in characters, model file in bytes, and content of a model file when it is unpacked."""

FORMAT = 5
ALLOWED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
)
"""Types beyond scikit-learn's public ones, which skops trusts by itself, that an artefact may hold."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Slope and intercept that turn the model's log-odds of eligibility into those of the calls it was measured on."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, probability: float) -> float:
        """Return the adjusted probability; 0 and 1 stay what they are."""
        if not 0 < probability < 1:
            return probability
        logit = self.intercept + self.slope * math.log(probability / (1 - probability))
        return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded model.

    `digest` names it, `scorer_difference` is what its proof found, `risks` has a table for each risk head.
    """

    digest: str
    scorer: Scorer
    parts: Parts
    operating_point: OperatingPoint
    manifest: Mapping[str, Any]
    scorer_difference: float
    risks: Mapping[str, RiskTable] = field(default_factory=dict)
    adjustment: Adjustment = Adjustment()

    @property
    def compiled(self) -> bool:
        """Return whether the fast scorer proved itself equal to scikit-learn."""
        return not isinstance(self.scorer, PipelineScorer)

    @property
    def certified_on(self) -> str:
        """Return on which calls the promise was proved: synthetic calls, reference notes, or a city's own."""
        return str(self.manifest.get("training", {}).get("certified_on", "unknown"))

    @property
    def review_only(self) -> bool:
        """Return whether the bundle must never say ELIGIBLE, because no threshold could be certified for it."""
        return bool(self.manifest.get("training", {}).get("review_only", False))

    @property
    def learnt_types(self) -> frozenset[str]:
        """Return the call types of which the model met enough eligible calls to have learnt them."""
        return frozenset(self.manifest.get("training", {}).get("learnt_types", ()))

    @property
    def vocabulary(self) -> frozenset[str]:
        """Return the single words that the classifier has learnt."""
        for name, block, _ in self.parts["encoder"].transformers_:
            if name == "words":
                return frozenset(term for term in block.vocabulary_ if " " not in term)
        return frozenset()


def save(
    folder: Path,
    parts: Parts,
    point: OperatingPoint,
    *,
    risks: Mapping[str, RiskTable],
    training: Mapping[str, Any],
    golden: Sequence[Row],
    adjustment: Adjustment | None = None,
) -> str:
    """Write a bundle and return its digest; `training` says from what and how it was made.

    The same parts and the same training give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(_canonical(skops.io.dumps(parts)))
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "model_sha256": _sha256((folder / MODEL).read_bytes()),
        "versions": _versions(),
        "operating_point": point.to_record(),
        "adjustment": asdict(adjustment or Adjustment()),
        "risks": {head: table.to_record() for head, table in risks.items()},
        "golden": [_golden(parts, features) for features in golden],
        "training": dict(training),
    }
    manifest["digest"] = _digest(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False), encoding="utf-8")
    return str(manifest["digest"])


def load(folder: Path, *, expected_digest: str | None = None) -> Bundle:
    """Return the bundle of a folder; raise `BundleError` where a digest, a version or a type does not match."""
    manifest = read_manifest(folder)
    digest = str(manifest["digest"])
    if expected_digest is not None and digest != expected_digest:
        raise BundleError("this is another model", value=digest, remedy=f"expected {expected_digest}")
    if manifest["versions"] != _versions():
        raise BundleError(
            "bundle was made with other versions",
            value=manifest["versions"],
            remedy="train again with this release, or install the one that made it",
        )
    if (folder / MODEL).stat().st_size > MAX_MODEL:
        raise BundleError("model file is too large", value=str(folder), remedy=f"at most {MAX_MODEL} bytes are read")
    raw = (folder / MODEL).read_bytes()
    if _sha256(raw) != manifest["model_sha256"]:
        raise BundleError("model file was changed after it was saved", value=str(folder), remedy="restore or retrain it")
    with ZipFile(io.BytesIO(raw)) as packed:
        if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
            raise BundleError("model file unpacks to too much", value=str(folder), remedy="do not use this file")
    foreign = sorted(set(skops.io.get_untrusted_types(data=raw)) - set(ALLOWED_TYPES))
    if foreign:
        raise BundleError("model file holds a type that is not allowed", value=foreign[0], remedy="do not use this file")
    parts: Parts = skops.io.loads(raw, trusted=list(ALLOWED_TYPES))
    golden: list[tuple[Row, dict[str, Any]]] = [(entry["features"], entry["scores"]) for entry in manifest["golden"]]
    if not golden:
        raise BundleError("bundle has no golden calls to prove its scorer with", value=str(folder), remedy="train again")
    scorer, difference = proved(parts, golden)
    point = OperatingPoint(**manifest["operating_point"])
    adjustment = Adjustment(**manifest["adjustment"])
    _check_point(point, manifest["training"], adjustment)
    risks = {head: RiskTable.from_record(record) for head, record in manifest["risks"].items()}
    return Bundle(digest, scorer, parts, point, manifest, difference, risks, adjustment)


def _check_point(point: OperatingPoint, training: Mapping[str, Any], adjustment: Adjustment) -> None:
    """Raise `BundleError` where the thresholds cannot be those that were certified."""
    if training.get("review_only"):
        return  # the policy never clears a call by such a bundle
    floor = adjustment.apply(float(training.get("config", {}).get("threshold.min_probability", 0.0))) - 1e-9
    in_order = 0.0 <= point.not_eligible_below <= point.eligible_at <= 1.0 and point.eligible_at >= floor
    proved_by = allowed_errors(point.n_ineligible, max_rate=point.max_false_clear, confidence=point.confidence)
    if not in_order or point.eligible_at <= 0.0 or proved_by < 0:
        raise BundleError("the operating point is not a certified one", value=point.eligible_at, remedy="train again")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder, its own digest checked; raise `BundleError`."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        content: Any = json.loads(text) if len(text) <= MAX_MANIFEST else {}
    except (OSError, ValueError, RecursionError):
        content = {}
    manifest: dict[str, Any] = content if isinstance(content, dict) else {}
    if not manifest or not (folder / MODEL).is_file():
        raise BundleError("no bundle here", value=str(folder), remedy="run heartline train, then heartline release")
    if manifest.get("format") != FORMAT or manifest.get("digest") != _digest(manifest):
        raise BundleError("manifest was changed after it was saved", value=str(folder), remedy="restore or retrain it")
    return manifest


def _canonical(raw: bytes) -> bytes:
    """Rewrite a skops file so that equal models give equal bytes: numbers for memory addresses, one date, one order."""
    with ZipFile(io.BytesIO(raw)) as given:
        schema = given.read("schema.json").decode("utf-8")
        order: dict[str, str] = {}
        for address in re.findall(r'"__id__": (\d+)', schema):
            order.setdefault(address, str(len(order) + 1))
        schema = re.sub(r'"__id__": (\d+)', lambda match: f'"__id__": {order[match.group(1)]}', schema)
        # A vectoriser remembers where its list of stop words lay, which nothing reads again.
        schema = re.sub(r'("_stop_words_id": \{[^}]*?"content": )"\d+"', r'\1"0"', schema)
        names = {name: order.get(Path(name).stem, Path(name).stem) + Path(name).suffix for name in given.namelist()}
        schema = re.sub(r'"file": "([^"]+)"', lambda match: f'"file": "{names[match.group(1)]}"', schema)
        parts = {names[name]: given.read(name) for name in given.namelist() if name != "schema.json"}
    made = io.BytesIO()
    with ZipFile(made, "w", compression=ZIP_DEFLATED) as written:
        for name, part in sorted({**parts, "schema.json": schema.encode("utf-8")}.items()):
            written.writestr(ZipInfo(name), part, compress_type=ZIP_DEFLATED)
    return made.getvalue()


def _golden(parts: Parts, features: Row) -> dict[str, Any]:
    """Return scikit-learn's own scores of one row of features."""
    scores = PipelineScorer(parts).score(features)
    plain = {"heads": scores.probabilities, "response": scores.response}
    return {"features": dict(features), "scores": plain}


def _versions() -> dict[str, str]:
    """Return the versions that a bundle depends on; scikit-learn by its minor version."""
    minor = ".".join(sklearn.__version__.split(".")[:2])
    return {"text": TEXT_VERSION, "features": FEATURES_VERSION, "scikit-learn": minor}


def _digest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest without its digest, over canonical JSON."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return _sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))


def _sha256(raw: bytes) -> str:
    """Return a SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()
