"""The extras of the package: which third-party modules each brings, and a clear error where one is missing.

The base decides calls. Everything else is installed by name, such as `pip install "heartline[serve]"`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import MissingExtra

MODULES: dict[str, tuple[str, ...]] = {
    "serve": (
        "fastapi", "httptools", "itsdangerous", "jinja2", "jwt", "markupsafe", "prometheus_client", "psycopg",
        "pydantic_settings", "python_multipart", "starlette", "structlog", "uvicorn", "uvloop", "websockets",
    ),
    "train": (
        "matplotlib", "mlflow", "optuna", "pandera", "presidio_analyzer", "scipy", "sklearn", "skops", "threadpoolctl",
    ),
    "evaluate": ("cleanlab", "simpy"),
    "scale": ("distributed",),
    "spark": ("pyspark",),
    "spacy": ("spacy",),
    "otel": ("opentelemetry",),
}  # fmt: skip
"""Each extra and the modules that it brings, under the first extra that has them."""


@contextmanager
def needs(what: str) -> Iterator[None]:
    """Name the extra that a module belongs to where the imports inside fail for want of it; `what` needs them.

    Raises
    ------
    MissingExtra
        A module of one of the extras is not installed.

    """
    try:
        yield
    except ModuleNotFoundError as error:
        extra = extra_of(error)
        if extra is None:
            raise
        raise MissingExtra(what, module=str(error.name), extra=extra) from None


def extra_of(error: ModuleNotFoundError) -> str | None:
    """Return the extra that would bring a missing module; `None` for a module of none."""
    top = (error.name or "").split(".")[0]
    return next((extra for extra, modules in MODULES.items() if top in modules), None)
