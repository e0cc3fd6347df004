"""The documents cannot drift: what they name exists, and what exists they name."""

import re
import shlex
import shutil

import click
import pytest
import typer
from command import ROOT, heartline

from models.veto.rulebook import load
from pipelines.cli.main import app
from pipelines.settings import load_config
from serving.app import create_app
from serving.settings import Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands():
    """Return every command of `heartline`, groups spelled out, with its click command."""
    root = typer.main.get_command(app)
    for name, command in root.commands.items():
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            if command.invoke_without_command:
                yield name, command
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())
        else:
            yield name, command


COMMANDS = dict(commands())


def section(title):
    """Return the text of one section of the README."""
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_command_is_in_the_readme_and_the_reverse():
    """The table of commands is the command."""
    listed = set(re.findall(r"^\| `heartline ([a-z ]+?)`", section("Commands"), flags=re.MULTILINE))
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_holds_an_example_that_parses(name):
    """An example in a help text names its own command and options that exist."""
    epilog = COMMANDS[name].epilog
    assert epilog
    assert epilog.startswith(f"Example: heartline {name}")
    given = shlex.split(epilog.removeprefix(f"Example: heartline {name}"))
    COMMANDS[name].make_context(name, given, resilient_parsing=False)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"serve"}))
def test_every_example_runs(name, runs, corpus, tmp_path, monkeypatch):
    """What a help text shows does run; a gate may say no, but nothing is wrong with the input."""
    for shared in ("data", "models", "pipelines", "tests"):
        (tmp_path / shared).symlink_to(ROOT / shared)
    shutil.copytree(runs, tmp_path / "mlruns")
    shutil.copy(corpus, tmp_path / "mlruns" / "corpus.csv")
    monkeypatch.chdir(tmp_path)
    given = shlex.split(COMMANDS[name].epilog.removeprefix("Example: heartline "))
    code, _, err = heartline(*given)
    # The session's corpus is too small for the default promise, it has one champion, and the key is nobody's.
    refusals = {"train": {0, 1}, "release": {0, 1}, "release rollback": {0, 1}, "keys revoke": {0, 2}}
    assert code in refusals.get(name, {0}), err


def test_every_route_is_in_the_readme_and_the_reverse(tmp_path):
    """The table of routes is the service."""
    paths = create_app(Settings(bundle=tmp_path, ledger="none")).openapi()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    listed = set(re.findall(r"`((?:GET|POST) /[a-z0-9/_{}]+)`", section("Routes")))
    assert listed == served


def test_every_config_key_is_in_the_readme_and_the_reverse():
    """The table of settings is default.toml, with the same values."""
    listed = dict(re.findall(r"^\| `([a-z_]+\.[a-z_0-9]+)` \| `([^`]+)`", section("Settings"), flags=re.MULTILINE))
    assert listed == {key: str(value) for key, value in load_config().flat().items()}


def test_every_rule_is_in_the_readme_and_the_reverse():
    """The table of rules is the rulebook, with each rule's class."""
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| (weapon|violence|means) \|", section("Rules"), flags=re.MULTILINE))
    assert listed == {rule.id: rule.rule_class.value for rule in load().rules}


def test_every_make_target_named_exists():
    """What the README tells to make can be made."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", README)) <= targets


def test_every_file_named_exists():
    """Links and paths of the README lead somewhere."""
    for path in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / path).exists(), path


def test_nothing_speaks_of_how_it_was_made():
    """The project speaks of itself alone, and names no registry's host."""
    hosts = ["py" + "pi.org", "pythonhosted" + ".org", "npmjs" + ".org", "deb.debian" + ".org"]
    for path in [*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "requirements.lock", ROOT / "tests/requirements.lock"]:
        text = path.read_text(encoding="utf-8")
        assert not any(host in text for host in hosts), path
