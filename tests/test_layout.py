"""The packages stand as they were drawn: who imports whom, how long a module is, and what the wheel holds.

Run as a program (`make diagram`), this file writes the diagram of the packages into models/README.md.
"""

import ast
import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest
from cost_order import COSTLY

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "pipelines", "serving")
FORBIDDEN = {"models": {"pipelines", "serving"}, "pipelines": {"serving"}, "serving": {"pipelines"}}
LONGEST = 400
ORDER = {
    "models": (
        "errors", "common", "statistics", "drift", "call", "decision", "text", "veto", "signals", "programs", "interchange",
        "reading", "classifier", "policy", "reasons", "router", "ledger", "labelling",
    ),
    "pipelines": (
        "settings", "data", "corpus", "rules", "evaluation", "training", "operations", "release", "benchmark", "cli",
    ),
    "serving": (
        "settings", "process_state", "schemas", "fair_queue", "problems", "model_manager", "model_registry", "observability",
        "security", "decisions", "incidents", "services", "api", "console", "app",
    ),
}  # fmt: skip
"""Each part of a package, from the lowest up: a part imports only parts before it."""

README = ROOT / "models/README.md"
LEAVES = {
    "errors", "common", "statistics", "drift", "call", "decision", "settings",
}  # fmt: skip
"""Parts that everything imports: the diagram leaves them out."""

FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts]


@cache
def imported(path):
    """Return the dotted names that a file imports, with the names it takes from them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def tops(path):
    """Return the top-level packages that a file imports."""
    return {name.split(".")[0] for name in imported(path)}


def part(path):
    """Return the part of its package that a file belongs to: a sub-package, or a module beside them."""
    inner = path.relative_to(ROOT).parts[1]
    return inner.removesuffix(".py")


def edges(package):
    """Return which parts of a package import which of its other parts, with a file that does."""
    found = {}
    for path in FILES:
        if path.relative_to(ROOT).parts[0] != package or part(path) == "__init__":
            continue
        for name in imported(path):
            words = name.split(".")
            if words[0] == package and len(words) > 1 and words[1] != part(path):
                found.setdefault((part(path), words[1]), path.relative_to(ROOT).as_posix())
    return found


def diagram():
    """Return the parts of every package and their imports in Mermaid, without imports that follow from others."""
    lines = ["```mermaid", "flowchart BT"]
    for package in ORDER:
        found = {edge for edge in edges(package) if not LEAVES & set(edge)}
        lines.append(f"  subgraph {package}")
        lines += [f"    {package}_{name}[{name}]" for name in sorted({name for edge in found for name in edge})]
        for upper, lower in sorted(found):
            others = found - {(upper, lower)}
            if not reachable(upper, lower, others):
                lines.append(f"    {package}_{upper} --> {package}_{lower}")
        lines.append("  end")
    return "\n".join([*lines, "  pipelines --> models", "  serving --> models", "```"])


def reachable(start, end, found):
    """Return whether one part leads to another over some imports."""
    seen, ahead = set(), [start]
    while ahead:
        here = ahead.pop()
        if here == end:
            return True
        if here not in seen:
            seen.add(here)
            ahead += [lower for upper, lower in found if upper == here]
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_package_imports_a_neighbour_it_may_not(path):
    """Data flows from pipelines to models, and serving reads models; nothing else."""
    assert not tops(path) & FORBIDDEN[path.relative_to(ROOT).parts[0]]


@pytest.mark.parametrize("package", sorted(ORDER))
def test_a_part_imports_only_parts_below_it(package):
    """Each package has an order of its parts, and every import goes down in it."""
    order = ORDER[package]
    found = edges(package)
    assert {name for edge in found for name in edge} <= set(order), "a new part needs its place in ORDER"
    upwards = {edge: path for edge, path in found.items() if order.index(edge[0]) <= order.index(edge[1])}
    assert upwards == {}


def test_the_diagram_of_the_packages_is_the_imports():
    """models/README.md holds the diagram that is made of the imports; `make diagram` writes it anew."""
    assert diagram() in README.read_text(encoding="utf-8")


def test_mlflow_is_imported_by_training_and_the_services_registry_alone():
    """Everything about MLflow is in one package, beside the service's reader of the registry."""
    users = {path.relative_to(ROOT).as_posix() for path in FILES if "mlflow" in tops(path)}
    assert users == {"pipelines/training/tracking.py", "pipelines/training/mlflow_model.py", "serving/model_registry.py"}


def test_dask_is_imported_in_one_file():
    """Only the scoring of history knows Dask."""
    assert {path.name for path in FILES if tops(path) & {"distributed", "dask"}} == {"backfill.py"}


def test_fastapi_stays_under_serving():
    """Nothing but serving knows HTTP."""
    assert all(path.is_relative_to(ROOT / "serving") for path in FILES if tops(path) & {"fastapi", "starlette"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path):
    """No module is over 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_top_level_is_the_agreed_one():
    """The checkout's top level holds what was agreed and nothing more."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    visible = {name.split("/")[0] for name in tracked if not name.startswith(".")}
    agreed = {"pyproject.toml", "README.md", "pipelines", "models", "serving", "data", "tests", "mlruns"}
    assert visible <= agreed | {"CHANGELOG.md", "LICENSE", "Makefile", "requirements.lock"}


@pytest.mark.slow
def test_importing_does_nothing():
    """Importing every package makes no folder, reads no environment and configures no logging."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES if path.name != "__init__.py"]
    names = [name for name in names if not name.endswith(("__main__", "mlflow_model"))]  # these run something
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


def test_the_order_of_costly_tests_names_what_exists():
    """A file that was moved would lose its place in the order, and one worker would end alone."""
    assert not [entry for entry in COSTLY if not (ROOT / entry).exists()]


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(re.sub(r"```mermaid\n.*?```", diagram(), text, count=1, flags=re.DOTALL), encoding="utf-8")
