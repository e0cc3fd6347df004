"""What is installed is known: the forge's workflow, licences, and an audit that never takes silence for clean."""

import importlib.util
import json
import re
import sys

import pytest
import yaml
from command import ROOT, heartline

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def script(name):
    """Return a script of .ci as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f".ci/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def audit():
    """Return the audit script as a module."""
    return script("audit")


@pytest.fixture(scope="module")
def install():
    """Return the installation script as a module."""
    return script("install")


def test_the_workflow_runs_the_targets_of_ci_run():
    """The forge tests with the same targets as .ci/run, every target exists, and no step does anything of its own."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert all(step.startswith("make ") and set(step.split()[1:]) <= TARGETS for step in steps)
    assert f"exec {steps[0]}" in (ROOT / ".ci/run").read_text()
    assert workflow["permissions"] == {"contents": "read"}


def test_updates_are_looked_for_in_every_ecosystem_that_is_used():
    """Packages and actions; scikit-learn changes only with a new model."""
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert {each["package-ecosystem"] for each in updates} == {"pip", "github-actions"}
    assert updates[0]["ignore"][0]["dependency-name"] == "scikit-learn"


def test_every_package_of_a_server_states_a_licence(tmp_path):
    """The list names each pinned package once, with a licence."""
    code, _, err = heartline(
        "release", "licences", "--lock", str(ROOT / "serving/requirements.lock"), "--out", str(tmp_path / "licences.csv")
    )
    assert code == 0, err
    header, *rows = (tmp_path / "licences.csv").read_text().splitlines()
    assert header == "package,version,licence"
    pins = re.findall(r"^[a-z0-9].*==", (ROOT / "serving/requirements.lock").read_text(), re.MULTILINE)
    assert len(rows) == len(pins)
    assert sum("MIT" in row or "BSD" in row or "Apache" in row for row in rows) > len(rows) / 2


def answer(tmp_path, dependencies):
    """Write a tool that answers as pip-audit would, and return its path."""
    tool = tmp_path / "tool"
    output = json.dumps({"dependencies": dependencies}) if dependencies is not None else "no connection"
    tool.write_text(f"#!{sys.executable}\nprint({output!r})\n")
    tool.chmod(0o755)
    return str(tool)


@pytest.mark.parametrize(
    ("dependencies", "plain", "required", "words"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, 0, "1 packages audited, 0 not, 0 vulnerabilities"),
        ([{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}], 1, 1, "CVE-1, mended in 2"),
        ([{"name": "a", "skip_reason": "not found"}], 0, 1, "not audited, no database"),
        (None, 0, 1, "not audited, no database"),
    ],
    ids=["clean", "vulnerable", "skipped", "unreachable"],
)
def test_an_audit_never_takes_silence_for_clean(audit, tmp_path, monkeypatch, capsys, dependencies, plain, required, words):
    """A package that nobody looked up is not audited, and where an audit is required that fails."""
    tool = answer(tmp_path, dependencies)
    monkeypatch.delenv("AUDIT", raising=False)
    assert audit.main(tool, ["lock"]) == plain
    assert words in capsys.readouterr().out
    monkeypatch.setenv("AUDIT", "required")
    assert audit.main(tool, ["lock"]) == required


def tools(folder, **scripts):
    """Write the programs of a virtual environment that note their words in a file; return the folder and the file."""
    for name, ending in scripts.items():
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {folder}/words\n{ending}\n')
        path.chmod(0o755)
    return folder, folder / "words"


@pytest.mark.parametrize(
    ("pip", "uv", "last"),
    [("exit 0", "exit 0", "uv pip install"), ("exit 0", "exit 2", "pip install"), ("exit 3", None, "pip install")],
    ids=["uv", "uv fails", "no uv"],
)
def test_what_uv_cannot_install_pip_installs(install, tmp_path, monkeypatch, capfd, pip, uv, last):
    """The same words go to uv and, where it fails or cannot be had, to pip, whose exit code is the script's."""
    folder, words = tools(tmp_path, pip=pip, **{} if uv is None else {"uv": uv})
    monkeypatch.setattr("sys.argv", ["install.py", str(folder), "--no-deps", "--editable", "."])
    assert install.main() == int(pip[-1])
    written = words.read_text().splitlines()[-1]
    assert written.startswith(last)
    assert written.endswith("--no-deps --editable .")
    assert ("pip takes over" in capfd.readouterr().err) == (last == "pip install")


def test_uv_is_pinned_and_asks_the_indexes_that_pip_asks(install):
    """Its version and hashes are those of the lock; where pip was told of another index, uv is told too."""
    version, *hashes = install.pinned("uv").splitlines()
    assert re.fullmatch(r"uv==[\d.]+ \\", version)
    assert all(line.strip().startswith("--hash=sha256:") for line in hashes)
    listed = ":env:.index-url='file:///b'\nglobal.index-url='file:///a'\nglobal.extra-index-url='file:///c\\nfile:///d'\n"
    settings = install.settings_of_pip(listed + "install.find-links='/x /y'\nglobal.timeout='9'\n")
    assert settings.pop("UV_INDEX_STRATEGY") == "unsafe-best-match"
    assert settings == {"UV_DEFAULT_INDEX": "file:///b", "UV_INDEX": "file:///c file:///d", "UV_FIND_LINKS": "/x,/y"}
