"""What the packages export is what they say, and a notebook can use it."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from command import ROOT, SMALL

from pipelines.data.table import read_table
from pipelines.settings import load_config

PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for folder in ("models", "pipelines", "serving")
    for path in (ROOT / folder).rglob("__init__.py")
    if "migrations" not in path.parts
)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_exported_name_exists_once_and_in_order(name):
    """`__all__` lists names that the package has, each once."""
    package = import_module(name)
    exported = getattr(package, "__all__", [])
    assert len(set(exported)) == len(exported)
    assert [each for each in exported if not hasattr(package, each)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_no_class_or_function_is_visible_without_being_exported(name):
    """What a package imports into its own name it exports: nobody finds a name there by accident."""
    package = import_module(name)
    visible = {
        each
        for each, value in vars(package).items()
        if not each.startswith("_") and getattr(value, "__module__", "").split(".")[0] == name.split(".")[0]
        and not isinstance(value, ModuleType)
    }  # fmt: skip
    assert visible <= set(getattr(package, "__all__", []))


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_says_what_it_is(name):
    """The docstring of a package names its subject, in a sentence."""
    assert len((import_module(name).__doc__ or "").split()) >= 4, name


def test_importing_the_library_is_light():
    """`import models` loads neither pandas nor scikit-learn: they come with the first name that needs them."""
    code = "import sys, models; print(sorted({'pandas', 'sklearn', 'spacy', 'scipy', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_not_there_is_an_attribute_error():
    """The library's own lookup of names fails as any module's does."""
    with pytest.raises(AttributeError, match="no attribute 'Rooter'"):
        _ = import_module("models").Rooter


@pytest.mark.slow
def test_training_from_a_notebook_runs(certifiable, tmp_path, monkeypatch):
    """The lines that pipelines/README.md shows for training make a candidate; only their settings are a small corpus's."""
    text = (ROOT / "pipelines/README.md").read_text(encoding="utf-8")
    _, code, *_ = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "calls.csv").symlink_to(certifiable)
    monkeypatch.chdir(tmp_path)
    names = {"Path": Path, "read_table": read_table, "load_config": lambda: load_config(SMALL)}
    exec(compile(code, "pipelines/README.md", "exec"), names)  # noqa: S102  our own document
    assert (tmp_path / "bundle" / "manifest.json").is_file()
    assert names["candidate"].evaluation.figures["auc"].value > 0.8
