"""A lexicon holds together, or says which entry does not; a city may add its own."""

import copy

import pytest

from models.errors import HeartlineError, InvalidLexicon
from models.signals import SignalDetector, load_lexicon
from models.signals.patterns import Expander, phrase_of
from models.text.normalize import normalise

OWN = {
    "signal": [
        {
            "id": "river-walk",
            "group": "welfare",
            "sentence": "Is at the river walk at night",
            "reason": "A local place where people stay overnight.",
            "patterns": ["{at|on} the river walk"],
            "fires": ["at the river walk", "on the river walk", "two at the river walk", "at the river walk x2", "he"],
            "silent": ["at the river", "walks home", "on the walk"],
        }
    ]
}  # fmt: skip


def changed(**values):
    """Return the city's table with values of its signal replaced."""
    table = copy.deepcopy(OWN)
    table["signal"][0] |= values
    return table


def test_a_city_adds_its_own_signals():
    """What a city adds is found like any other, and the version says that something was added."""
    lexicon = load_lexicon(OWN)
    note = "Female on the River Walk, asleep"
    assert "river-walk" in {signal.id for signal in SignalDetector(lexicon).detect(normalise(note), note)}
    assert lexicon.version != load_lexicon().version
    assert lexicon.version.split("+")[0] == load_lexicon().version.split("+")[0]


def test_a_file_and_its_table_give_one_version(tmp_path):
    """The digest is of what is said, so a table in a program file and a file of its own agree."""
    path = tmp_path / "own.toml"
    entry = OWN["signal"][0]
    lines = [f"{key} = {list(value)!r}" if isinstance(value, list) else f'{key} = "{value}"' for key, value in entry.items()]
    path.write_text("[[signal]]\n" + "\n".join(lines).replace("'", '"'), encoding="utf-8")
    assert load_lexicon(path).version == load_lexicon(OWN).version


@pytest.mark.parametrize(
    ("table", "named"),
    [
        (changed(colour="red"), "river-walk"),
        (changed(fires=["one"]), "fires"),
        (changed(group="nothing"), "nothing"),
        (changed(id="Not An Id"), "id"),
        (changed(id="suicidal"), "suicidal"),
        (changed(patterns=["{no_such_list}"]), "no_such_list"),
        (changed(patterns=["{a|b"]), "brace"),
        (changed(patterns=["a|b}"]), "brace"),
        (changed(patterns=["{a|}"]), "empty"),
        (changed(patterns=["asleep ~ {in|}"]), "empty"),
        (changed(near_misses=["{at|on} the river walk"]), "excuses"),
        ({"signals": []}, "signals"),
    ],
)
def test_what_is_wrong_is_named(table, named):
    """Each fault raises `InvalidLexicon` with the entry, the value and a remedy."""
    with pytest.raises(InvalidLexicon, match=named) as raised:
        load_lexicon(table)
    assert isinstance(raised.value, HeartlineError)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """A missing file and a file that is not TOML are errors of the lexicon."""
    with pytest.raises(InvalidLexicon, match=r"absent\.toml"):
        load_lexicon(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("[[signal", encoding="utf-8")
    with pytest.raises(InvalidLexicon, match="not TOML"):
        load_lexicon(tmp_path / "bad.toml")


def test_a_pattern_stands_for_every_choice():
    """Slots, slots within slots, lists and gaps are expanded exactly."""
    expander = Expander({"leave": ["leave", "go {away|}"]})
    (segment,) = expander.pattern("{won't|refuses to} {leave}", where="test").segments
    assert segment == {
        ("wont", "leave"), ("wont", "go", "away"), ("wont", "go"),
        ("refuses", "to", "leave"), ("refuses", "to", "go", "away"), ("refuses", "to", "go"),
    }  # fmt: skip
    gapped = expander.pattern("asked ~ to {leave}", where="test")
    assert (len(gapped.segments), gapped.gaps) == (2, (3,))


def test_words_read_as_notes_are_typed():
    """Apostrophes join, accents fall away, and signs stay only between digits."""
    assert phrase_of("Won't, está 10-56 w/o") == ("wont", "esta", "10", "-", "56", "w", "o")
