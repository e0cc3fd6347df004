"""A rulebook, call types and signals can be given as files beside a program, and are kept with it as one."""

import tomllib

import pytest
import tomli_w
from city import OWN_RULE, OWN_SIGNAL
from command import ROOT

from models.call import Call
from models.errors import InvalidConfig, InvalidLexicon, InvalidRulebook
from models.programs.files import ProgramFiles
from models.programs.kept import keep_program, program_file, program_of
from models.programs.program import load_program
from models.router import Router, matcher_of
from models.veto import RULEBOOK_PATH
from serving.model_manager import ModelManager
from serving.settings import Settings

TOWN = str(ROOT / "data/examples/town.toml")
ARMED = Call(narrative="man by the fountain with a zorb launcher")


@pytest.fixture
def files(tmp_path):
    """Return a town's program with each of the three files."""
    rules = tomllib.loads(RULEBOOK_PATH.read_text(encoding="utf-8")) | tomllib.loads(OWN_RULE)  # one rule is soon compiled
    (tmp_path / "rules.toml").write_text(tomli_w.dumps(rules), encoding="utf-8")
    (tmp_path / "types.toml").write_text('[call_types]\n"ZORBING" = "trespass"\n"CODE Q" = "welfare_check"\n')
    (tmp_path / "signals.toml").write_text(OWN_SIGNAL)
    return ProgramFiles(TOWN, tmp_path / "rules.toml", tmp_path / "types.toml", tmp_path / "signals.toml")


def test_a_rulebook_takes_the_place_of_the_programs(files):
    """A word of the city's rulebook vetoes, with any program, and the versions name that rulebook."""
    own = Router.load(None, program=ProgramFiles(rulebook=files.rulebook))
    assert own.decide(ARMED).vetoed
    assert not Router.load(None).decide(ARMED).vetoed
    assert own.versions.rulebook != Router.load(None).versions.rulebook


def test_call_types_are_laid_over_the_programs(files):
    """The file's name for a type counts, before the program's own, and the program's other types and codes stay."""
    read = load_program(ProgramFiles(TOWN, call_types=files.call_types)).call_types.canonical
    assert (read("ZORBING").name, read("CODE Q").name) == ("trespass", "welfare_check")
    assert read("CODE H SUBJ") == load_program(TOWN).call_types.canonical("CODE H SUBJ")
    assert read("245").danger == load_program(TOWN).call_types.canonical("245").danger


def test_signals_are_added_to_the_programs(files, tmp_path):
    """A signal of the file is read beside the shipped ones and beside those of the program's own file."""
    other = (
        OWN_SIGNAL.replace("river-walk", "old-mill").replace("river walk", "old mill").replace("at the river", "at a river")
    )
    town = tmp_path / "town.toml"
    text = (ROOT / "data/examples/town.toml").read_text(encoding="utf-8")
    town.write_text(text + other.replace("[[signal]]", "[[signals.signal]]"), encoding="utf-8")
    router = Router.load(None, program=ProgramFiles(town, signals=files.signals))
    signals = router.reader.read(Call(narrative="asleep in lobby, was on the river walk, then at the old mill")).signals
    assert {"river-walk", "old-mill", "sleeping-inside"} <= {signal.id for signal in signals}


def test_every_file_changes_the_version(files):
    """Two cities that differ in one file never share the versions of a decision."""
    versions = {
        str(Router.load(None, program=each).versions)
        for each in (
            files,
            TOWN,
            *(
                ProgramFiles(TOWN, **{name: getattr(files, name)})  # type: ignore[arg-type]
                for name in ("rulebook", "call_types", "signals")
            ),
        )
    }
    assert len(versions) == 5


def test_what_a_bundle_keeps_is_the_same_program_without_the_files(files, tmp_path):
    """One file and the rulebook beside it read as the same versions, after the city's own files are gone."""
    before, bundle = load_program(files), tmp_path / "bundle"
    bundle.mkdir()
    keep_program(bundle, before)
    for path in (files.rulebook, files.call_types, files.signals):
        path.unlink()
    again = program_of(bundle, "durham-heart", version=before.version)
    assert again.call_types.canonical("CODE Q").name == "welfare_check"
    assert again.signals["signal"][0]["id"] == "river-walk"
    assert any(rule.id == "zorb-launcher" for rule in matcher_of(again).rulebook.rules)
    assert load_program(program_file(bundle)).version == before.version


def test_a_program_that_is_one_file_is_kept_as_it_is(tmp_path):
    """Nothing of a city's own writing is lost: comments stand in what is kept."""
    keep_program(tmp_path, load_program(TOWN))
    assert program_file(tmp_path).read_bytes() == (ROOT / "data/examples/town.toml").read_bytes()


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("call_types", '[call_type]\n"X" = "trespass"\n', InvalidConfig),
        ("call_types", "not toml", InvalidConfig),
        ("call_types", None, InvalidConfig),
        ("signals", OWN_SIGNAL.replace("reason", "because"), InvalidLexicon),
        ("signals", "extra = 1\n", InvalidLexicon),
        ("signals", None, InvalidConfig),
        ("rulebook", "[[rule]]\n", InvalidRulebook),
        ("rulebook", None, InvalidRulebook),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, name, text, fault):
    """A file that is missing, is no TOML or has an unknown key is an error when the router is made."""
    path = tmp_path / "own.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(fault):
        Router.load(None, program=ProgramFiles(**{name: path}))


def test_the_service_takes_the_files_from_its_environment(files, tmp_path, monkeypatch):
    """HEARTLINE_RULEBOOK and its like give the router of the same versions, and its archive replays without the files."""
    for name in ("program", "rulebook", "call_types", "signals"):
        monkeypatch.setenv(f"HEARTLINE_{name.upper()}", str(getattr(files, name)))
    settings = Settings.from_environment().model_copy(
        update={"bundle": tmp_path / "no", "challenger": tmp_path / "none", "cache": tmp_path / "good"}
    )
    router = ModelManager(settings).active.router
    assert router.versions == Router.load(None, program=files).versions
    assert router.decide(ARMED).vetoed
    kept = tmp_path / "archive" / "program" / router.versions.program
    assert load_program(kept).version == router.versions.program
