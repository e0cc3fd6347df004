"""The champion and challenger as the history, the registry and the folder name them, and the repair of a difference.

A release writes the history first, then the registry, then the folder. The history decides: wherever a release was
interrupted, the other two are brought to agree with it, and until then the folder holds the complete model before.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from models.classifier import bundle as bundles
from models.errors import BundleError, InvalidData
from pipelines.release import history as releases
from pipelines.release.history import Entry
from pipelines.training.tracking import CHALLENGER, CHAMPION, Registered, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseState:
    """The digests that history, registry and folder name for one alias; `None` where one names no model."""

    alias: str
    history: str | None
    registry: str | None
    folder: str | None
    fault: str | None = None
    """Why the folder's model cannot be loaded; `None` where it can, or where there is none."""

    @property
    def agrees(self) -> bool:
        """Return whether all three name the same model, and the folder's can be loaded."""
        return self.history == self.registry == self.folder and self.fault is None

    def __str__(self) -> str:
        """Return the three in one line."""
        named = {"history": self.history, "registry": self.registry, "folder": self.folder}
        places = ", ".join(f"{place} {digest[:16] if digest else 'none'}" for place, digest in named.items())
        verdict = "agree" if self.agrees else "DIFFER" if self.fault is None else f"BROKEN: {self.fault}"
        return f"{self.alias}: {places}: {verdict}"


def states(store: Store) -> list[ReleaseState]:
    """Return the state of champion and challenger; raise `InvalidData` where the history was changed."""
    return [_state(store, alias, entry) for alias, entry in _decided(store.root).items()]


def repair(store: Store) -> list[ReleaseState]:
    """Make registry and folder agree with the history where they differ, and return the states afterwards.

    Raises `InvalidData` where the registry lacks the model that the history names, or has it with another digest, and
    `BundleError` where its bundle was changed. An alias that the history does not name is left unchanged.
    """
    for alias, entry in _decided(store.root).items():
        for unfinished in store.root.glob(f".{alias}-new-*"):
            shutil.rmtree(unfinished)
        if entry is not None and not _state(store, alias, entry).agrees:
            promote(store, _registered(store, entry), alias)
    return states(store)


def promote(store: Store, registered: Registered, alias: str) -> None:
    """Check a registered model by its digest, then set the alias and write the folder; raise `BundleError`."""
    bundles.load(store.bundle_of(registered), expected_digest=registered.digest)
    store.promote(registered, alias)


def _decided(root: Path) -> dict[str, Entry | None]:
    """Return the entry of the history for each alias."""
    entries = releases.read(root)
    return {CHAMPION: releases.champion(entries), CHALLENGER: releases.challenger(entries)}


def _state(store: Store, alias: str, entry: Entry | None) -> ReleaseState:
    """Return the state of one alias."""
    registered = store.by_alias(alias)
    folder, fault = _in_folder(store.root / alias)
    return ReleaseState(
        alias=alias,
        history=entry.digest if entry else None,
        registry=registered.digest if registered else None,
        folder=folder,
        fault=fault,
    )


def _in_folder(folder: Path) -> tuple[str | None, str | None]:
    """Return the digest of a folder's bundle, and why it cannot be loaded."""
    if not folder.exists():
        return None, None
    try:
        digest = bundles.load(folder).digest
        bundles.load_parts(folder)
    except BundleError as error:
        return None, str(error)
    return digest, None


def _registered(store: Store, entry: Entry) -> Registered:
    """Return the registered model of an entry; raise `InvalidData` where the registry lacks it."""
    registered = store.find_version(entry.version)
    if registered is None or registered.digest != entry.digest:
        value = f"version {entry.version}, {entry.digest[:16]}"
        remedy = "restore mlflow.db, or release again"
        raise InvalidData("the registry lacks the released model", value=value, remedy=remedy)
    return registered
