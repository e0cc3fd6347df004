"""Keep what decided: each bundle, rulebook and program under its version, so that any decision can be made again."""

import shutil
from pathlib import Path

from models.classifier.bundle import read_manifest
from models.errors import InvalidData

_KINDS = ("bundle", "rulebook", "program")


def keep(folder: Path, *, bundle: Path | None, rulebook: tuple[str, Path], program: tuple[str, bytes]) -> None:
    """Copy the parts that are not kept yet, each in one step; rulebook and program are given with their versions.

    The program is its text, which may be that of several files.

    Raises `OSError` where the folder cannot be written.
    """
    parts: list[tuple[str, str, Path | bytes]] = [("rulebook", *rulebook), ("program", *program)]
    if bundle is not None:
        parts.append(("bundle", str(read_manifest(bundle)["digest"]), bundle))
    for kind, version, part in parts:
        target = _place(folder, kind, version)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f"{target.name}.new")
        if isinstance(part, bytes):
            staged.write_bytes(part)
        elif part.is_dir():
            shutil.rmtree(staged, ignore_errors=True)
            shutil.copytree(part, staged)
        else:
            shutil.copyfile(part, staged)
        staged.rename(target)


def find(folder: Path, kind: str, version: str) -> Path:
    """Return where a part is kept; raise `InvalidData` where it is not."""
    place = _place(folder, kind, version)
    if not place.exists():
        raise InvalidData(f"this {kind} is not kept", value=version, remedy=f"restore it under {folder}")
    return place


def _place(folder: Path, kind: str, version: str) -> Path:
    """Return where a part belongs; raise `InvalidData` for a version that is none."""
    if kind not in _KINDS or "/" in version or version.startswith("."):
        raise InvalidData("no such part", value=f"{kind} {version}", remedy=f"one of: {', '.join(_KINDS)}")
    return folder / kind / version
