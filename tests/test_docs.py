"""The documents cannot drift: what they name exists, and what exists they name."""

import json
import re
import shlex
import shutil
import tomllib
from collections import Counter

import click
import pandas as pd
import pytest
import typer
from command import ROOT, SMALL, heartline
from ledgers import prepared

from models.signals import load_lexicon
from models.veto.rulebook import load
from pipelines.cli import application
from pipelines.evaluation import results
from pipelines.settings import DEFAULT_CONFIG
from serving.app import create_app
from serving.settings import Settings

DOCUMENTS = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "models/README.md", "pipelines/README.md", "serving/README.md", "data/README.md")
}
README = DOCUMENTS["README.md"]


def commands():
    """Return every command of `heartline`, groups spelled out, with its click command."""
    root = typer.main.get_command(application())
    for name, command in root.commands.items():
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            if command.invoke_without_command:
                yield name, command
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())
        else:
            yield name, command


COMMANDS = dict(commands())


def section(name, title):
    """Return the text of one section of a document."""
    return DOCUMENTS[name].split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_command_is_in_the_readme_and_the_reverse():
    """The table of commands is the command."""
    listed = set(re.findall(r"^\| `heartline ([a-z -]+?)`", section("pipelines/README.md", "Commands"), flags=re.MULTILINE))
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_test_that_a_readme_names_exists(name):
    """A table of attacks that names a test is shown by it: the file and the function are there."""
    files = set(re.findall(r"\b((?:\w+/)+test_\w+\.py)", DOCUMENTS[name]))
    assert {path for path in files if not (ROOT / "tests" / path.removeprefix("tests/")).is_file()} == set()
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    functions = set(re.findall(r"`(test_\w+)`", DOCUMENTS[name]))
    assert {function for function in functions if f"def {function}(" not in written} == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_holds_an_example_that_parses(name):
    """An example in a help text names its own command and options that exist."""
    epilog = COMMANDS[name].epilog
    assert epilog
    assert epilog.startswith(f"Example: heartline {name}")
    given = shlex.split(epilog.removeprefix(f"Example: heartline {name}"))
    COMMANDS[name].make_context(name, given, resilient_parsing=False)


LINTED = {"rules check", "signals check"}
"""Commands that `make lint` runs: each tries every phrase of what is shipped."""
RUN_ELSEWHERE = {"serve", "cad simulate", "adapt", "compare-domain", *LINTED}
"""Commands whose examples need a server or most of a minute: tests of their own type them, or the linters."""


@pytest.fixture(scope="module")
def few(recent, tmp_path_factory):
    """Return the last 400 calls of the small corpus as a file."""
    path = tmp_path_factory.mktemp("few") / "few.csv"
    pd.read_csv(recent, dtype=str, keep_default_na=False).tail(400).to_csv(path, index=False)
    return path


def small_defaults(folder):
    """Write every setting as it is for the small model, so that a command without `--config` takes it; return the file."""
    table = tomllib.loads(DEFAULT_CONFIG.read_text(encoding="utf-8"))
    for section, values in tomllib.loads(SMALL.read_text(encoding="utf-8")).items():
        table[section] |= values
    path = folder / "default.toml"
    lines = [
        line
        for section, values in table.items()
        for line in (f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()))
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - RUN_ELSEWHERE))
def test_every_example_runs(name, runs, few, tmp_path, monkeypatch):
    """What a help text shows does run; a gate may say no, but nothing is wrong with the input."""
    for shared in ("data", "models", "pipelines", "tests"):
        (tmp_path / shared).symlink_to(ROOT / shared)
    shutil.copytree(runs, tmp_path / "mlruns")
    shutil.copy(few, tmp_path / "mlruns" / "corpus.csv")
    monkeypatch.setattr("pipelines.settings.DEFAULT_CONFIG", small_defaults(tmp_path))
    monkeypatch.chdir(tmp_path)
    prepared("sqlite:///mlruns/ledger.db", "mlruns/ledger.anchor")
    if name.startswith("label ") and name != "label create":
        assert heartline("label", "create", "--data", "data/sample.csv", "--count", "5")[0] == 0
    if name == "restore":
        assert heartline("backup", "--out", f"{tmp_path}/backup")[0] == 0
    example = COMMANDS[name].epilog.removeprefix("Example: heartline ")
    given = shlex.split(example.replace("/tmp/", f"{tmp_path}/"))  # noqa: S108  no test leaves anything in /tmp
    code, _, err = heartline(*given)
    # The file is too small to prove a promise, there is one champion, the key is nobody's, the ledger is empty.
    refusals = {
        "train": {0, 1},
        "release": {0, 1},
        "release rollback": {0, 1},
        "keys revoke": {0, 2},
        "ledger replay": {1},
        "release licences": {0, 2},
    }
    assert code in refusals.get(name, {0}), err


def test_every_route_is_in_the_readme_and_the_reverse(tmp_path):
    """The table of routes is the service."""
    paths = create_app(Settings(bundle=tmp_path, ledger="none")).openapi()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    listed = set(re.findall(r"`((?:GET|POST|PUT) /[a-z0-9/_{}]+)`", section("serving/README.md", "Routes")))
    assert listed == served


def test_every_config_key_is_in_the_readme_and_the_reverse():
    """The table of settings is default.toml, with the same values."""
    pattern = r"^\| `([a-z-]+)` \| (weapon|violence|means|object) \|"
    listed = dict(re.findall(pattern, section("models/README.md", "The veto"), flags=re.MULTILINE))
    assert listed == {rule.id: rule.rule_class.value for rule in load().rules}


def test_every_group_of_signals_is_in_the_readme_and_the_reverse():
    """The table of groups is the lexicon, with each group's title, whose it is, and how many signals it has."""
    pattern = r"^\| `([a-z-]+)` \| ([^|]+) \| (yes|no) \| (\d+) \|$"
    listed = set(re.findall(pattern, section("models/README.md", "The signals"), flags=re.MULTILINE))
    lexicon = load_lexicon()
    counts = Counter(signal.group for signal in lexicon.signals)
    groups = lexicon.groups.values()
    assert listed == {(group.id, group.title, "yes" if group.program else "no", str(counts[group.id])) for group in groups}


def test_every_make_target_named_exists():
    """What the README tells to make can be made."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for text in DOCUMENTS.values():
        assert set(re.findall(r"`(?:PORT=\d+ )?make ([a-z]+)", text)) <= targets


def test_the_linters_check_the_rules_and_the_signals():
    """`make lint`, which `make check` and `make test` begin with, tries every phrase of the rulebook and of the signals."""
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.split("\nlint:")[1].split("\n\n")[0]
    assert {name for name in LINTED if f"\t$(HEARTLINE) {name}\n" in f"{recipe}\n"} == LINTED
    for target in ("check", "test"):
        assert " lint " in makefile.split(f"\n{target}:")[1].split("\n\n")[0]


def test_every_make_target_has_its_line_of_help():
    """`make help` lists all targets that a person types, and nothing that is none."""
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)[1].split())
    listed = set(re.findall(r"^([a-z]+):.*## ", makefile, flags=re.MULTILINE))
    assert phony - listed == {"browser", "tools", "fast"}  # parts of test and check
    assert listed <= phony


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_file_named_exists(name):
    """Links of a document lead somewhere, from where it stands."""
    for path in re.findall(r"\]\(((?!http)[^)#]+)\)", DOCUMENTS[name]):
        assert ((ROOT / name).parent / path).exists(), path


def test_the_figures_of_the_readme_are_the_measured_ones():
    """The tables of results are those of data/results.json, which `make results` measures and writes."""
    measured = json.loads((ROOT / "data/results.json").read_text(encoding="utf-8"))
    assert f"{results.MARK}\n{results.markdown(measured)}\n{results.END}" in README


def test_the_readme_is_short():
    """The first document is read in one sitting: the details are in the packages' own."""
    assert len(README.splitlines()) <= 250


def test_nothing_speaks_of_how_it_was_made():
    """The project speaks of itself alone, and names no registry's host."""
    hosts = ["py" + "pi.org", "pythonhosted" + ".org", "npmjs" + ".org", "deb.debian" + ".org"]
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("*/README.md"),
        ROOT / "Makefile",
        ROOT / "requirements.lock",
        ROOT / "tests/requirements.lock",
    ]:
        text = path.read_text(encoding="utf-8")
        assert not any(host in text for host in hosts), path


def test_the_notebook_of_the_readme_runs(runs, tmp_path, monkeypatch, capsys):
    """The script that a data scientist copies does what it says, on a champion and the sample."""
    for shared in ("data", "models", "pipelines"):
        (tmp_path / shared).symlink_to(ROOT / shared)
    shutil.copytree(runs, tmp_path / "mlruns")
    monkeypatch.chdir(tmp_path)
    script, *_ = re.findall(r"```python\n(.*?)```", section("pipelines/README.md", "From a notebook"), flags=re.DOTALL)
    exec(compile(script, "notebook", "exec"), {})  # noqa: S102  our own document
    printed = capsys.readouterr().out
    assert "NOT_ELIGIBLE" in printed
    assert "run_id" in printed
