"""One person's label of one call, and its form as a list of choices, which every labelling tool can hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.call import Call
from models.errors import InvalidData

FLAGS = ("weapon", "violence", "medical", "self_harm")
ELIGIBLE, NOT_ELIGIBLE, UNSURE, TYPE = "eligible", "not_eligible", "unsure", "type:"
CHOICES = (ELIGIBLE, NOT_ELIGIBLE, UNSURE, *FLAGS)
"""The choices of a label; a corrected call type is one more, `type:` and its name."""

_ELIGIBLE = {ELIGIBLE: True, NOT_ELIGIBLE: False, UNSURE: None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a person says of a call; `eligible` is missing where they are unsure, `call_type` where it is right as it is."""

    eligible: bool | None
    weapon: bool = False
    violence: bool = False
    medical: bool = False
    self_harm: bool = False
    call_type: str | None = None

    @property
    def danger(self) -> bool:
        """Return whether it would be dangerous for an unarmed team: a weapon or violence."""
        return self.weapon or self.violence

    def agrees(self, other: "Label") -> bool:
        """Return whether another label says the same of everything but the call type."""
        return self.eligible == other.eligible and all(getattr(self, name) == getattr(other, name) for name in FLAGS)

    def to_choices(self) -> list[str]:
        """Return the label as choices; `from_choices` reads it back.

        >>> Label(eligible=False, weapon=True).to_choices()
        ['not_eligible', 'weapon']
        """
        first = next(name for name, value in _ELIGIBLE.items() if value is self.eligible)
        flags = [name for name in FLAGS if getattr(self, name)]
        return [first, *flags, *([f"{TYPE}{self.call_type}"] if self.call_type else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A label with who gave it, and the seconds that it took where they are known."""

    person: str
    label: Label
    seconds: float | None = None
    adjudication: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model says of a call, as Label Studio keeps it: a version, a score, and choices."""

    model_version: str
    score: float | None
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTask:
    """A call to be labelled, with the judgements and predictions that came with it."""

    call: Call
    judgements: tuple[Judgement, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    more: Mapping[str, object] = field(default_factory=dict)


def from_choices(choices: Iterable[str], *, names: Mapping[str, str] | None = None) -> Label:
    """Return the label of some choices; `names` maps other tools' names of choices to ours.

    Raises `InvalidData` for a choice that is not known, or where none or several say whether the call is eligible.
    """
    ours = [(names or {}).get(choice, choice) for choice in choices]
    unknown = [choice for choice in ours if choice not in CHOICES and not choice.startswith(TYPE)]
    if unknown:
        raise InvalidData("this choice is not known", value=unknown[0], remedy=f"name it as one of: {', '.join(CHOICES)}")
    said = [choice for choice in ours if choice in _ELIGIBLE]
    if len(said) != 1:
        raise InvalidData(
            "a label says once whether the call is eligible", value=said, remedy=f"one of {', '.join(_ELIGIBLE)}"
        )
    types = [choice.removeprefix(TYPE) for choice in ours if choice.startswith(TYPE)]
    return Label(
        eligible=_ELIGIBLE[said[0]], call_type=types[0] if types else None, **{name: name in ours for name in FLAGS}
    )
