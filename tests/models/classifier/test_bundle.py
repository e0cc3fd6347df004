"""A bundle that was touched, mixed up or made for another release is refused."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import skops.io
from sklearn.tree import DecisionTreeClassifier

from models.classifier import artefact
from models.classifier import bundle as bundles
from models.classifier import tables as look_ups
from models.errors import BundleError


@pytest.fixture
def copied(runs, tmp_path):
    """Return a copy of the champion's bundle."""
    return shutil.copytree(runs / "champion", tmp_path / "bundle")


def rewrite(folder, **changes):
    """Change a manifest and sign it again, as one who wanted to deceive would."""
    path = folder / bundles.MANIFEST
    manifest = json.loads(path.read_text()) | changes
    manifest["digest"] = bundles._digest(manifest)
    path.write_text(json.dumps(manifest))


def test_a_bundle_loads_under_its_own_digest(copied, router):
    """The digest names the model."""
    assert bundles.load(copied, expected_digest=router.bundle.digest).digest == router.bundle.digest


def test_another_models_digest_is_refused(copied):
    """A bundle in another's place is found out."""
    with pytest.raises(BundleError, match="another model"):
        bundles.load(copied, expected_digest="0" * 64)


@pytest.mark.parametrize("name", [bundles.TABLES, bundles.MODEL])
def test_a_changed_file_is_refused_before_it_is_opened(copied, name):
    """One byte more in the tables or in the model, and nothing is unpacked."""
    with (copied / name).open("ab") as file:
        file.write(b"x")
    with pytest.raises(BundleError, match=f"{name} was changed after it was saved"):
        bundles.prove(copied)


def test_a_bundle_of_another_format_is_refused_with_a_remedy(copied):
    """A model of an earlier release is whole and yet not read: the message says to train again."""
    rewrite(copied, format=bundles.FORMAT - 1)
    with pytest.raises(BundleError, match=r"another format.*train again"):
        bundles.load(copied)


def test_the_tables_hold_nothing_that_runs(copied):
    """An array that only pickle could read is refused, under whatever digest."""
    with np.load(copied / bundles.TABLES, allow_pickle=False) as file:
        arrays = dict(file)
    np.savez(copied / bundles.TABLES, allow_pickle=True, **arrays | {"weights": np.array([{}], dtype=object)})
    rewrite(copied, tables_sha256=bundles._sha256((copied / bundles.TABLES).read_bytes()))
    with pytest.raises(BundleError, match="tables cannot be read"):
        bundles.load(copied)


@pytest.mark.parametrize(
    "change", [{"weights": np.ones((2, 2))}, {"intercept.danger": np.array([np.nan])}, {"layout": None}]
)
def test_tables_that_do_not_fit_together_are_refused(copied, change):
    """A missing array, one of another shape and one with a hole make no scorer."""
    with np.load(copied / bundles.TABLES, allow_pickle=False) as file:
        arrays = {name: array for name, array in (dict(file) | change).items() if array is not None}
    np.savez_compressed(copied / bundles.TABLES, allow_pickle=False, **arrays)
    rewrite(copied, tables_sha256=bundles._sha256((copied / bundles.TABLES).read_bytes()))
    with pytest.raises(BundleError, match="tables cannot be read"):
        bundles.load(copied)


def test_tables_of_another_model_are_refused(copied):
    """Weights that were moved and signed again differ on the golden calls, and from the parts they should come from."""
    tables = look_ups.from_bytes((copied / bundles.TABLES).read_bytes())
    for weights, step in ((tables.weights + 1e-6, bundles.load), (tables.weights + 1e-12, bundles.prove)):
        raw = look_ups.to_bytes(dataclasses.replace(tables, weights=weights))
        (copied / bundles.TABLES).write_bytes(raw)
        rewrite(copied, tables_sha256=bundles._sha256(raw))
        with pytest.raises(BundleError, match=r"do not give scikit-learn's scores|not those of the model"):
            step(copied)


def test_a_bundle_is_proved_anew_on_other_calls(copied):
    """The proof counts its golden calls and those that are given, and stays within its tolerance."""
    recorded = bundles.read_manifest(copied)
    rows = [entry["features"] for entry in recorded["golden"]] * 2
    proof = bundles.prove(copied, rows)
    assert proof.calls == 3 * recorded["proof"]["calls"]
    assert proof.difference == recorded["proof"]["difference"] <= 1e-9


def test_a_changed_operating_point_is_refused(copied):
    """Nobody lowers the threshold by hand."""
    path = copied / bundles.MANIFEST
    path.write_text(path.read_text().replace('"max_false_clear": 0.05', '"max_false_clear": 0.50'))
    with pytest.raises(BundleError, match="manifest was changed"):
        bundles.load(copied)


def test_other_versions_are_refused(copied):
    """Text made plain in another way would be another model."""
    rewrite(copied, versions={"text": "0", "features": "1", "scikit-learn": "1.9"})
    with pytest.raises(BundleError, match="other versions"):
        bundles.load(copied)


def test_a_type_outside_the_allow_list_is_refused(copied):
    """A class of a foreign module never runs, whatever the artefact asks for."""
    model = DecisionTreeClassifier().fit([[0], [1]], [0, 1])
    type(model).__module__, kept = "elsewhere", type(model).__module__
    try:
        skops.io.dump({"encoder": model}, copied / bundles.MODEL)
    finally:
        type(model).__module__ = kept
    rewrite(copied, model_sha256=bundles._sha256((copied / bundles.MODEL).read_bytes()))
    with pytest.raises(BundleError, match="not allowed"):
        bundles.load_parts(copied)


def test_no_bundle_says_what_to_run(tmp_path):
    """An empty folder names the remedy."""
    with pytest.raises(BundleError, match="heartline train"):
        bundles.load(tmp_path)


def test_no_class_of_ours_is_in_the_artefact(copied):
    """Only scikit-learn and NumPy can be named by the artefact."""
    raw = (copied / bundles.MODEL).read_bytes()
    assert set(skops.io.get_untrusted_types(data=raw)) <= set(artefact.ALLOWED_TYPES)
    assert all(name.startswith("sklearn.") for name in artefact.ALLOWED_TYPES)


def test_the_manifest_says_from_what_it_was_made(router):
    """Data, settings, rulebook, program, calibration and environment are in it."""
    training = router.bundle.manifest["training"]
    assert {"data_sha256", "config", "blocks", "program", "rulebook", "calibration", "environment"} <= set(training)
    assert len(training["data_sha256"]) == 64
