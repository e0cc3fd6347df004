"""A CAD system's calls, typed against a real service: nothing lost, nothing late, every change answered."""

import shutil

import pytest
from command import heartline
from ledgers import of_service, prepared, sqlite_url
from servers import free_port, started, uvicorn

pytestmark = [pytest.mark.benchmark, pytest.mark.slow]


def test_every_change_of_simulated_calls_is_answered_and_kept(runs, tmp_path):
    """A few seconds of calls at high speed: the command says so, and the ledger is whole."""
    url = prepared(sqlite_url(tmp_path), tmp_path / "anchor")
    settings = {
        "HEARTLINE_BUNDLE": str(shutil.copytree(runs / "champion", tmp_path / "champion")),
        "HEARTLINE_CACHE": str(tmp_path / "good"), "HEARTLINE_CHALLENGER": str(tmp_path / "no"),
        "HEARTLINE_LEDGER": url, "HEARTLINE_ANCHOR": str(tmp_path / "anchor"),
    }  # fmt: skip
    port = free_port()
    words = ["--rate", "240", "--minutes", "0.08", "--words", "600", "--late", "10"]
    service = uvicorn("serving.app:create_app", port, "--factory")
    with started(service, port=port, environment=settings, seconds=180):
        code, out, err = heartline("cad", "simulate", "--url", f"http://127.0.0.1:{port}", *words)
    print(out)  # noqa: T201  the figures of this machine
    assert code == 0, out + err
    assert "lost 0, late 0, unanswered 0" in out
    ledger = of_service(url, tmp_path / "anchor")
    decisions = [entry.content for entry in ledger.read("decision")]
    assert ledger.verify().fault is None
    ledger.close()
    assert len(decisions) == int(out.split(" changes sent")[0].split()[-1])
    assert len({(decision["call_id"], decision["revision"]) for decision in decisions}) == len(decisions)


def test_a_service_that_is_not_there_is_an_error_of_the_input():
    """Nothing is typed where nobody answers."""
    code, _, err = heartline("cad", "simulate", "--url", f"http://127.0.0.1:{free_port()}", "--minutes", "0.01")
    assert code == 2
    assert "refuses a CAD system" in err
