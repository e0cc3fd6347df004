"""Labels are read in one place: a known word is kept, a blank is no label, and an unknown word refuses the row."""

import json

import pytest

from models.errors import InvalidCall
from pipelines.data.ingest import ingest_file
from pipelines.data.labels import LABEL_WORDS, read_label
from pipelines.data.table import read_table


def table_of(tmp_path, *rows):
    """Return the table read from rows written as JSON lines."""
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(json.dumps({"narrative": "asleep in doorway"} | row) for row in rows))
    return read_table(path)


@pytest.mark.parametrize("column", sorted(LABEL_WORDS))
def test_a_label_that_cannot_be_read_refuses_the_row_by_name(tmp_path, column):
    """A word such as "Yes!" is never counted as no label."""
    table = table_of(tmp_path, {}, {column: "Yes!"})
    assert [(reject.row, reject.column) for reject in table.rejects] == [(2, column)]
    assert len(table.calls) == 1


@pytest.mark.parametrize(
    ("row", "danger"),
    [
        ({"danger": "yes"}, True),
        ({"danger": False}, False),
        ({"weapon": "mention", "violence": "none"}, True),
        ({"weapon": "yes"}, True),
        ({"violence": "yes"}, True),
        ({"violence": "threat"}, True),
        ({"weapon": "negated", "violence": "none"}, False),
        ({"weapon": "metaphor"}, False),
        ({"weapon": "no", "violence": "no"}, False),
        ({"danger": None, "weapon": "mention"}, True),
        ({"danger": "", "weapon": "", "violence": ""}, None),
        ({}, None),
    ],
)
def test_danger_is_read_from_its_flag_or_from_weapon_and_violence(tmp_path, row, danger):
    """Every documented word has one meaning; no label at all is unknown and not safe."""
    assert table_of(tmp_path, row).labels["danger"].tolist() == [danger]


@pytest.mark.parametrize(
    ("column", "word", "flag"),
    [
        ("medical", "needs_ems", True),
        ("medical", "Needs EMS", True),
        ("medical", "yes", True),
        ("medical", "none", False),
        ("medical", "no", False),
        ("medical", "", None),
        ("self_harm", "yes", True),
        ("self_harm", "no", False),
        ("self_harm", None, None),
    ],
)
def test_medical_and_self_harm_are_flags(tmp_path, column, word, flag):
    """Training reads True, False or None."""
    assert table_of(tmp_path, {column: word}).labels[column].tolist() == [flag]


def test_style_is_text(tmp_path):
    """The style of a synthetic note is kept as written."""
    assert table_of(tmp_path, {"style": "log"}, {}).labels["style"].fillna("missing").tolist() == ["log", "missing"]


@pytest.mark.parametrize(
    ("word", "read"),
    [("TRUE", "yes"), ("1.0", "yes"), ("n", "no"), ("disputed", "unsure"), ("Not eligible", "no"), (None, None)],
)
def test_usual_spellings_of_eligible_are_read(word, read):
    """A flag from a spreadsheet reads as the word."""
    assert read_label("eligible", word) == read


def test_the_remedy_lists_the_words():
    """Whoever mends the file sees what the column may hold."""
    with pytest.raises(InvalidCall, match="mention, negated"):
        read_label("weapon", "perhaps")


def test_ingest_keeps_every_label(tmp_path):
    """Labels of people and of the corpus stand in the written table."""
    path = tmp_path / "in.jsonl"
    row = {
        "narrative": "x",
        "weapon": "Mention",
        "medical": "needs_ems",
        "self_harm": "no",
        "style": "cad",
        "heart_type": "other",
    }
    path.write_text(json.dumps(row))
    ingest_file(path, tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text()).items() >= (row | {"weapon": "mention"}).items()
