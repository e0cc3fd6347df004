"""Release of a candidate as champion where every gate holds, and rollback to the champion before."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.classifier import bundle as bundles
from models.errors import BundleError, GateFailed, InvalidConfig, InvalidData
from models.programs.kept import program_of
from models.router import Router, matcher_of
from pipelines.data.file_digest import file_sha256
from pipelines.data.split import split
from pipelines.data.table import Table, labelled, take
from pipelines.evaluation.behaviour import Behaviour
from pipelines.evaluation.evaluate import Evaluation, evaluate, type_labels
from pipelines.release import gates
from pipelines.release import history as releases
from pipelines.release.gates import Gate
from pipelines.release.history import Entry
from pipelines.release.proof import prove
from pipelines.release.state import promote
from pipelines.settings import Config, from_flat
from pipelines.training import sources
from pipelines.training.sources import Source
from pipelines.training.tracking import CANDIDATE, CHALLENGER, CHAMPION, Registered, Store


@dataclass(frozen=True, slots=True)
class Released:
    """A released model, its gates, and its entry in the history."""

    registered: Registered
    gates: list[Gate]
    entry: Entry


def release(
    store: Store, config: Config, *, data: Path | None = None, by: str = "unknown", shadow: bool = False
) -> Released:
    """Promote the candidate and return the release; raise `GateFailed` naming the gates that do not hold.

    `data` is the file of the calls it was trained on, where that was moved; its digest is checked. With `shadow` the
    candidate becomes challenger whether or not the gates hold: it is scored beside the champion, and its answers are not
    shown. The history is written first, then registry and folder; `state.repair` completes an interrupted release.
    """
    candidate = store.by_alias(CANDIDATE)
    if candidate is None:
        raise GateFailed("no candidate to release", remedy="run heartline train first")
    champion = store.by_alias(CHAMPION)
    block = _test_block(store, candidate, data)
    router = _router(store, candidate)
    proof = _proof(store, candidate, router, block)
    evaluation = evaluate(router, block, config.evaluate)
    size = sum(path.stat().st_size for path in store.bundle_of(candidate).iterdir()) / 2**20
    behaviour, tests = gates.behaviour_gates(router, slack=config.release.behaviour_slack)
    measured = [*gates.limits(evaluation, size_mib=size, config=config), *behaviour]
    types = type_labels(block, call_types=router.program.call_types)
    for name, rival in _rivals(store, candidate, champion, block, config).items():
        measured += gates.against(evaluation, rival, types, config=config, name=name)
    if (failures := gates.failed(measured)) and not shadow:
        raise GateFailed(f"version {candidate.version} may not be released: {failures}", remedy="the champion is unchanged")
    entry = releases.add(
        store.root,
        action=releases.SHADOW if shadow else releases.RELEASE,
        version=candidate.version,
        digest=candidate.digest,
        by=by,
        evidence=_evidence(candidate, champion, evaluation, measured, tests) | {"proof": asdict(proof)},
    )
    promote(store, candidate, CHALLENGER if shadow else CHAMPION)
    store.link(candidate.digest, {"release": entry.evidence, "released_at": entry.at, "released_by": by})
    return Released(candidate, measured, entry)


def rollback(store: Store, *, by: str) -> Released:
    """Make the champion before the present one champion again, and return it; raise `GateFailed` where there was none."""
    earlier = releases.previous_champion(releases.read(store.root))
    if earlier is None:
        raise GateFailed("no champion before this one", remedy="release another candidate instead")
    registered = store.by_version(earlier.version)
    if registered.digest != earlier.digest:
        raise BundleError("the registry names another model", value=registered.digest, remedy=f"expected {earlier.digest}")
    bundles.load(store.bundle_of(registered), expected_digest=earlier.digest)
    evidence = {"back_to": earlier.line()}
    entry = releases.add(
        store.root, action=releases.ROLLBACK, version=earlier.version, digest=earlier.digest, by=by, evidence=evidence
    )
    promote(store, registered, CHAMPION)
    return Released(registered, [], entry)


def _rivals(
    store: Store, candidate: Registered, champion: Registered | None, block: Table, config: Config
) -> dict[str, Evaluation]:
    """Return the evaluations that a candidate is compared with: the champion's, and that of the best champion so far.

    Each release allows a small loss, and these would add up if only the champion were compared. Earlier champions count
    where they can still be loaded and keep the promise on false clears on this block.
    """
    if champion is None:
        return {}
    rivals: dict[str, Evaluation] = {}
    if champion.version != candidate.version:
        rivals["the champion"] = evaluate(_router(store, champion), block, config.evaluate)
    promoted = {entry.version for entry in releases.read(store.root) if entry.action != releases.SHADOW}
    past: dict[str, Evaluation] = {}
    for version in sorted(promoted - {champion.version, candidate.version}):
        try:
            router = _router(store, store.by_version(version))
        except (GateFailed, InvalidConfig):
            continue  # the model of an earlier release can no longer be loaded
        evaluation = evaluate(router, block, config.evaluate)
        if evaluation.figures["false_clear_rate"].low <= config.threshold.max_false_clear:
            past[version] = evaluation
    if past:
        best = max(past, key=lambda version: past[version].figures["recall"].value)
        rivals[f"the best champion so far (version {best})"] = past[best]
    return rivals


def _evidence(
    candidate: Registered,
    champion: Registered | None,
    evaluation: Evaluation,
    measured: list[Gate],
    tests: list[Behaviour],
) -> dict[str, Any]:
    """Return the evidence of a release as plain JSON values."""
    return {
        "candidate": {"version": candidate.version, "digest": candidate.digest},
        "champion": {"version": champion.version, "digest": champion.digest} if champion else None,
        "data_sha256": candidate.tags["data_sha256"],
        "calls_judged": evaluation.n,
        "gates": gates.to_record(measured),
        "behaviour": [str(test) for test in tests],
        "figures": {name: str(estimate) for name, estimate in evaluation.figures.items()},
    }


def _proof(store: Store, candidate: Registered, router: Router, block: Table) -> bundles.Proof:
    """Return the proof of a candidate's tables on its test block; raise `GateFailed` where they differ from scikit-learn."""
    try:
        return prove(store.bundle_of(candidate), router.program, block.calls)
    except BundleError as error:
        raise GateFailed(f"version {candidate.version} may not be released: {error}", remedy="train it again") from None


def _router(store: Store, registered: Registered) -> Router:
    """Return a router of a registered model and its program; raise `GateFailed` where the bundle was changed."""
    try:
        folder = store.bundle_of(registered)
        bundle = bundles.load(folder, expected_digest=registered.digest)
    except BundleError as error:
        raise GateFailed(f"version {registered.version} may not be released: {error}", remedy="train it again") from None
    program = program_of(folder, registered.tags["program_id"], version=str(bundle.manifest["training"]["program"]))
    return Router(bundle=bundle, program=program, matcher=matcher_of(program))


def _test_block(store: Store, candidate: Registered, data: Path | None) -> Table:
    """Return the test block of the calls that the candidate was trained on; raise `InvalidData` where they are missing."""
    path = data or Path(candidate.tags.get("data_path", ""))
    if not path.is_file():
        raise InvalidData("the file of the training calls is missing", value=str(path), remedy="name it with --data")
    if file_sha256(path) != candidate.tags["data_sha256"]:
        remedy = "name their file with --data"
        raise InvalidData("these are not the calls it was trained on", value=str(path), remedy=remedy)
    manifest = bundles.read_manifest(store.bundle_of(candidate))
    entries = candidate.tags.get("ledger_entries")
    source = Source(path, sources.recorded_ledger(candidate.tags), int(entries) if entries else None)
    table = labelled(sources.load(source).table)
    blocks = split(table.calls, table.labels, from_flat(manifest["training"]["config"]).split)
    return take(table, blocks.test)
