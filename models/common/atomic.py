"""Durable writes of private files, and the replacement of a folder in one step, so that no reader finds it incomplete."""

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
    """Replace `target` by a copy of `source`, durably; a reader of `target` finds the old folder or the new one.

    The copy is written beside `target` first. Where the file system cannot exchange two names they are renamed one after the
    other, so that `target` is missing between two system calls. Raises `OSError`, and leaves the old folder in place.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-new-"))
    try:
        shutil.copytree(source, staged, dirs_exist_ok=True)
        staged.chmod(0o755)  # a temporary folder is readable by its owner only, and the service may run as another user
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
        shutil.rmtree(staged, ignore_errors=True)  # now the old folder, or an incomplete copy


def write_private(path: Path, content: bytes) -> None:
    """Write a new file durably, readable by its owner alone; raise `FileExistsError` where there is a file."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_entry(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step; return whether the system supports that. Raises `OSError`."""
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
