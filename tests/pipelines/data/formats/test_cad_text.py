"""CAD text is put in order and freed of logins, and a word of the note is never taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.call import Call
from pipelines.data.column_map import load_map
from pipelines.data.formats.cad_text import read_log, read_ossi
from pipelines.data.formats.key_questions import key_answers

EXPORT = (
    "CAD:MENTAL PERSON;12 WINCHESTER DR;{A12} STILL CALM [03/02/26 07:20:01 SHOTTS] [LAW] SISTER ADV NO MEDS "
    "[03/02/26 07:15:00 KNIFEB] RP WORRIED FOR BROTHER [03/02/26 07:12:40 GUNN];GUNN ST;OAK AVE"
)


def test_an_ossi_export_is_put_in_order():
    """Oldest first, each entry after its time, without units, sections, logins and streets."""
    cad = read_ossi(EXPORT)
    assert cad.note.text.split("\n") == [
        "07:12:40 RP WORRIED FOR BROTHER",
        "07:15:00 SISTER ADV NO MEDS",
        "07:20:01 STILL CALM",
    ]
    assert (cad.nature, cad.address) == ("MENTAL PERSON", "12 WINCHESTER DR")
    assert cad.first_at.isoformat() == "2026-03-02T07:12:40"


def test_logins_and_streets_do_not_veto_and_words_do(rules_router):
    """GUNN, KNIFEB and SHOTTS are names; a knife in the text is a knife."""
    assert not rules_router.decide(Call(narrative=read_ossi(EXPORT).note.text)).vetoed
    assert rules_router.decide(Call(narrative=read_ossi(EXPORT.replace("STILL CALM", "HAS A KNIFE")).note.text)).vetoed


def test_each_word_leads_back_to_the_export():
    """A highlight in the note can be shown where it stood."""
    cad = read_ossi(EXPORT)
    for word in ("BROTHER", "SISTER", "CALM"):
        place = cad.note.text.index(word)
        start, last = cad.note.span(place, place + len(word))
        assert EXPORT[start : last + 1] == word


@pytest.mark.parametrize(
    ("export", "lines"),
    [
        ("CAD:X;Y;newer [03/02/26 07:20:01 AB] older, cut off he", ["older, cut off he", "07:20:01 newer"]),
        ("CAD:X;Y;newer [03/02/26 07:20:01 AB] older [03/02/26 07:1", ["older", "07:20:01 newer"]),
        ("CAD:X;Y;all of it [03/02/26 07:20:01 AB];has a gun;now", [";has a gun;now", "07:20:01 all of it"]),
        ("no form at all", ["no form at all"]),
        ("CAD:X;Y;[GUN] on {table} [03/02/26 07:20:01 AB]", ["07:20:01 [GUN] on {table}"]),
        ("CAD:X;Y;Event spawned from ASSAULT. [03/02/26 07:20:01 AB]", ["07:20:01 Event spawned from ASSAULT."]),
        ("", [""]),
    ],
)
def test_ends_that_were_cut_keep_their_words(export, lines):
    """Nothing but stamps, units, sections and streets is taken out."""
    assert read_ossi(export).note.text.split("\n") == lines


@given(st.lists(st.sampled_from(["HAS A KNIFE", "CALM", "RP ADV", "{table}", "[GUN]", "x;y"]), min_size=1, max_size=6))
def test_no_entry_is_lost(entries):
    """Each entry of an export is a line of the note, in the order in which they were written."""
    stamps = [f"[03/02/26 07:{59 - place:02d}:00 GUNN]" for place in range(len(entries))]
    export = "CAD:N;A;" + " ".join(f"{text} {stamp}" for text, stamp in zip(entries, stamps, strict=True)) + ";OAK ST;ELM ST"
    lines = read_ossi(export).note.text.split("\n")
    assert [line.split(" ", 1)[1] for line in lines] == list(reversed(entries))


@pytest.mark.parametrize(
    ("log", "roster", "text"),
    [
        ("07:12:40 GUNN: calm", ["gunn"], "07:12:40 calm"),
        ("07:12:40 GUN: on table", ["gunn"], "07:12:40 GUN: on table"),
        ("07:12 GUN on table", [], "07:12 GUN on table"),
        ("[03/02/26 07:14:00 KNIFEB] calm", [], "[03/02/26 07:14:00] calm"),
        ("Ofc Gunn en route", ["GUNN"], "Ofc [NAME] en route"),
        ("Ofc Gunn en route", [], "Ofc Gunn en route"),
        ("Officer saw a brick", ["saw"], "Officer [NAME] a brick"),
        ("Officer saw a brick", ["gunn"], "Officer saw a brick"),
        ("has a Winchester rifle", ["winchester"], "has a Winchester rifle"),
    ],
)
def test_a_log_loses_logins_that_a_roster_or_a_stamp_proves(log, roster, text):
    """A word of the note is a login only in a bracketed stamp, or where the roster names it at a login's place."""
    assert read_log(log, roster=roster).note.text == text


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("1.He is not violent.2.He does not have a weapon.", {"violence_answer": "none", "weapons_answer": "none"}),
        ("Weapons were not involved or mentioned.", {"weapons_answer": "none"}),
        ("It's not known if she has a weapon.", {"weapons_answer": "unknown"}),
        ("It\u2019s not known if they have a weapon.", {"weapons_answer": "unknown"}),
        ("She has a weapon.", {"weapons_answer": "yes"}),
        ("He does not have a weapon. It is unknown if he has a weapon.", {"weapons_answer": "unknown"}),
        ("He does not have a weapon.\nHe has a weapon.", {"weapons_answer": "yes"}),
        ("They are violent.", {"violence_answer": "yes"}),
        ("No one is injured.", {"medical_answer": "none"}),
        ("1.They aren't violent.2.The suspects do not have weapons.", {"violence_answer": "none", "weapons_answer": "none"}),
        ("She doesn't have a weapon.", {"weapons_answer": "none"}),
        ("Weapons weren't involved.", {"weapons_answer": "none"}),
        ("3.2 people are injured.", {"medical_answer": "yes"}),
        ("One person has a weapon.", {"weapons_answer": "yes"}),
        ("The females are violent.", {"violence_answer": "yes"}),
        ("Nobody has a weapon. It's unknown if anyone is hurt.", {"weapons_answer": "none", "medical_answer": "unknown"}),
        ("Someone has a weapon.", {"weapons_answer": "yes"}),
        ("Someone is not violent.", {}),
        ("2 people are not injured.", {}),
        ("One person does not have a weapon.", {}),
        ("He isn't sure if they do not have a weapon.", {}),
        ("CONSCIOUS: No BREATHING: Yes", {"medical_answer": "yes"}),
        ("CONSCIOUS: Yes BREATHING: Yes", {}),
        ("He says that he does not have a weapon", {}),
        ("He does not have a weapon but a hammer.", {}),
        ("Nobody knows if he is not violent.", {}),
        ("male has no weapons that rp saw", {}),
    ],
)
def test_fixed_sentences_of_protocols_are_answers(text, answers):
    """Only a whole sentence of the closed list counts, and the more cautious answer stands."""
    assert key_answers(text) == answers


def test_a_map_reads_an_ossi_column(tmp_path):
    """The map's word for it is enough: note, nature, address, time and answers come from the text."""
    path = tmp_path / "m.toml"
    path.write_text('time_zone="America/New_York"\nnotes="ossi"\nkey_questions=true\n[columns]\nnarrative="text"\n')
    row = load_map(path).apply({"text": EXPORT.replace("STILL CALM", "1.He is not violent.2.He does not have a weapon.")})
    assert (row["call_type"], row["received_at"]) == ("MENTAL PERSON", "2026-03-02T07:12:40-05:00")
    assert (row["weapons_answer"], row["violence_answer"]) == ("none", "none")
    assert "GUNN" not in row["narrative"]


def test_a_roster_stands_beside_its_map(tmp_path):
    """Every cell of the CSV is a name; a missing file is named."""
    (tmp_path / "units.csv").write_text("login,name\nGUNN,Gunn\n")
    path = tmp_path / "m.toml"
    path.write_text('notes="log"\nroster="units.csv"\n[columns]\nnarrative="text"\n')
    assert load_map(path).apply({"text": "07:12 GUNN: calm"})["narrative"] == "07:12 calm"


@pytest.mark.parametrize(
    ("column", "sentence", "answer"),
    [
        ("none", "He has a weapon.", "yes"),
        ("yes", "He does not have a weapon.", "yes"),
        ("unknown", "He does not have a weapon.", "unknown"),
        ("not_asked", "He does not have a weapon.", "none"),
        ("", "He does not have a weapon.", "none"),
        ("none", "It's not known if he has a weapon.", "unknown"),
        ("none", "calm", "none"),
    ],
)
def test_the_more_cautious_of_column_and_sentence_stands(tmp_path, column, sentence, answer):
    """A sentence may fill a gap or raise an alarm, and never takes one back."""
    path = tmp_path / "m.toml"
    path.write_text('key_questions=true\n[columns]\nnarrative="text"\nweapons_answer="w"\n')
    assert load_map(path).apply({"text": sentence, "w": column})["weapons_answer"] == answer
