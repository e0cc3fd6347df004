"""The texts of the pages in every language."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "es")


@lru_cache(maxsize=1)
def texts() -> dict[str, dict[str, Any]]:
    """Return the texts of every language by their keys."""
    return tomllib.loads(Path(__file__).with_name("translations.toml").read_text(encoding="utf-8"))


def language(chosen: str | None, accepted: str) -> str:
    """Return the chosen language, or else the first known one in a browser's `Accept-Language`.

    >>> language(None, "es-MX,es;q=0.9,en;q=0.8"), language("en", "es"), language(None, "fr")
    ('es', 'en', 'en')
    """
    if chosen in LANGUAGES:
        return str(chosen)
    named = (part.split(";")[0].strip().lower()[:2] for part in accepted.split(","))
    return next((name for name in named if name in LANGUAGES), LANGUAGES[0])
