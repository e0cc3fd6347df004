"""The house stands as it was drawn: who imports whom, and what the wheel holds."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "pipelines", "serving")
FORBIDDEN = {"models": {"pipelines", "serving"}, "pipelines": {"serving"}, "serving": {"pipelines"}}


def imports(path):
    """Return the top-level names that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_package_imports_a_neighbour_it_may_not(path):
    """Data flows from pipelines to models, and serving reads models; nothing else."""
    assert not imports(path) & FORBIDDEN[path.relative_to(ROOT).parts[0]]


def test_mlflow_is_spoken_to_in_one_file_and_loaded_by_another():
    """Training speaks to MLflow in tracking.py, the service in registry.py; mlflow_model.py is what MLflow itself runs."""
    users = {path.relative_to(ROOT).as_posix() for path in FILES if "mlflow" in imports(path)}
    assert users == {"pipelines/training/tracking.py", "pipelines/training/mlflow_model.py", "serving/model_registry.py"}


def test_fastapi_stays_under_serving():
    """Nothing but serving knows HTTP."""
    assert all(path.is_relative_to(ROOT / "serving") for path in FILES if imports(path) & {"fastapi", "starlette"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path):
    """No module is over 300 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_top_level_is_the_agreed_one():
    """The checkout's top level holds what was agreed and nothing more."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    visible = {name.split("/")[0] for name in tracked if not name.startswith(".")}
    agreed = {"pyproject.toml", "README.md", "pipelines", "models", "serving", "data", "tests", "mlruns"}
    assert visible <= agreed | {"CHANGELOG.md", "LICENSE", "Makefile", "requirements.lock"}


def test_importing_does_nothing():
    """Importing every package makes no folder, reads no environment and configures no logging."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES if path.name != "__init__.py"]
    # MLflow and Alembic run these themselves.
    names = [
        name for name in names if name not in {"pipelines.tracking", "pipelines.mlflow_model"} and "migrations" not in name
    ]
    code = (
        "import logging, os, sys\n"
        "before = set(os.listdir('.'))\n"
        f"for name in {names!r}: __import__(name)\n"
        "assert set(os.listdir('.')) == before\n"
        "assert not logging.getLogger().handlers\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "data", check=True)


@pytest.mark.slow
def test_wheel_holds_three_packages_and_their_data(tmp_path):
    """The wheel's top-level names are exactly the three packages, with rulebook, programs and settings inside."""
    words = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(words, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)
    tracked = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(tracked.stdout.split()) - set(names) <= {"models/.gitignore"}
