"""What the registry, the folder and the history say of a champion or challenger, and how they are brought to agree.

A release writes the history first, then the registry, then the folder. The history is what was decided: wherever a release
was broken off, the two others can be brought to it, and meanwhile the folder holds a whole model, the one before.
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
    """Which model each of the three names for one alias, by digest; `None` where it names none."""

    alias: str
    history: str | None
    registry: str | None
    folder: str | None
    fault: str | None = None
    """Why the folder's model cannot be loaded; `None` where it can, or where there is none."""

    @property
    def agrees(self) -> bool:
        """Return whether all three name one model, and the folder's can be loaded."""
        return self.history == self.registry == self.folder and self.fault is None

    def __str__(self) -> str:
        """Return the three in one line."""
        named = {"history": self.history, "registry": self.registry, "folder": self.folder}
        places = ", ".join(f"{place} {digest[:16] if digest else 'none'}" for place, digest in named.items())
        verdict = "they agree" if self.agrees else "they DIFFER" if self.fault is None else f"BROKEN: {self.fault}"
        return f"{self.alias}: {places}: {verdict}"


def states(store: Store) -> list[ReleaseState]:
    """Return the state of champion and challenger; raise `InvalidData` where the history was changed."""
    return [_state(store, alias, entry) for alias, entry in _decided(store.root).items()]


def repair(store: Store) -> list[ReleaseState]:
    """Bring registry and folder to what the history decided, where they differ; return the states after it.

    Raises `InvalidData` where the history names a model that the registry does not hold, or holds with another digest, and
    `BundleError` where its bundle was changed. What the history does not name stays as it is.
    """
    for alias, entry in _decided(store.root).items():
        for unfinished in store.root.glob(f".{alias}-new-*"):
            shutil.rmtree(unfinished)
        if entry is not None and not _state(store, alias, entry).agrees:
            promote(store, _registered(store, entry), alias)
    return states(store)


def promote(store: Store, registered: Registered, alias: str) -> None:
    """Put a registered model, checked by its digest, into the registry's alias and the folder; raise `BundleError`."""
    bundles.load(store.bundle_of(registered), expected_digest=registered.digest)
    store.promote(registered, alias)


def _decided(root: Path) -> dict[str, Entry | None]:
    """Return what the history names for each alias."""
    entries = releases.read(root)
    return {CHAMPION: releases.champion(entries), CHALLENGER: releases.challenger(entries)}


def _state(store: Store, alias: str, entry: Entry | None) -> ReleaseState:
    """Return what the three say of one alias."""
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
    """Return the registered model of an entry; raise `InvalidData` where the registry has not this one."""
    registered = store.find_version(entry.version)
    if registered is None or registered.digest != entry.digest:
        value = f"version {entry.version}, {entry.digest[:16]}"
        raise InvalidData("the registry lost the released model", value=value, remedy="restore mlflow.db, or release anew")
    return registered
