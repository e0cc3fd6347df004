"""A folder is replaced in one step: whoever opens it meanwhile finds the old one or the new one, whole."""

import errno
import threading

import pytest

from models.common import atomic
from models.common.atomic import replace_folder


@pytest.fixture
def versions(tmp_path):
    """Return two folders, each with one file that names it."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    return folders


def test_no_reader_ever_finds_it_missing(versions, tmp_path):
    """While it is replaced a hundred times, every look finds the file, with a whole content."""
    target, done, seen = tmp_path / "target", threading.Event(), set()
    replace_folder(target, versions[0])

    def look():
        while not done.is_set():
            seen.add((target / "name").read_text())

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(100):
        replace_folder(target, versions[number % 2])
    done.set()
    reader.join()
    assert seen == {"one", "two"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "target", "two"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS])
def test_a_file_system_that_cannot_exchange_still_replaces(versions, tmp_path, monkeypatch, number):
    """Where the system has no exchange of names the folder is replaced by two renames, and nothing is left over."""
    target = tmp_path / "target"
    replace_folder(target, versions[0])

    def refuse(*_):
        atomic.ctypes.set_errno(number)
        return -1

    library = type("Library", (), {"renameat2": staticmethod(refuse)})()
    monkeypatch.setattr(atomic.ctypes, "CDLL", lambda *_, **__: library)
    replace_folder(target, versions[1])
    assert (target / "name").read_text() == "two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "target", "two"]


def test_a_copy_that_fails_leaves_the_old_folder(versions, tmp_path, monkeypatch):
    """A full disk in the middle of the copy: the error is raised, the old folder stands, and no half copy is left."""
    target = tmp_path / "target"
    replace_folder(target, versions[0])

    def full(_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(atomic, "_sync", full)
    with pytest.raises(OSError, match="no space"):
        replace_folder(target, versions[1])
    assert (target / "name").read_text() == "one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "target", "two"]
