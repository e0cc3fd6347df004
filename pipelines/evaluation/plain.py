"""Records as plain JSON values, which know no NaN."""

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Return a value with `None` for every number that is not finite, however deep it stands.

    >>> plain({"value": float("nan"), "n": (0, 1.5)})
    {'value': None, 'n': [0, 1.5]}
    """
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
