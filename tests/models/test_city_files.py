"""One file of a city carries its program, call types, signals and rulebook into every router."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest
from city import OWN_RULE
from command import ROOT, heartline

from models.call import Call
from models.errors import InvalidRulebook
from models.programs.program import PROGRAMS, load_program
from models.router import Router, matcher_of
from models.veto import RULEBOOK_PATH
from pipelines.data.table import LABEL_ROW, Table
from pipelines.evaluation.baselines import choices
from pipelines.evaluation.evaluate import evaluate
from pipelines.evaluation.evaluation_frame import evaluation_frame
from pipelines.operations import backfill

TOWN = ROOT / "data" / "examples" / "town.toml"


@pytest.fixture
def town(tmp_path):
    """Return the path of a town's program with its own rulebook beside it."""
    text = RULEBOOK_PATH.read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(text + OWN_RULE, encoding="utf-8")
    path = tmp_path / "town.toml"
    path.write_text(TOWN.read_text().replace('id = "town"', 'id = "town"\nrulebook = "own.toml"', 1), encoding="utf-8")
    return path


def test_a_towns_rulebook_vetoes_in_its_router(town):
    """A word of the town's own list is a mention there and nowhere else, and the versions tell the two apart."""
    own, shipped = Router.load(None, program=town), Router.load(None, program=TOWN)
    call = Call(narrative="man by the fountain with a zorb launcher")
    assert own.decide(call).vetoed
    assert not shipped.decide(call).vetoed
    assert own.versions.rulebook != shipped.versions.rulebook


def test_a_towns_call_types_are_read_in_its_router():
    """The town's own name, and the codes of its region."""
    router = Router.load(None, program=TOWN)
    read = router.reader.read
    assert read(Call(narrative="x", call_type="CODE H SUBJ")).call_type.confidence == "exact"
    assert router.decide(Call(narrative="argument over a parking space", call_type="245")).vetoed


def test_a_program_kept_under_another_name_is_read_by_its_path(tmp_path):
    """A path is a path, whatever its ending; a name is one of the programs that ship."""
    kept = tmp_path / "durham-heart@2026.11"
    shutil.copy(PROGRAMS / "durham-heart.toml", kept)
    assert load_program(kept).version == load_program().version


def test_a_rulebook_that_is_not_there_is_named(town):
    """The fault is found when the router is made, not at the first call."""
    (town.parent / "own.toml").unlink()
    with pytest.raises(InvalidRulebook):
        matcher_of(load_program(town))
    with pytest.raises(InvalidRulebook):
        matcher_of(replace(load_program(TOWN), rulebook=town.parent / "none.toml"))


def test_every_command_takes_the_file(town):
    """`--program town.toml` is enough."""
    assert heartline("programs", "check", str(town))[0] == 0
    assert "Example Town" in heartline("programs", "show", str(town))[1]
    note = "man by the fountain with a zorb launcher"
    assert "zorb-launcher" in heartline("rules", "explain", note, "--program", str(town))[1]
    assert "zorb-launcher" not in heartline("rules", "explain", note)[1]


def test_evaluation_reads_call_types_as_the_town_does(small_config):
    """Errors, groups and the simplest way of choosing go by the town's own names."""
    router = Router.load(None, program=TOWN)
    labels = pd.DataFrame([LABEL_ROW | {"row": 1, "eligible": True}, LABEL_ROW | {"row": 2, "eligible": False}])
    calls = [Call(narrative="asleep in lobby", call_type="CODE H SUBJ"), Call(narrative="x", call_type="CODE H SUBJ")]
    table = Table(calls, labels.astype(object))
    assert list(evaluate(router, table, small_config.evaluate).recall_by_type) == ["trespass"]
    decisions = [router.decide(call) for call in table.calls]
    frame = evaluation_frame(table, decisions, program=router.program)
    assert set(frame["call type"]) == {"trespass"}
    assert choices(frame, table.calls, router.program, dispatched=None)["call type only"].all()


def test_scored_history_names_the_towns_own_parts(town, tmp_path, router):
    """A folder of answers is marked with the rulebook that decided, so that another one does not go on with it."""
    deciding = backfill.Deciding(bundle=str(router.bundle.folder), program=str(town), detail="none")
    backfill._mark(tmp_path / "answers", deciding)
    mark = next((tmp_path / "answers").iterdir()).read_text(encoding="utf-8")
    assert matcher_of(load_program(town)).version in mark
    assert matcher_of(load_program(TOWN)).version not in mark
