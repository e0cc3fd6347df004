"""A city's program, rulebook, call types and signals are options of every command that goes by a program."""

import os
from dataclasses import asdict

import pytest
import typer
import uvicorn
from command import heartline

from models.errors import WorkRefused
from models.programs.files import DEFAULT_PROGRAM, ProgramFiles
from pipelines.cli.main import application
from pipelines.cli.options import PROGRAM, PROGRAM_FILES, takes_deployed_program, takes_program


def commands(group, path=()):
    """Yield each command with its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        yield (*path, name), command


def test_every_command_that_takes_a_program_takes_its_files():
    """The three files stand beside `program` in every command, and no command names a rulebook of its own."""
    taking = 0
    for words, command in commands(typer.main.get_command(application())):
        names = {parameter.name for parameter in command.params}
        files = names & set(PROGRAM_FILES)
        assert files == (set(PROGRAM_FILES) if "program" in names else set()), words
        taking += "program" in names
    assert taking >= 25


def test_the_four_options_arrive_as_one_value():
    """What is typed is what the command gets; what is not typed is Durham's program alone."""
    app, seen = typer.Typer(), []

    @app.command()
    @takes_program
    def show(program: ProgramFiles = PROGRAM) -> None:
        seen.append(program)

    app([], standalone_mode=False)
    app(["--program", "t.toml", "--rulebook", "r", "--call-types", "c", "--signals", "s"], standalone_mode=False)
    assert seen[0] == ProgramFiles(DEFAULT_PROGRAM)
    assert {name: str(value) for name, value in asdict(seen[1]).items()} == {
        "program": "t.toml", "rulebook": "r", "call_types": "c", "signals": "s",
    }  # fmt: skip


def test_an_option_counts_before_the_services_variable(monkeypatch):
    """Only the commands of a deployment read the variables, and an option that is typed wins."""
    app, seen = typer.Typer(), []

    @app.command()
    @takes_deployed_program
    def show(program: ProgramFiles = PROGRAM) -> None:
        seen.append(str(program.rulebook))

    monkeypatch.setenv("HEARTLINE_RULEBOOK", "env.toml")
    app([], standalone_mode=False)
    app(["--rulebook", "typed.toml"], standalone_mode=False)
    assert seen == ["env.toml", "typed.toml"]


def test_serve_hands_the_files_to_the_service(tmp_path, monkeypatch):
    """`heartline serve --rulebook` reaches every worker by its environment, whatever the environment said before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {**os.environ, "HEARTLINE_RULEBOOK": "other.toml", "HEARTLINE_LEDGER": "none"})
    seen = {}

    def started(*_, **__):
        seen.update(os.environ)
        raise WorkRefused("not in a test", remedy="none")

    monkeypatch.setattr(uvicorn, "run", started)
    code, _, _ = heartline("serve", "--rulebook", "own.toml", "--signals", "s.toml")
    assert code == 1
    assert (seen["HEARTLINE_RULEBOOK"], seen["HEARTLINE_SIGNALS"]) == ("own.toml", "s.toml")
    assert seen["HEARTLINE_PROGRAM"] == DEFAULT_PROGRAM
    assert "HEARTLINE_CALL_TYPES" not in seen


@pytest.mark.parametrize("words", [("explain", "man with a zorb launcher"), ("check",)])
def test_rules_are_checked_and_explained_from_the_file(tmp_path, words):
    """A rulebook that is named by the option is the one that is read, and a wrong one is an error."""
    path = tmp_path / "own.toml"
    path.write_text("[[rule]]\n")
    code, _, err = heartline("rules", *words, "--rulebook", str(path))
    assert code == 2
    assert "rule" in err
