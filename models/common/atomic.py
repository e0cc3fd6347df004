"""Replacement of a folder in one step, so that no reader ever finds it missing or half written."""

import ctypes
import errno
import os
import shutil
import tempfile
from pathlib import Path

_HERE = -100  # AT_FDCWD: relative paths start at the working directory
_EXCHANGE = 2  # RENAME_EXCHANGE
_NOT_POSSIBLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})


def replace_folder(target: Path, source: Path) -> None:
    """Put a copy of `source` in the place of `target`, durably; who opens `target` finds the old folder or the new one.

    The copy is made beside `target` first. A file system that cannot exchange two names renames them one after the other:
    then `target` is missing between two system calls. Raises `OSError`, and leaves the old folder where it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-new-"))
    try:
        shutil.copytree(source, staged, dirs_exist_ok=True)
        staged.chmod(0o755)  # a temporary folder is its owner's alone, and the service may be another user
        _sync(staged)
        if not target.exists():
            staged.rename(target)
        elif not _exchange(staged, target):
            old = staged.with_name(f"{staged.name}-old")
            target.rename(old)
            staged.rename(target)
            shutil.rmtree(old)
        sync_entry(target.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)  # what is here now is the old folder, or a copy that was not finished


def sync_entry(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders take each other's name in one step; return whether the system can do that. Raises `OSError`."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_POSSIBLE:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _sync(folder: Path) -> None:
    """Make every file of a folder durable."""
    for path in folder.rglob("*"):
        sync_entry(path)
    sync_entry(folder)
