"""A city's own program from training to the answer: its call types, rulebook and signals, without its file at the end."""

import shutil

import pytest
from city import OWN_RULE, OWN_SIGNAL
from clients import local_client
from command import ROOT, SMALL, heartline
from ledgers import prepared, sqlite_url

from models.call import Call
from models.programs.kept import FILE, FOLDER
from models.veto import RULEBOOK_PATH
from serving.app import create_app
from serving.settings import Settings

pytestmark = pytest.mark.slow


def town_in(folder):
    """Write a town's program, rulebook, call types and signals, and return the options that name them."""
    texts = {
        "program": (ROOT / "data/examples/town.toml").read_text(encoding="utf-8"),
        "rulebook": RULEBOOK_PATH.read_text(encoding="utf-8") + OWN_RULE,
        "call-types": '[call_types]\n"SLEEPER" = "trespass"\n',
        "signals": OWN_SIGNAL,
    }
    options = []
    for name, text in texts.items():
        path = folder / name / "town.toml"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        options += [f"--{name}", str(path)]
    return options


def test_a_town_trains_releases_and_is_served_by_its_own_program(certifiable, tmp_path):
    """The bundle keeps the town's files: release, MLflow's model and the service work when they themselves are gone."""
    town, runs = town_in(tmp_path / "town"), tmp_path / "mlruns"
    options = ("--config", str(SMALL), "--runs", str(runs))
    code, _, err = heartline("train", "--data", str(certifiable), *town, *options)
    assert code == 0, err
    shutil.rmtree(tmp_path / "town")
    code, out, err = heartline("release", *options)
    assert code == 0, out + err
    kept = runs / "champion" / FOLDER / FILE
    settings = Settings(
        bundle=runs / "champion", cache=tmp_path / "good", challenger=tmp_path / "none", program=str(kept),
        ledger=prepared(sqlite_url(tmp_path), tmp_path / "anchor"), anchor=str(tmp_path / "anchor"),
    )  # fmt: skip
    with local_client(create_app(settings, log=False)) as client:
        ready = client.get("/v1/health/ready").json()
        assert ready["status"] == "ready", ready
        calm, vetoed = (
            client.post("/v1/decisions?attended=false", json={"narrative": note, "call_type": "SLEEPER"}).json()
            for note in ("male asleep in doorway of store", "man by the fountain with a zorb launcher")
        )
        read = client.app.state.services.models.active.router.reader.read
        signals = {signal.id for signal in read(Call(narrative="female on the river walk")).signals}
    assert calm["versions"]["program"].startswith("town@")
    assert calm["versions"]["certified_on"] == "synthetic", calm["versions"]  # proved with these very rules and signals
    assert "call_type_not_taken" not in {reason["code"] for reason in calm["reasons"]}
    assert vetoed["recommendation"] == "NOT_ELIGIBLE"
    assert "zorb-launcher" in {hit["rule_id"] for hit in vetoed["hits"]}
    assert "river-walk" in signals
