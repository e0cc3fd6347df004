"""The order in which files of tests run: the costliest first, so that no worker ends alone."""

from command import ROOT

COSTLY = (
    # These start at once, two in each worker: the first trains the small model, and no other needs it at once.
    "tests/pipelines/training/test_compare.py", "tests/test_city.py", "tests/models/veto/test_matcher.py",
    "tests/models/ledger/test_unavailable.py", "tests/pipelines/release/test_release.py",
    "tests/pipelines/operations/test_retrospect.py", "tests/models/veto/test_negation.py",
    "tests/serving/decisions/test_long_notes.py", "tests/browser/test_strip.py", "tests/browser/test_access.py",
    "tests/pipelines/training/test_spark.py",
    "tests/test_docs.py", "tests/pipelines/operations/test_use.py", "tests/pipelines/evaluation/test_report.py",
    "tests/pipelines/training/test_labels.py", "tests/serving/security/test_access.py", "tests/browser",
    "tests/test_real.py", "tests/serving/observability/test_operations.py", "tests/serving/test_model_manager.py",
    "tests/pipelines/cli/test_cli.py", "tests/serving/decisions", "tests/serving/security", "tests/serving/api",
    "tests/pipelines/training", "tests/pipelines/rules", "tests/serving", "tests/models/test_statistics.py",
    "tests/pipelines", "tests/models/ledger", "tests/models/veto", "tests/models", "tests",
)  # fmt: skip
"""Files and folders of tests, the costliest first."""


def cost_rank(path):
    """Return the place of a file in the order of cost, by the longest entry that holds it; doctests come last."""
    inner = path.relative_to(ROOT)
    held_by = [entry for entry in COSTLY if inner.is_relative_to(entry)]
    return COSTLY.index(max(held_by, key=len)) if held_by else len(COSTLY)
