"""Save and load a model as a folder: `tables.npz`, `model.skops` and `manifest.json`; refuse anything that does not match.

The tables are what scores a call; the skops file holds scikit-learn's fitted parts, from which they were made. `save` proves
the two equal, `prove` does so again, and `load` reads the tables alone, so that the service needs no scikit-learn. The
manifest holds the SHA-256 of both files, the versions they were made with, the operating point, golden scores and what the
proof found. Its own digest names the model in every decision.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.classifier import tables as look_ups
from models.classifier.features import FEATURES_VERSION, Row
from models.classifier.operating_point import OperatingPoint, provable
from models.classifier.risk import RiskTable
from models.classifier.scorer import TOLERANCE, LinearScorer, worst_difference
from models.classifier.tables import Tables
from models.common.extras import needs
from models.errors import BundleError
from models.text.normalize import TEXT_VERSION

if TYPE_CHECKING:
    from models.classifier.encoder import Parts  # scikit-learn, which the service never loads

MODEL, TABLES, MANIFEST = "model.skops", "tables.npz", "manifest.json"
MAX_MANIFEST, MAX_MODEL, MAX_TABLES = 16 * 2**20, 256 * 2**20, 64 * 2**20
"""The largest manifest in characters, and the largest files of the model and of its tables in bytes."""

FORMAT = 6


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

    `digest` names it, `scorer_difference` is how far its golden calls lay from scikit-learn's scores, `risks` has a table
    for each risk head, `vocabulary` are the single words that it has learnt, `folder` is where it was read from.
    """

    digest: str
    scorer: LinearScorer
    operating_point: OperatingPoint
    manifest: Mapping[str, Any]
    scorer_difference: float
    risks: Mapping[str, RiskTable] = field(default_factory=dict)
    adjustment: Adjustment = Adjustment()
    vocabulary: frozenset[str] = frozenset()
    folder: Path | None = None

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


@dataclass(frozen=True, slots=True)
class Proof:
    """How far a bundle's tables lie from scikit-learn: the largest difference over so many calls, at most `TOLERANCE`."""

    difference: float
    calls: int


def save(
    folder: Path,
    parts: "Parts",
    point: OperatingPoint,
    *,
    risks: Mapping[str, RiskTable],
    training: Mapping[str, Any],
    golden: Sequence[Row],
    adjustment: Adjustment | None = None,
) -> str:
    """Write a bundle and return its digest; `training` says from what and how it was made.

    The same parts and the same training give the same bytes.

    Raises
    ------
    BundleError
        The look-up tables do not give scikit-learn's scores on the golden calls, or the parts cannot be compiled.

    """
    with needs("writing a bundle"):
        from models.classifier import artefact, compiler  # noqa: PLC0415  scikit-learn, which the service never loads

    tables = _compiled(parts)
    proof = _proved(*compiler.difference_from(parts, tables, golden), where=folder)
    raw = {MODEL: artefact.to_bytes(parts), TABLES: look_ups.to_bytes(tables)}
    stock = compiler.PipelineScorer(parts)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in raw.items():
        (folder / name).write_bytes(content)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "model_sha256": _sha256(raw[MODEL]),
        "tables_sha256": _sha256(raw[TABLES]),
        "versions": _versions() | {"scikit-learn": _scikit_learn()},
        "operating_point": point.to_record(),
        "adjustment": asdict(adjustment or Adjustment()),
        "risks": {head: table.to_record() for head, table in risks.items()},
        "golden": [{"features": dict(row), "scores": compiler.recorded(stock.score(row))} for row in golden],
        "proof": asdict(proof),
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
    versions = {name: manifest["versions"].get(name) for name in _versions()}
    if versions != _versions():
        raise BundleError(
            "bundle was made with other versions",
            value=versions,
            remedy="train again with this release, or install the one that made it",
        )
    scorer = LinearScorer(_tables(folder, manifest))
    golden: list[tuple[Row, dict[str, Any]]] = [(entry["features"], entry["scores"]) for entry in manifest["golden"]]
    if not golden:
        raise BundleError("bundle has no golden calls to prove its scorer with", value=str(folder), remedy="train again")
    proof = _proved(worst_difference(scorer, golden), len(golden), where=folder)
    point = OperatingPoint(**manifest["operating_point"])
    adjustment = Adjustment(**manifest["adjustment"])
    _check_point(point, manifest["training"], adjustment)
    risks = {head: RiskTable.from_record(record) for head, record in manifest["risks"].items()}
    return Bundle(digest, scorer, point, manifest, proof.difference, risks, adjustment, scorer.vocabulary, folder)


def load_parts(folder: Path) -> "Parts":
    """Return scikit-learn's fitted parts of a bundle.

    Raises
    ------
    BundleError
        A digest, scikit-learn's version or a type does not match.
    MissingExtra
        `heartline[train]` is not installed.

    """
    with needs("reading a model's parts"):
        from models.classifier import artefact  # noqa: PLC0415  scikit-learn, which the service never loads

    manifest = read_manifest(folder)
    if manifest["versions"].get("scikit-learn") != _scikit_learn():
        raise BundleError(
            "bundle was made with another scikit-learn",
            value=manifest["versions"].get("scikit-learn"),
            remedy="train again with this release, or install the one that made it",
        )
    return artefact.from_bytes(_checked(folder, MODEL, manifest["model_sha256"], limit=MAX_MODEL), where=folder)


def prove(folder: Path, rows: Iterable[Row] = ()) -> Proof:
    """Prove a bundle's tables anew: made again from scikit-learn's parts, and scored beside them on golden and other rows.

    Raises
    ------
    BundleError
        The tables are not those of the parts, or a score differs by more than `TOLERANCE`; or as `load` and `load_parts`.

    """
    with needs("proving a bundle"):
        from models.classifier import compiler  # noqa: PLC0415  scikit-learn, which the service never loads

    bundle, parts = load(folder), load_parts(folder)
    tables = _compiled(parts)
    if look_ups.to_bytes(_tables(folder, bundle.manifest)) != look_ups.to_bytes(tables):
        raise BundleError("the tables are not those of the model", value=str(folder), remedy="train it again")
    golden = [entry["features"] for entry in bundle.manifest["golden"]]
    return _proved(*compiler.difference_from(parts, tables, [*golden, *rows]), where=folder)


def _compiled(parts: "Parts") -> Tables:
    """Return fitted parts as tables; raise `BundleError` for parts that no table can stand for."""
    with needs("proving a bundle"):
        from models.classifier import compiler  # noqa: PLC0415  scikit-learn, which the service never loads

    try:
        return compiler.compiled(parts)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise BundleError("the model cannot be compiled", value=str(error), remedy="use linear heads") from None


def _tables(folder: Path, manifest: Mapping[str, Any]) -> Tables:
    """Return the tables of a folder; raise `BundleError` where they are not those of the manifest."""
    raw = _checked(folder, TABLES, manifest["tables_sha256"], limit=MAX_TABLES)
    try:
        return look_ups.from_bytes(raw)
    except ValueError as error:
        raise BundleError("the tables cannot be read", value=str(error), remedy="restore or retrain it") from None


def _checked(folder: Path, name: str, sha256: str, *, limit: int) -> bytes:
    """Return the content of a file of a bundle; raise `BundleError` where it is too large or another than was saved."""
    if not (folder / name).is_file():
        raise BundleError(f"bundle has no {name}", value=str(folder), remedy="restore or retrain it")
    if (folder / name).stat().st_size > limit:
        raise BundleError(f"{name} is too large", value=str(folder), remedy=f"at most {limit} bytes are read")
    raw = (folder / name).read_bytes()
    if _sha256(raw) != sha256:
        raise BundleError(f"{name} was changed after it was saved", value=str(folder), remedy="restore or retrain it")
    return raw


def _proved(difference: float, calls: int, *, where: Path) -> Proof:
    """Return a proof; raise `BundleError` where the tables and scikit-learn lie further apart than `TOLERANCE`."""
    if not difference <= TOLERANCE:
        raise BundleError(
            "the look-up tables do not give scikit-learn's scores",
            value=f"{difference:g} in {where}",
            remedy="train again with this release",
        )
    return Proof(difference, calls)


def _check_point(point: OperatingPoint, training: Mapping[str, Any], adjustment: Adjustment) -> None:
    """Raise `BundleError` where the thresholds cannot be those that were certified."""
    if training.get("review_only"):
        return  # the policy never clears a call by such a bundle
    floor = adjustment.apply(float(training.get("config", {}).get("threshold.min_probability", 0.0))) - 1e-9
    in_order = 0.0 <= point.not_eligible_below <= point.eligible_at <= 1.0 and point.eligible_at >= floor
    proved = provable(point.n_ineligible, max_rate=point.max_false_clear, confidence=point.confidence)
    if not in_order or point.eligible_at <= 0.0 or not proved:
        raise BundleError("the operating point is not a certified one", value=point.eligible_at, remedy="train again")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder, its own digest checked; raise `BundleError`."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        content: Any = json.loads(text) if len(text) <= MAX_MANIFEST else {}
    except (OSError, ValueError, RecursionError):
        content = {}
    manifest: dict[str, Any] = content if isinstance(content, dict) else {}
    if not manifest:
        raise BundleError("no bundle here", value=str(folder), remedy="run heartline train, then heartline release")
    if manifest.get("format") != FORMAT and manifest.get("digest") == _digest(manifest):
        raise BundleError(
            "bundle is of another format",
            value=manifest.get("format"),
            remedy=f"train again with this release, which reads format {FORMAT}, or install the one that made it",
        )
    if manifest.get("format") != FORMAT or manifest.get("digest") != _digest(manifest):
        raise BundleError("manifest was changed after it was saved", value=str(folder), remedy="restore or retrain it")
    return manifest


def _versions() -> dict[str, str]:
    """Return the versions that decide what a bundle's tables are looked up with."""
    return {"text": TEXT_VERSION, "features": FEATURES_VERSION}


def _scikit_learn() -> str:
    """Return the minor version of scikit-learn, by which skops files are read back."""
    return ".".join(version("scikit-learn").split(".")[:2])


def _digest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest without its digest, over canonical JSON."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return _sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))


def _sha256(raw: bytes) -> str:
    """Return a SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()
