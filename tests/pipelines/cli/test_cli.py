"""The command: its output, its files, and its three exit codes."""

import json

import pandas as pd
import pytest
from command import ROOT, SMALL, heartline

NOTES = [
    {"narrative": "male asleep in doorway, refusing to leave", "call_type": "Trespass", "call_id": "a", "colour": "blue"},
    {"narrative": "the caller whispers SECRETWORD, has a gun", "call_id": "b", "colour": "red"},
    {"narrative": "SECRETWORD again", "call_id": "c", "calls_24h": "lots", "colour": "red"},
]


@pytest.fixture
def calls(tmp_path):
    """Write three calls, the last of which cannot be read."""
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(map(json.dumps, NOTES)), encoding="utf-8")
    return path


def test_score_keeps_the_order_and_answers_every_row(calls, runs, tmp_path):
    """Unknown columns are named once; a row that is no call is REVIEW; exit 2 says the input was wrong."""
    to = tmp_path / "decisions.jsonl"
    code, _, err = heartline("score", str(calls), "--out", str(to), "--runs", str(runs))
    decisions = [json.loads(line) for line in to.read_text().splitlines()]
    assert [decision["call_id"] for decision in decisions] == ["a", "b", "c"]
    assert decisions[1]["recommendation"] == "NOT_ELIGIBLE"
    assert (decisions[2]["recommendation"], decisions[2]["reasons"][0]["code"]) == ("REVIEW", "invalid_call")
    assert code == 2
    assert err.count("ignored columns: colour") == 1
    assert "SECRETWORD" not in err


def test_score_reads_and_writes_pipes(runs):
    """Standard input to standard output, CSV or JSONL."""
    code, out, _ = heartline("score", "-", "--runs", str(runs), stdin=b'narrative,call_id\n"has a knife",x\n')
    assert (code, json.loads(out)["call_id"]) == (0, "x")
    code, out, _ = heartline("score", "-", "--runs", str(runs), stdin=b'{"narrative": "has a knife"}\n')
    assert (code, json.loads(out)["recommendation"]) == (0, "NOT_ELIGIBLE")


def test_score_gives_as_much_of_why_as_is_asked(calls, runs, tmp_path):
    """Short reasons leave out hits and contributions; with none a veto still names itself; the answers stay the same."""
    answers = {}
    for reasons in ("all", "short", "none"):
        to = tmp_path / f"{reasons}.jsonl"
        heartline("score", str(calls), "--out", str(to), "--runs", str(runs), "--reasons", reasons)
        answers[reasons] = [json.loads(line) for line in to.read_text().splitlines()]
    for of_all, short, none in zip(*answers.values(), strict=True):
        assert of_all["recommendation"] == short["recommendation"] == none["recommendation"]
        assert short["reasons"] == of_all["reasons"]
        assert short["contributions"] == none["contributions"] == []
    assert [reason["code"] for reason in answers["none"][1]["reasons"]] == ["veto_weapon"]
    assert answers["none"][0]["reasons"] == []


def test_score_writes_parquet_with_the_same_json(calls, runs, tmp_path):
    """A table of decisions holds the whole decision too."""
    heartline("score", str(calls), "--out", str(tmp_path / "d.parquet"), "--runs", str(runs))
    frame = pd.read_parquet(tmp_path / "d.parquet")
    assert frame["recommendation"].tolist()[1] == "NOT_ELIGIBLE"
    assert json.loads(frame["decision"][1])["call_id"] == "b"


def test_evaluate_puts_false_clears_first(recent, runs, tmp_path):
    """The worst errors come first."""
    report = tmp_path / "report.json"
    words = ("--data", str(recent), "--runs", str(runs), "--config", str(SMALL), "--json", str(report))
    code, out, _ = heartline("evaluate", *words)
    assert code == 0
    assert out.startswith("False clears")
    assert "auc" in json.loads(report.read_text())["evaluation"]["figures"]


def test_synthesise_then_ingest(tmp_path):
    """A corpus is written, checked, and written again as another kind."""
    made, read = tmp_path / "s.csv", tmp_path / "s.parquet"
    assert heartline("synthesise", "--calls", "50", "--out", str(made))[0] == 0
    code, _, err = heartline("ingest", "--data", str(made), "--out", str(read))
    assert (code, len(pd.read_parquet(read))) == (0, 50)
    assert "50 calls written" in err


def test_ingest_names_refused_rows_in_a_file(calls, tmp_path):
    """The accepted rows are written, the others named, and the exit code is 2."""
    to = tmp_path / "out.csv"
    code, out, err = heartline("ingest", "--data", str(calls), "--out", str(to))
    assert (code, len(pd.read_csv(to))) == (2, 2)
    rejects = pd.read_csv(tmp_path / "out.rejects.csv")
    assert rejects[["row", "column"]].to_numpy().tolist() == [[3, "calls_24h"]]
    assert "SECRETWORD" not in out + err + rejects["reason"][0]
    assert "SECRETWORD again" in rejects["record"][0]  # the row itself is kept, to be mended


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["score", "nowhere.csv"], 2, "no such file"),
        (["evaluate", "--data", "nowhere.csv"], 2, "no such file"),
        (["train", "--data", "data/sample.csv", "--config", "nowhere.toml"], 2, "file cannot be read"),
        (["train", "--data", "data/sample.csv", "--runs", "{tmp}"], 1, "at least 299"),
        (["release", "--runs", "{tmp}"], 1, "no candidate"),
        (["serve", "--host", "0.0.0.0"], 2, "without authentication"),
        (["rules", "check", "--rulebook", "pyproject.toml"], 2, "rulebook is wrong at version"),
        (["score", "data/sample.csv", "--program", "atlantis"], 2, "no such program"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_faults_are_one_line_with_their_exit_code(words, code, said, runs, tmp_path, monkeypatch):
    """Exit 0 is done, 1 refused, 2 an input at fault; errors name fault, value and remedy."""
    monkeypatch.chdir(ROOT)
    words = [word.replace("{tmp}", str(tmp_path)) for word in words]
    if words[0] in {"score", "evaluate"}:
        words += ["--runs", str(runs)]
    found, _, err = heartline(*words)
    assert found == code
    assert said in err
    assert "Traceback" not in err


def test_every_command_that_reads_labelled_calls_says_what_it_refuses(tmp_path, runs):
    """A label that cannot be read is named by its row and reason, never dropped in silence."""
    path = tmp_path / "calls.csv"
    path.write_text("narrative,eligible\nmale asleep in doorway,yes\nmale with a knife,Yes!\n")
    for words in (["rules", "report"], ["signals", "report"], ["evaluate", "--runs", str(runs)]):
        code, _, err = heartline(*words, "--data", str(path))
        assert code == 0, err
        assert "row 2 is refused: " in err
        assert "'Yes!'" in err
