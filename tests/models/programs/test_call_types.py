"""Call types are mapped by a table, then by their words, and a guess is marked."""

import pytest

from models.programs.call_types import canonical, names
from models.programs.program import load_program


@pytest.mark.parametrize(
    ("written", "name", "guessed"),
    [
        ("Trespass", "trespass", False),
        ("CHECK WELL BEING", "welfare_check", False),
        ("Med,Suicide/Psy", "suicide_threat", True),
        ("Unwanted Guest", "trespass", False),
        ("UnwantedGuest", "trespass", False),
        ("Drunk Driving", "traffic", False),
        ("WELFARE CHECK - URGENT", "welfare_check", True),
        ("Disturbance/Verbal Argument", "verbal_disturbance", True),
        ("PSYCH EVAL TRANSPORT", "mental_health", True),
        ("Shots Heard", "shots_fired", True),
        ("Zorbing", "unmapped", True),
        (None, "missing", False),
    ],
)
def test_agencies_words_find_the_programs_type(written, name, guessed):
    """Known names come from the table, others from their words."""
    found = canonical(written)
    assert (found.name, found.guessed) == (name, guessed)


def test_the_programs_types_exist():
    """What a program names is in the table."""
    program = load_program()
    assert program.eligible_call_types | program.excluded_call_types <= set(names())
