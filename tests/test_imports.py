"""What each part loads: deciding and serving are light, and a missing extra is named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from models.common import extras
from models.common.extras import MODULES, needs
from models.errors import MissingExtra

ROOT = Path(__file__).parents[1]
HEAVY = (
    "alembic", "cleanlab", "dask", "distributed", "fairlearn", "jinja2", "matplotlib", "mlflow", "openpyxl", "pandas",
    "presidio_analyzer", "pyarrow", "scipy", "simpy", "skops", "sklearn", "spacy", "thinc",
)  # fmt: skip
MOST_MODULES = {"deciding": 500, "serving": 1300}
"""Measured 353 and 1,075 when this was written."""


def loaded(code, *words):
    """Return the names of the modules that are loaded after some code was run in a process of its own."""
    code += "; import sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_deciding_loads_nothing_heavy(runs):
    """A bundle is loaded and a call decided without scikit-learn, pandas, spaCy, the web and the ledger's database."""
    code = "import sys; from pathlib import Path; from models import Call, Router; "
    code += "Router.load(Path(sys.argv[1])).decide(Call(narrative='male asleep in doorway'))"
    modules = loaded(code, str(runs / "champion"))
    assert modules.isdisjoint({*HEAVY, "fastapi", "sqlalchemy", "cryptography", "rich", "typer"})
    assert len(modules) < MOST_MODULES["deciding"]


def test_serving_loads_nothing_heavy():
    """The application is imported without scikit-learn, pandas, spaCy and MLflow."""
    modules = loaded("import serving.app")
    assert modules.isdisjoint({*HEAVY} - {"jinja2"})
    assert len(modules) < MOST_MODULES["serving"]


@pytest.mark.slow
def test_commands_without_training_load_no_training():
    """What scores, serves and shows the rules needs neither MLflow nor scikit-learn, were all of it in one process."""
    commands = ("score", "rules", "signals", "programs", "keys", "serve", "ledger", "backup", "doctor")
    code = "import sys; from pipelines.cli.main import application; [application([name]) for name in sys.argv[1:]]"
    assert loaded(code, *commands).isdisjoint(MODULES["train"] + MODULES["evaluate"] + MODULES["scale"])


@pytest.mark.parametrize(("command", "extra", "module"), [
    ("train", "train", "mlflow"), ("review", "evaluate", "cleanlab"), ("serve", "serve", "uvicorn"),
])  # fmt: skip
def test_a_command_names_the_extra_that_it_lacks(command, extra, module):
    """Where a module is not installed, the command says which extra to install and exits 2."""
    code = f"import sys; sys.modules[{module!r}] = None; sys.argv = ['heartline', {command!r}]; "
    code += "from pipelines.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f'pip install "heartline[{extra}]"' in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_another_missing_module_is_no_extra():
    """A module that no extra brings is a fault of ours, and shown as one."""
    with pytest.raises(ModuleNotFoundError, match="nowhere"), needs("this"):
        import nowhere_at_all  # noqa: F401, PLC0415
    with pytest.raises(MissingExtra, match=r"this needs pyspark.*heartline\[spark\]"), needs("this"):
        raise ModuleNotFoundError(name="pyspark.sql")


def test_extras_are_those_of_the_package():
    """Every extra that an error may name can be installed, and every other extra but those for development is known here."""
    import tomllib  # noqa: PLC0415

    named = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    assert named - {"dev"} == set(extras.MODULES)
