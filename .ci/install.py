"""Install packages into a virtual environment with uv, or with pip where uv cannot; either shows its progress.

`python install.py BIN ARGUMENT...` installs as `BIN/pip install ARGUMENT...` would, from the same indexes. It needs nothing
but Python: nothing is installed yet. uv itself is installed first, at the version and hashes of the tests' lock.
"""

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTH = 30
LOCK = Path(__file__).parents[1] / "tests" / "requirements.lock"
SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
"""The settings of pip that uv must know, and the variables by which it is told."""


def pinned(name: str) -> str:
    """Return the lines of the tests' lock that pin a package: its version and its hashes."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next(number for number, line in enumerate(lines[start:], start) if not line.endswith("\\"))
    return "\n".join([*lines[start : end + 1], ""])


def settings_of_pip(listed: str) -> dict[str, str]:
    """Return what `pip config list` says as variables of uv; as with pip, the environment counts before the files."""
    settings = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # any index may serve a file: its hash is pinned
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        if variable := SETTINGS.get(name.rpartition(".")[2]):
            settings[variable] = " ".join(str(ast.literal_eval(value)).split())
    if "UV_FIND_LINKS" in settings:
        settings["UV_FIND_LINKS"] = settings["UV_FIND_LINKS"].replace(" ", ",")
    return settings


def install_uv(binaries: Path) -> bool:
    """Install uv beside pip, where it is not yet; return whether it is there."""
    if (binaries / "uv").exists():
        return True
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as requirements:
        requirements.write(pinned("uv"))
        requirements.flush()
        words = [binaries / "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        return subprocess.run([*words, "-r", requirements.name], capture_output=True, check=False).returncode == 0  # noqa: S603


def with_uv(binaries: Path, arguments: list[str]) -> bool:
    """Install with uv and return whether it could; its own bars are seen on a terminal, and in a log its summary."""
    listed = subprocess.run([binaries / "pip", "config", "list"], capture_output=True, text=True, check=False)  # noqa: S603
    words = [binaries / "uv", "pip", "install", "--python", binaries / "python", *arguments]
    environment = settings_of_pip(listed.stdout) | os.environ
    if sys.stderr.isatty():
        return subprocess.run(words, env=environment, check=False).returncode == 0  # noqa: S603  uv
    done = subprocess.run(words, env=environment, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603  uv
    sys.stderr.writelines(line for line in done.stderr.splitlines(keepends=True) if not line.startswith(" + "))
    return done.returncode == 0


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


def with_pip(binaries: Path, arguments: list[str]) -> int:
    """Install with pip under a bar that counts packages; return its exit code, and print its last words where it fails."""
    total, done, lines = wanted(arguments), 0, []
    words = [binaries / "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", *arguments]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603  pip
        for line in process.stdout or ():
            lines.append(line)
            if name := step(line):
                done += 1
                show(min(done, total), total, name)
            elif line.startswith("Installing collected"):
                show(total, total, "unpacking")
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    if process.returncode:
        sys.stderr.writelines(lines[-40:])
    return process.returncode


def main() -> int:
    """Install with uv or else with pip, and return the exit code."""
    binaries, arguments = Path(sys.argv[1]), sys.argv[2:]
    if install_uv(binaries) and with_uv(binaries, arguments):
        return 0
    sys.stderr.write("uv could not install; pip takes over\n")
    return with_pip(binaries, arguments)


if __name__ == "__main__":
    sys.exit(main())
