"""The benchmark measures any system by the same cases, and its files are as their datasheet describes."""

import http.server
import json
import threading
from collections import Counter

import pytest
from command import ROOT, heartline

from models.call import Call
from models.decision import Recommendation
from models.errors import InvalidConfig, InvalidData
from models.router import Router
from pipelines.benchmark import Answer, HttpSystem, RouterSystem, load_cases, measure, run
from pipelines.benchmark.systems import Adapter, answer_of, load_adapter, request_of

FILES = ROOT / "data" / "benchmark"
SHIPPED = FILES / "heartline-http.toml"


class Careless:
    """A system that clears every call and fires no rule."""

    name, reads_files = "careless", False

    def answers(self, calls):
        """Yield the same answer for each call."""
        return (Answer(recommendation=Recommendation.ELIGIBLE, vetoed=False) for _ in calls)


@pytest.fixture(scope="module")
def cases():
    """Return the cases of the shipped files."""
    return load_cases(FILES)


def figures(result):
    """Return hits and cases by part, group and measure."""
    return {(row.part, row.group, row.measure): (row.hits, row.estimate.n) for row in result.rows}


def test_the_files_are_what_the_datasheet_says(cases):
    """Each part has as many cases as data/benchmark/README.md names, and the blind notes their sets."""
    sheet = " ".join((FILES / "README.md").read_text(encoding="utf-8").split())
    counts = Counter(case.part for case in cases)
    assert f"{counts['call types']} types" in sheet
    assert f"{counts['assertion traps']} notes" in sheet
    assert f"{counts['typical calls']} calls" in sheet
    traps = Counter(case.group for case in cases if case.part == "veto traps")
    assert f"{traps['dangerous']} dangerous and {traps['harmless']} harmless" in sheet
    assert Counter(case.group for case in cases if case.part == "blind notes") == {
        "hard": 500,
        "ordinary": 360,
        "later": 1300,
    }


def test_a_careless_system_is_shown_to_be_one(cases):
    """A system that clears everything is counted wrong on every case that must not be cleared, and on no other."""
    result = run(Careless(), FILES)
    counted = figures(result)
    assert counted["veto traps", "dangerous", "suggested ELIGIBLE where that is never right"] == (430, 430)
    assert counted["veto traps", "harmless", "vetoed, of the notes that must not be"][0] == 0
    hits, n = counted["blind notes", "hard", "suggested ELIGIBLE with a weapon or violence"]
    assert hits == n > 50
    assert counted["blind notes", "hard", "eligible, suggested ELIGIBLE"] == (98, 98)
    must_not = sum(Recommendation.ELIGIBLE not in case.acceptable for case in cases)
    assert len(result.wrong) == must_not
    assert len(result.not_measured) == 2  # it reads no files and says no call types
    json.loads(result.to_json())


def test_no_answer_is_counted_and_is_never_a_clear(cases):
    """Calls without an answer have a row of their own."""
    rows = measure([(case, Answer()) for case in cases if case.part == "typical calls"], confidence=0.95)
    by_name = {row.measure: row.hits for row in rows}
    assert by_name["not answered"] == 64
    assert by_name["suggested ELIGIBLE where that is never right"] == 0


def test_the_rules_alone_pass_every_trap(rules_router):
    """Without a model every dangerous note is vetoed, no harmless one is, each form is read, and nothing is cleared."""
    counted = figures(run(RouterSystem(rules_router), FILES))
    assert counted["veto traps", "dangerous", "vetoed, of the notes that must be"] == (430, 430)
    assert counted["veto traps", "harmless", "vetoed, of the notes that must not be"] == (0, 231)
    assert counted["assertion traps", "denied", "vetoed, of the notes that must not be"][0] == 0
    assert counted["formats", "", "files read as expected"] == (4, 4)
    assert counted["blind notes", "hard", "suggested ELIGIBLE with a weapon or violence"][0] == 0


def test_one_notes_file_of_ones_own_is_the_part_transfer(rules_router, tmp_path):
    """A labelled file is measured by the same measures, under its own name."""
    (tmp_path / "town.csv").write_text("narrative,eligible,weapon\nman asleep in lobby,yes,none\nhe has a knife,no,yes\n")
    result = run(RouterSystem(rules_router), FILES, data=[tmp_path / "town.csv"])
    assert figures(result)["transfer", "town", "suggested ELIGIBLE with a weapon or violence"] == (0, 1)


class Triage(http.server.BaseHTTPRequestHandler):
    """A vendor's service with nested fields and words of its own, which fails on one call."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Answer by one word of the note."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        note, key = body["call"]["text"], self.headers["X-Key"]
        knife = "knife" in note
        answer = {"triage": {"level": "POLICE" if knife else "TEAM", "score": 0.1 if knife else 0.9, "stops": [knife]}}
        content = json.dumps(answer).encode() if "broken" not in note else b"<html>"
        self.send_response(200 if key == "abc" else 401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Print nothing."""


ADAPTER = """
name = "Triage"
url = "http://127.0.0.1:{port}/triage"
headers = {{ X-Key = "${{BENCHMARK_TEST_KEY}}" }}
constants = {{ version = 2 }}
[request]
narrative = "call.text"
[response]
recommendation = "triage.level"
probability = "triage.score"
vetoed = "triage.stops.*"
[words]
TEAM = "ELIGIBLE"
POLICE = "NOT_ELIGIBLE"
"""


@pytest.fixture
def adapter_file(tmp_path):
    """Start the vendor's service and return an adapter for it."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Triage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path / "triage.toml"
        path.write_text(ADAPTER.format(port=server.server_port))
        yield path
        server.shutdown()


def test_any_service_is_measured_by_an_adapter(adapter_file, monkeypatch):
    """Request keys, places of the answer and words are the adapter's; what cannot be read is no answer."""
    monkeypatch.setenv("BENCHMARK_TEST_KEY", "abc")
    notes = ["asleep in lobby", "has a knife", "broken"]
    answers = list(HttpSystem(load_adapter(adapter_file)).answers(Call(narrative=note) for note in notes))
    assert [each.recommendation for each in answers] == ["ELIGIBLE", "NOT_ELIGIBLE", None]
    assert [(each.vetoed, each.probability) for each in answers[:2]] == [(False, 0.9), (True, 0.1)]


def test_a_service_that_refuses_everything_ends_the_run(adapter_file, monkeypatch):
    """A wrong key is named after a few calls, not counted two thousand times."""
    monkeypatch.setenv("BENCHMARK_TEST_KEY", "wrong")
    with pytest.raises(InvalidData, match="does not answer"):
        list(HttpSystem(load_adapter(adapter_file)).answers([Call(narrative="note")] * 20))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("http://127.0.0.1:{port}", "http://triage.example"), "unencrypted"),
        (("narrative =", "color ="), "does not map"),
        (("probability", "chance"), "unknown key"),
        (("BENCHMARK_TEST_KEY", "BENCHMARK_NO_SUCH_KEY"), "environment variable is not set"),
    ],
)
def test_a_faulty_adapter_is_refused_by_name(tmp_path, monkeypatch, change, message):
    """A fault of the adapter is named before a note leaves the machine."""
    monkeypatch.setenv("BENCHMARK_TEST_KEY", "abc")
    path = tmp_path / "triage.toml"
    path.write_text(ADAPTER.replace(*change).format(port=9))
    with pytest.raises(InvalidConfig, match=message):
        load_adapter(path)


def test_the_shipped_adapter_reads_heartlines_own_answer(rules_router):
    """What the service sends is read by data/benchmark/heartline-http.toml as the Router says it."""
    adapter = load_adapter(SHIPPED)
    call = Call(narrative="male with a knife", call_type="Trespass")
    assert request_of(adapter, call) == {"narrative": "male with a knife", "call_type": "Trespass"}
    answer = answer_of(adapter, json.loads(rules_router.decide(call).to_json()))
    assert (answer.recommendation, answer.vetoed, answer.response) == ("NOT_ELIGIBLE", True, "police")
    assert isinstance(adapter, Adapter)


def test_the_command_prints_a_table_and_writes_it(runs, tmp_path):
    """The figures on the terminal are those of the JSON, and neither holds a note."""
    to = tmp_path / "benchmark.json"
    code, out, err = heartline("benchmark", "--files", str(FILES), "--runs", str(runs), "--json", str(to))
    assert code == 0, err
    record = json.loads(to.read_text())
    assert all(row["measure"] in out for row in record["rows"])
    assert "MOOSE" not in out.upper()
    assert "MOOSE" not in to.read_text().upper()
    assert Router.load(runs / "champion").bundle.digest[:12] in record["system"]
