"""Real, masked police-dispatch notes, where they are at hand: what carries over, and that none has entered the project."""

import csv
import re
import subprocess
from pathlib import Path

import pytest
from command import ROOT, SMALL, heartline

from pipelines.data.table import read_table
from pipelines.evaluation.evaluate import evaluate

REAL = ROOT.parent / "shared" / "real"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real notes are not at hand: ../shared/real is absent")


def words(text):
    """Return the words of a text."""
    return re.findall(r"[a-z0-9']+", text.lower())


def notes_of(path):
    """Return the rows of a file of notes."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(keepends=True)))


@needs_real
def test_eligible_calls_are_told_apart_on_real_notes(router, small_config):
    """Trained on a small synthetic corpus only, the order of real notes is far better than the call type's."""
    found = evaluate(router, read_table(REAL / "dev.csv"), small_config.evaluate)
    assert found.figures["auc"].value > 0.9
    assert (found.n, found.n_unsure) == (306, 44)
    assert found.figures["false_clear_rate"].value < 0.1


@needs_real
def test_evaluate_prints_real_figures_without_a_note(runs):
    """Rows are named by number; no word of a note is printed."""
    code, out, _ = heartline("evaluate", "--data", str(REAL / "dev.csv"), "--runs", str(runs), "--config", str(SMALL))
    assert code == 0
    printed = " ".join(words(out))
    notes = [" ".join(words(row["narrative"])) for row in notes_of(REAL / "dev.csv")]
    assert not any(note in printed for note in notes if len(note.split()) >= 4)


@needs_real
def test_no_real_note_has_entered_the_project():
    """No tracked file holds nine words in a row of a real note."""
    runs_of_nine = set()
    for file in REAL.glob("*.csv"):
        for row in notes_of(file):
            text = words(row["narrative"])
            runs_of_nine |= {tuple(text[i : i + 9]) for i in range(len(text) - 8)}
    assert runs_of_nine
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, tracked):
        try:
            text = words(Path(ROOT / name).read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
        assert not any(tuple(text[i : i + 9]) in runs_of_nine for i in range(len(text) - 8)), name
