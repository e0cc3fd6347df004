"""Save and load a model as a folder: `model.skops` and `manifest.json`; refuse anything that does not match.

The manifest holds the SHA-256 of the artefact, the versions it was made with, the operating point and golden scores.
Its own digest names the model in every decision. The allow-list of types lives here and never in the artefact.
"""

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import sklearn
import skops.io

from models.call import Call
from models.classifier.encoder import Parts
from models.classifier.features import FEATURES_VERSION, row
from models.classifier.golden import GOLDEN_CALLS
from models.classifier.operating_point import OperatingPoint
from models.classifier.risk import RiskTable
from models.classifier.scorer import PipelineScorer, Scorer, proved
from models.errors import BundleError
from models.text.normalize import TEXT_VERSION

MODEL, MANIFEST = "model.skops", "manifest.json"
FORMAT = 2
NO_RISK_TABLE = RiskTable((), ())
ALLOWED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
)
"""Types beyond scikit-learn's public ones, which skops trusts by itself, that an artefact may hold."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Hold a loaded model; `digest` names it, `scorer_difference` is what its proof found."""

    digest: str
    scorer: Scorer
    parts: Parts
    operating_point: OperatingPoint
    manifest: Mapping[str, Any]
    scorer_difference: float
    risk: RiskTable = NO_RISK_TABLE

    @property
    def compiled(self) -> bool:
        """Tell whether the fast scorer proved itself equal to scikit-learn."""
        return not isinstance(self.scorer, PipelineScorer)


def save(folder: Path, parts: Parts, point: OperatingPoint, *, risk: RiskTable, training: Mapping[str, Any]) -> str:
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
        "risk": risk.to_record(),
        "golden": [_golden(parts, call) for call in GOLDEN_CALLS],
        "training": dict(training),
    }
    manifest["digest"] = _digest(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False), encoding="utf-8")
    return str(manifest["digest"])


def load(folder: Path, *, expected_digest: str | None = None) -> Bundle:
    """Read a bundle; raise `BundleError` where a digest, a version or a type does not match."""
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
    raw = (folder / MODEL).read_bytes()
    if _sha256(raw) != manifest["model_sha256"]:
        raise BundleError("model file was changed after it was saved", value=str(folder), remedy="restore or retrain it")
    foreign = sorted(set(skops.io.get_untrusted_types(data=raw)) - set(ALLOWED_TYPES))
    if foreign:
        raise BundleError("model file holds a type that is not allowed", value=foreign[0], remedy="do not use this file")
    parts: Parts = skops.io.loads(raw, trusted=list(ALLOWED_TYPES))
    golden = [(Call.from_record(entry["call"]), entry["scores"]) for entry in manifest["golden"]]
    scorer, difference = proved(parts, golden)
    point = OperatingPoint(**manifest["operating_point"])
    return Bundle(digest, scorer, parts, point, manifest, difference, RiskTable.from_record(manifest["risk"]))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read a manifest and check its own digest; raise `BundleError`."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = {}
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


def _golden(parts: Parts, call: Call) -> dict[str, Any]:
    """Record scikit-learn's own scores of one call."""
    scores = PipelineScorer(parts).score(row(call))
    plain = {"eligible": scores.eligible, "risk": scores.risk, "response": scores.response}
    return {"call": call.to_record(), "scores": plain}


def _versions() -> dict[str, str]:
    """Name what a bundle depends on; scikit-learn by its minor version."""
    minor = ".".join(sklearn.__version__.split(".")[:2])
    return {"text": TEXT_VERSION, "features": FEATURES_VERSION, "scikit-learn": minor}


def _digest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest without its digest, over canonical JSON."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return _sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))


def _sha256(raw: bytes) -> str:
    """Return a SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()
