"""De-identification masks what names a person, keeps what decides, and is counted."""

import json

import pytest
from command import heartline
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ledger import NoteEncryption
from pipelines.data.deidentify import Masker

KEY_VARIABLE = "HEARTLINE_HASH_KEY"
KEY = "k" * 32


@pytest.fixture(scope="module")
def masker(rulebook):
    """Return one masker."""
    return Masker(KEY.encode(), rulebook)


@pytest.mark.parametrize(
    ("note", "masked"),
    [
        ("call Maria at 919-555-0134", "call [NAME] at [PHONE]"),
        ("cb (919) 555-0199", "cb [PHONE]"),
        ("lives at 1402 Oak Grove Rd apt 12", "lives at [ADDRESS] [ADDRESS]"),
        ("ssn 521-44-8123 dob 04/12/1988", "[ID] [DOB]"),
        ("LP ABC1234 parked out front", "[PLATE] parked out front"),
        ("wrote from j.doe@example.com", "wrote from [EMAIL]"),
        ("son named Zebulon is off meds", "son named [NAME] is off meds"),
        ("asked for Mr Okafor", "asked for [NAME]"),
        ("case 2026-004417 again", "[ID] again"),
        ("CHRISTOPHER WILLIAMS 34 YO MALE", "[NAME] [NAME] 34 YO MALE"),
    ],
)
def test_what_names_a_person_is_masked(masker, note, masked):
    """Names, phones, addresses, plates, dates of birth, ids, e-mails."""
    assert masker.mask(note) == masked


@pytest.mark.parametrize(
    "note",
    [
        "34 yo son off meds, crying",
        "mother and sister arguing, no weapons seen",
        "male 30s with a glock 19 and a machete",
        "asleep in doorway for 20 min",
        "called 911 and 988, no answer x3",
        "hx of depression, wants to die",
        "10:42:07 KL: refused to leave",
    ],
)
def test_what_decides_stays(masker, note):
    """Ages, relations, weapons, times and every ordinary word."""
    assert masker.mask(note) == note


@settings(max_examples=40, deadline=None)
@given(weapon=st.sampled_from(["knife", "gun", "9mm", "ar15", ".45", "10-32"]), digits=st.integers(2000000, 9999999))
def test_no_mask_hides_a_weapon(masker, rulebook, weapon, digits):
    """What vetoed before masking vetoes after it."""
    note = f"Maria {weapon} 919-{str(digits)[:3]}-{str(digits)[3:]} at 12 Oak St {weapon}"
    assert rulebook.scan(masker.mask(note)).vetoes


def test_keys_are_hashed_with_the_key_and_spelling_does_not_matter(masker, rulebook):
    """The same caller keeps one hash, which is the ledger's; another key gives another."""

    def caller(masker, text):
        return masker({"narrative": "x", "caller_key": text})["caller_key"]

    assert (
        caller(masker, "919 555 0134")
        == caller(masker, "(919) 555-0134")
        == NoteEncryption(KEY.encode()).hash_caller("+1 919 555 0134")
    )
    assert caller(masker, "a") != caller(Masker(b"x" * 32, rulebook), "a")
    assert "919" not in caller(masker, "9195550134")


def test_the_command_masks_hashes_and_counts(tmp_path, monkeypatch):
    """`--deidentify` writes masked rows and says how much was masked."""
    path, to = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_text(json.dumps({"narrative": "Maria at 919-555-0134 has a knife", "caller_key": "9195550134"}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert heartline("ingest", "--data", str(path), "--out", str(to), "--deidentify")[0] == 2  # a hash without a key is none
    monkeypatch.setenv(KEY_VARIABLE, "short")
    assert heartline("ingest", "--data", str(path), "--out", str(to), "--deidentify")[0] == 2
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    code, _, err = heartline("ingest", "--data", str(path), "--out", str(to), "--deidentify")
    assert code == 0
    assert json.loads(to.read_text())["narrative"] == "[NAME] at [PHONE] has a knife"
    assert "9195550134" not in to.read_text()
    assert "masked: NAME 1, PHONE 1, caller_key 1" in err
