"""One caller is one hash, however the number, the name or the address is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.identity import hash_address, hash_caller, normalize_caller
from models.ledger import NoteEncryption

KEY = b"k" * 32


@pytest.mark.parametrize(
    "spelling",
    [
        "919-555-7777", "(919) 555-7777", "+1 919 555 7777", "9195557777", "1-919-555-7777", "919.555.7777",
        " 919 555  7777 ", "tel:+1-919-555-7777", "９１９-555-7777", "+19195557777",
    ],
)  # fmt: skip
def test_one_number_is_one_caller(spelling):
    """Dashes, brackets, dots, blanks, full-width digits, with and without the country."""
    assert hash_caller(spelling, key=KEY) == hash_caller("9195557777", key=KEY)


@pytest.mark.parametrize("spelling", ["Jane Doe", "JANE DOE", " jane   doe ", "ＪＡＮＥ doe"])
def test_one_name_is_one_caller(spelling):
    """Case, blanks and width do not matter."""
    assert hash_caller(spelling, key=KEY) == hash_caller("jane doe", key=KEY)


@pytest.mark.parametrize(
    ("one", "other"),
    [("9195557777", "9195557778"), ("jane doe", "john doe"), ("person-1", "person-11"), ("+442079460000", "2079460000")],
)
def test_others_are_others(one, other):
    """Another number, name, id or country."""
    assert hash_caller(one, key=KEY) != hash_caller(other, key=KEY)


def test_addresses_are_compared_without_case_and_punctuation():
    """One address, as two clerks write it; a caller of the same words is somebody else."""
    assert hash_address("100 Main St., Apt #4", key=KEY) == hash_address("100 MAIN ST APT 4", key=KEY)
    assert hash_address("100 main st", key=KEY) != hash_caller("100 main st", key=KEY)


def test_another_key_gives_other_hashes_and_nothing_of_the_number():
    """Useless without the key."""
    assert hash_caller("9195557777", key=KEY) != hash_caller("9195557777", key=b"x" * 32)
    assert "919" not in hash_caller("9195557777", key=KEY).removeprefix("c1:")[:3]
    assert NoteEncryption(KEY).hash_caller("(919) 555-7777") == hash_caller("9195557777", key=KEY)


@given(st.text(max_size=40))
def test_hashing_twice_changes_nothing(text):
    """What an export hashed already stays one person, and normalising has an end."""
    once = hash_caller(text, key=KEY)
    assert hash_caller(once, key=KEY) == once
    assert normalize_caller(normalize_caller(text)) == normalize_caller(text)
