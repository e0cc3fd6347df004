"""Run a program under the system calls that a systemd unit allows, without systemd.

Called as: python sandbox.py UNIT PROGRAM WORDS...
"""

import ctypes
import ctypes.util
import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
REFUSE_WRITE_EXECUTE = 65  # PR_SET_MDWE
MISSING = "systemd-analyze or libseccomp is not installed: apt-get install systemd libseccomp2"


def available():
    """Return whether the filter can be made on this machine."""
    return shutil.which("systemd-analyze") is not None and ctypes.util.find_library("seccomp") is not None


def calls(name):
    """Return the system calls of a name: a group's of systemd, or the call itself."""
    if not name.startswith("@"):
        return {name}
    words = ["systemd-analyze", "--no-pager", "syscall-filter", name]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    return set().union(*(calls(line.strip()) for line in lines if line.strip() and not line.strip().startswith("#")))


def allowed(unit):
    """Return the system calls that a unit allows: its lines in order, each adding or, after ~, taking away."""
    names = calls("@default") | {"execve"}
    for line in re.findall(r"^SystemCallFilter=(.+)$", unit, flags=re.MULTILINE):
        listed = set().union(*(calls(name) for name in line.removeprefix("~").split()))
        names = names - listed if line.startswith("~") else names | listed
    return names


def confine(unit):
    """Refuse everything else to this process and its children from now on, and memory that is writable and executable."""
    library = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(REFUSE)))
    names = allowed(unit)
    for number in (library.seccomp_syscall_resolve_name(name.encode()) for name in names):
        if number >= 0:
            library.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), ctypes.c_int(number), ctypes.c_uint(0))
    if "MemoryDenyWriteExecute=yes" in unit:
        ctypes.CDLL(None).prctl(REFUSE_WRITE_EXECUTE, 1, 0, 0, 0)  # an older kernel does not know it
    if library.seccomp_load(context) != 0:
        raise OSError("the filter cannot be loaded")


if __name__ == "__main__":
    confine(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  the program that was asked for, in this process
