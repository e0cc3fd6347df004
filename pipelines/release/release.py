"""Let a candidate become champion, or say which gate it failed and by how much; keep the history; go back."""

from dataclasses import dataclass
from pathlib import Path

from models.classifier import bundle as bundles
from models.errors import BundleError, GateFailed, InvalidData
from models.programs.program import load_program
from models.router import Router
from models.veto.matcher import Rulebook
from pipelines.data.split import split
from pipelines.data.table import Table
from pipelines.evaluation.evaluate import evaluate, kinds
from pipelines.release import gates
from pipelines.release import history as releases
from pipelines.release.gates import Gate
from pipelines.release.history import Entry
from pipelines.settings import Config, from_flat
from pipelines.training import sources
from pipelines.training.provenance import file_sha256
from pipelines.training.sources import Source
from pipelines.training.tracking import CANDIDATE, CHALLENGER, CHAMPION, Registered, Store
from pipelines.training.train import labelled, take


@dataclass(frozen=True, slots=True)
class Released:
    """Hold what was released, on which gates, and the line of the history that says so."""

    registered: Registered
    gates: list[Gate]
    entry: Entry


def release(
    store: Store, config: Config, *, data: Path | None = None, by: str = "unknown", shadow: bool = False
) -> Released:
    """Promote the candidate where every gate holds; raise `GateFailed` naming those that do not.

    `data` are the calls it was trained on, where they no longer lie where they were; their digest is checked. With
    `shadow` the candidate becomes challenger, scored beside the champion and answering nobody, whatever the gates say.
    """
    candidate = store.by_alias(CANDIDATE)
    if candidate is None:
        raise GateFailed("no candidate to release", remedy="run heartline train first")
    champion = store.by_alias(CHAMPION)
    block = _test_block(store, candidate, data)
    router = _router(store, candidate)
    found = evaluate(router, block, config.evaluate)
    size = sum(path.stat().st_size for path in store.bundle_of(candidate).iterdir()) / 2**20
    behaved, tests = gates.behaves(router)
    judged = [*gates.limits(found, size_mib=size, config=config), *behaved]
    if champion is not None and champion.version != candidate.version:
        other = evaluate(_router(store, champion), block, config.evaluate)
        judged += gates.against(found, other, kinds(block), config=config)
    evidence = {
        "candidate": {"version": candidate.version, "digest": candidate.digest},
        "champion": {"version": champion.version, "digest": champion.digest} if champion else None,
        "data_sha256": candidate.tags["data_sha256"],
        "calls_judged": found.n,
        "gates": gates.to_record(judged),
        "behaviour": [str(test) for test in tests],
        "figures": {name: str(estimate) for name, estimate in found.figures.items()},
    }
    if (told := gates.failed(judged)) and not shadow:
        raise GateFailed(f"version {candidate.version} may not be released: {told}", remedy="the champion stays")
    store.promote(candidate, CHALLENGER if shadow else CHAMPION)
    entry = releases.add(
        store.root,
        action="shadow" if shadow else "release",
        version=candidate.version,
        digest=candidate.digest,
        by=by,
        evidence=evidence,
    )
    return Released(candidate, judged, entry)


def rollback(store: Store, *, by: str) -> Released:
    """Make the champion before the present one champion again; raise `GateFailed` where there was none."""
    earlier = releases.before(releases.read(store.root))
    if earlier is None:
        raise GateFailed("no champion before this one", remedy="release another candidate instead")
    registered = store.by_version(earlier.version)
    if registered.digest != earlier.digest:
        raise BundleError("the registry names another model", value=registered.digest, remedy=f"expected {earlier.digest}")
    bundles.load(store.bundle_of(registered), expected_digest=earlier.digest)
    store.promote(registered, CHAMPION)
    evidence = {"back_to": earlier.line()}
    entry = releases.add(
        store.root, action="rollback", version=earlier.version, digest=earlier.digest, by=by, evidence=evidence
    )
    return Released(registered, [], entry)


def _router(store: Store, registered: Registered) -> Router:
    """Load a registered model with its program; a bundle that is not the registered one is refused."""
    try:
        bundle = bundles.load(store.bundle_of(registered), expected_digest=registered.digest)
    except BundleError as error:
        raise GateFailed(f"version {registered.version} may not be released: {error}", remedy="train it again") from None
    return Router(bundle=bundle, program=load_program(registered.tags["program_id"]), rulebook=Rulebook())


def _test_block(store: Store, candidate: Registered, data: Path | None) -> Table:
    """Read the calls the candidate was trained on, and take its test block as training cut it."""
    path = data or Path(candidate.tags.get("data_path", ""))
    if not path.is_file():
        raise InvalidData(
            "the calls it was trained on are not where they were", value=str(path), remedy="name them with --data"
        )
    if file_sha256(path) != candidate.tags["data_sha256"]:
        raise InvalidData("these are not the calls it was trained on", value=str(path), remedy="name them with --data")
    manifest = bundles.read_manifest(store.bundle_of(candidate))
    entries = candidate.tags.get("ledger_entries")
    source = Source(path, candidate.tags.get("ledger_url"), int(entries) if entries else None)
    table = labelled(sources.load(source).table)
    blocks = split(table.calls, table.labels, from_flat(manifest["training"]["config"]).split)
    return take(table, blocks.test)
