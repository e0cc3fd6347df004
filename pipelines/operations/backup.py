"""Backup of a ledger with its anchor and its keys while the service runs, and its restoration where there is no ledger.

A backup is a folder: the database (`ledger.db`, or `ledger.dump` of PostgreSQL), `ledger.anchor` newly signed for the last
entry of the copy, `ledger.key` and `keys.json` where they are files, and `manifest.json` with the SHA-256 of each, signed
with a key that is derived from the ledger's. It is verified before it gets its name, and again when it is restored.
"""

import hashlib
import hmac
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.common.atomic import sync_entry, write_private
from models.common.instants import instant_text
from models.errors import InvalidConfig, InvalidData, LedgerBroken, LedgerError
from models.ledger.anchor import AnchorFile
from models.ledger.encryption import HASH_KEY, NoteEncryption, read_hash_key
from models.ledger.hash_chain import Anchor, canonical
from models.ledger.store import Ledger
from pipelines.data.file_digest import file_sha256
from pipelines.operations import database_copy

MANIFEST, ANCHOR, KEY, API_KEYS = "manifest.json", "ledger.anchor", "ledger.key", "keys.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places of what is backed up: the ledger's URL, and the files of its anchor, its key and the API keys."""

    ledger: str
    anchor: Path | None
    key_file: Path
    api_keys: Path | None


class Manifest(BaseModel):
    """The contents of a backup: `files` are names and SHA-256, `database` is its kind, `mac` signs all other fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    made_at: str
    database: str
    revision: str
    entries: int
    head: str
    files: dict[str, str]
    mac: str = ""

    def signature(self, encryption: NoteEncryption) -> str:
        """Return the signature of everything but `mac`."""
        text = canonical(self.model_dump(exclude={"mac"}))
        return hmac.new(encryption.derive("backup"), text.encode(), hashlib.sha256).hexdigest()


def back_up(
    folder: Path, places: Places, *, with_keys: bool = True, environment: Mapping[str, str] | None = None
) -> Manifest:
    """Write a backup into a new folder that only its owner can read, and return its manifest.

    The service may go on writing: the copy is one state of the database, with the anchor of that state. Without `with_keys`
    the key and the API keys are left out, for storage that must not hold them.

    Raises
    ------
    InvalidConfig
        The folder exists, the key is missing or is another ledger's, or the ledger is of an earlier release.
    LedgerError
        The ledger or its anchor is missing or cannot be read.
    LedgerBroken
        The ledger does not verify against its anchor; no backup is written.

    """
    if folder.exists():
        raise InvalidConfig("the backup's folder exists already", value=str(folder), remedy="give each backup a new folder")
    variables = os.environ if environment is None else environment
    encryption = NoteEncryption.from_environment(places.key_file, variables)
    anchor = AnchorFile(
        places.anchor, key=encryption.derive("anchor")
    ).read()  # before the rows: it names one that is committed
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        copied = database_copy.copy_out(places.ledger, staged, encryption=encryption, anchor=anchor)
        _write_anchor(staged / ANCHOR, copied.head, encryption)
        if with_keys:
            _copy_keys(staged, places, variables)
        manifest = _manifest(staged, copied, encryption)
        write_private(staged / MANIFEST, manifest.model_dump_json(indent=2).encode())
        sync_entry(staged)
        staged.rename(folder)
        sync_entry(folder.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return manifest


def restore(folder: Path, places: Places, *, environment: Mapping[str, str] | None = None) -> Manifest:
    """Restore a backup where there is no ledger, verify it, delete expired notes, and return its manifest.

    Existing files are never replaced: an existing key must be the backup's, and existing API keys are kept.

    Raises
    ------
    InvalidConfig
        The key is missing or is not the backup's, or the database is of another kind.
    InvalidData
        A file of the backup is missing or was changed.
    LedgerError
        There is a ledger or an anchor already, or the database cannot be written.
    LedgerBroken
        The restored ledger does not verify.

    """
    manifest = _read_manifest(folder)
    if Ledger.exists(places.ledger, places.anchor):
        raise LedgerError("a ledger exists already", value=places.ledger.split("@")[-1], remedy="give another place")
    variables = os.environ if environment is None else environment
    _check_key(folder, places, variables)
    encryption = NoteEncryption.from_environment(_key_source(folder, places), variables)
    if not hmac.compare_digest(manifest.mac, manifest.signature(encryption)):
        raise InvalidData("the backup's manifest was changed, or another key signed it", remedy="take another backup")
    database_copy.copy_in(places.ledger, folder, kind=manifest.database)
    key_file = None if HASH_KEY in variables else places.key_file
    for name, place in ((ANCHOR, places.anchor), (KEY, key_file), (API_KEYS, places.api_keys)):
        _put_back(folder / name, place)
    _verify(places, encryption, manifest)
    return manifest


def _verify(places: Places, encryption: NoteEncryption, manifest: Manifest) -> None:
    """Verify a restored ledger against the manifest, and delete expired notes; raise `LedgerBroken`."""
    ledger = Ledger(places.ledger, encryption=encryption, anchor=places.anchor, read_only=True)
    try:
        verdict = ledger.verify(Anchor(manifest.entries, manifest.head))
        if verdict.fault is not None or verdict.count != manifest.entries:
            raise LedgerBroken(f"the restored ledger is not whole: {verdict}", remedy="remove it, and take another backup")
        ledger.purge()
    finally:
        ledger.close()


def _read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup; raise `InvalidData` where there is none or a file was changed."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise InvalidData("the folder is not a backup", value=str(folder), remedy="heartline backup writes one") from None
    if manifest.format != FORMAT:
        raise InvalidData("the backup is of another format", value=manifest.format, remedy="use the release that made it")
    for name, sha256 in manifest.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file() or file_sha256(path) != sha256:
            raise InvalidData("a file of the backup is missing or was changed", value=name, remedy="take another backup")
    return manifest


def _key_source(folder: Path, places: Places) -> Path:
    """Return the key file to read: the deployment's where there is one, else the backup's."""
    return places.key_file if places.key_file.exists() or not (folder / KEY).exists() else folder / KEY


def _check_key(folder: Path, places: Places, variables: Mapping[str, str]) -> None:
    """Raise `InvalidConfig` where the deployment has another key than the backup."""
    backed_up = folder / KEY
    has_key = HASH_KEY in variables or places.key_file.exists()
    if has_key and backed_up.exists() and read_hash_key(places.key_file, variables) != backed_up.read_bytes():
        raise InvalidConfig("another key exists already", value=str(places.key_file), remedy="move it away, or unset it")


def _put_back(file: Path, place: Path | None) -> None:
    """Copy a file of a backup to its place, unless it has no place or there is a file already."""
    if place is not None and file.exists() and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        write_private(place, file.read_bytes())


def _write_anchor(path: Path, head: Anchor, encryption: NoteEncryption) -> None:
    """Write the anchor of the copied rows."""
    file = AnchorFile(path, key=encryption.derive("anchor"))
    file.create()
    file.advance(head)


def _copy_keys(staged: Path, places: Places, variables: Mapping[str, str]) -> None:
    """Copy the key where it is a file, and the API keys where there are any."""
    if HASH_KEY not in variables:
        write_private(staged / KEY, places.key_file.read_bytes())
    if places.api_keys is not None and places.api_keys.is_file():
        write_private(staged / API_KEYS, places.api_keys.read_bytes())


def _manifest(staged: Path, copied: database_copy.Copied, encryption: NoteEncryption) -> Manifest:
    """Return the signed manifest of a folder."""
    manifest = Manifest(
        format=FORMAT,
        made_at=instant_text(datetime.now(UTC)),
        database=copied.kind,
        revision=copied.revision,
        entries=copied.head.count,
        head=copied.head.head,
        files={path.name: file_sha256(path) for path in sorted(staged.iterdir())},
    )
    return manifest.model_copy(update={"mac": manifest.signature(encryption)})
