"""TOML files that people write: read, checked against a pydantic model, and refused with fault, value and remedy."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from models.errors import InvalidConfig

Model = TypeVar("Model", bound=BaseModel)

_TYPES_OF_KEY = {
    "extra_forbidden": "unknown key",
    "unexpected_keyword_argument": "unknown key",
    "missing": "missing key",
    "missing_argument": "missing key",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file as a table; raise `InvalidConfig` where it cannot be read, naming the line where it is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidConfig("file cannot be read", value=str(path), remedy=error.strerror or "") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path.name} is not TOML", value=str(error), remedy="mend the line it names") from None


def validate(model: type[Model], table: Mapping[str, object], *, what: str, remedy: str) -> Model:
    """Return a table as a model; raise `InvalidConfig` for the first fault, naming its key, value and remedy.

    `what` names the kind of file in the message, such as "column map".
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise refusal(error, what=what, remedy=remedy) from None


def refusal(error: ValidationError, *, what: str, remedy: str) -> InvalidConfig:
    """Return the error for the first fault that pydantic found: its key, value and remedy."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] in _TYPES_OF_KEY:
        return InvalidConfig(f"{_TYPES_OF_KEY[first['type']]} in {what}", value=key, remedy=remedy)
    fault = first["msg"].removeprefix("Value error, ")
    return InvalidConfig(f"{what} is wrong at {key}: {fault}", value=first["input"], remedy=remedy)
