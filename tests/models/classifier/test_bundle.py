"""A bundle that was touched, mixed up or made for another release is refused."""

import json
import shutil

import pytest
import skops.io
from sklearn.tree import DecisionTreeClassifier

from models.classifier import bundle as bundles
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


def test_a_changed_model_file_is_refused_before_it_is_opened(copied):
    """One byte more, and nothing is unpacked."""
    with (copied / bundles.MODEL).open("ab") as file:
        file.write(b"x")
    with pytest.raises(BundleError, match="changed after it was saved"):
        bundles.load(copied)


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
        bundles.load(copied)


def test_no_bundle_says_what_to_run(tmp_path):
    """An empty folder names the remedy."""
    with pytest.raises(BundleError, match="heartline train"):
        bundles.load(tmp_path)


def test_no_class_of_ours_is_in_the_artefact(copied):
    """Only scikit-learn and NumPy can be named by the artefact."""
    raw = (copied / bundles.MODEL).read_bytes()
    assert set(skops.io.get_untrusted_types(data=raw)) <= set(bundles.ALLOWED_TYPES)
    assert all(name.startswith("sklearn.") for name in bundles.ALLOWED_TYPES)


def test_the_manifest_says_from_what_it_was_made(router):
    """Data, settings, rulebook, program, calibration and environment are in it."""
    training = router.bundle.manifest["training"]
    assert {"data_sha256", "config", "blocks", "program", "rulebook", "calibration", "environment"} <= set(training)
    assert len(training["data_sha256"]) == 64
