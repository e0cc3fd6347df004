"""Run pip with a progress bar: one line that counts packages, and pip's own words where it fails.

`python install.py PIP ARGUMENT...` runs `PIP install ARGUMENT...`. It needs nothing but Python: nothing is installed yet.
"""

import subprocess
import sys
from pathlib import Path

WIDTH = 30


def wanted(arguments: list[str]) -> int:
    """Return how many packages pip is to install: the pins of its requirement files, or one."""
    pins = 0
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if option in {"-r", "--requirement"}:
            pins += sum("==" in line and line[:1].isalnum() for line in Path(value).read_text(encoding="utf-8").splitlines())
    return max(1, pins)


def step(line: str) -> str:
    """Return the package that a line of pip begins with, or nothing."""
    words = line.split()
    return words[1] if line.startswith(("Collecting ", "Requirement already")) and len(words) > 1 else ""


def show(done: int, total: int, name: str) -> None:
    """Draw the bar; on a terminal over the last one, in a log every tenth package."""
    filled = WIDTH * min(done, total) // total
    bar = f"installing [{'#' * filled}{'.' * (WIDTH - filled)}] {done} of {total} {name.split('==', maxsplit=1)[0]}"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{bar}")
    elif done % 10 == 0 or done == total:
        sys.stderr.write(f"{bar}\n")
    sys.stderr.flush()


def main() -> int:
    """Run pip and return its exit code."""
    pip, *arguments = sys.argv[1:]
    total, done, said = wanted(arguments), 0, []
    words = [pip, "install", "--disable-pip-version-check", "--progress-bar", "off", *arguments]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603  pip
        for line in process.stdout or ():
            said.append(line)
            if name := step(line):
                done += 1
                show(min(done, total), total, name)
            elif line.startswith("Installing collected"):
                show(total, total, "unpacking")
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    if process.returncode:
        sys.stderr.writelines(said[-40:])
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
