"""Unlabelled calls show how far a city differs from training, and whether to trust the shipped threshold."""

from dataclasses import replace

import numpy as np
import pytest
from command import heartline

from pipelines.data.table import read_table
from pipelines.operations.compare_domain import compare_domain, lines

FAR = "zxqv brlmnt ovrtrp qqst {} krzz mnbt plrr"


@pytest.fixture(scope="module")
def calls(corpus):
    """Return 1,200 calls of the small corpus."""
    return read_table(corpus).calls[:1200]


def proved_on(router, where):
    """Return the champion's bundle with another origin of its promise."""
    training = {**router.bundle.manifest["training"], "certified_on": where}
    return replace(router.bundle, manifest={**router.bundle.manifest, "training": training})


def test_calls_like_the_trainings_cannot_be_told_apart(calls, router, small_config):
    """Two halves of one corpus have an area of about 0.5, and no reason against a threshold proved on notes."""
    order = np.random.default_rng(0).permutation(len(calls))
    ours, theirs = ([calls[row] for row in part] for part in np.array_split(order, 2))
    settings = small_config.evaluate, small_config.classifier
    gap = compare_domain(proved_on(router, "reference"), ours, theirs, router.reader, *settings)
    assert all(0.4 < area.value < 0.6 for area in gap.areas.values())
    assert gap.believable
    assert "no proof" in next(lines(gap))
    synthetic = compare_domain(router.bundle, ours, theirs, router.reader, *settings)
    assert synthetic.reasons == ("its promise was proved on synthetic calls alone",)


def test_calls_in_other_words_are_far(calls, router, small_config):
    """Unfamiliar notes and unknown types are reported with a clear verdict, and no note is shown."""
    far = [
        replace(call, narrative=FAR.format(number), call_type=f"Q{number % 3} ZORB")
        for number, call in enumerate(calls[:200])
    ]
    settings = small_config.evaluate, small_config.classifier
    gap = compare_domain(proved_on(router, "reference"), calls, far, router.reader, *settings)
    assert gap.areas["signals"].low > 0.75
    assert (gap.unfamiliar.value, gap.no_signal.value, gap.unknown_types.value) == (1.0, 1.0, 1.0)
    assert len(gap.reasons) == 4
    assert gap.silent_signals
    shown = "\n".join(lines(gap))
    assert shown.startswith("VERDICT: do not trust")
    assert "Q0 ZORB: 67" in shown
    assert "brlmnt" not in shown


def test_the_command_gives_a_verdict(runs, corpus, tmp_path):
    """It reads an export without labels and writes the comparison as JSON."""
    out = tmp_path / "gap.json"
    code, shown, err = heartline(
        "compare-domain", "--data", "data/sample.csv", "--training", str(corpus), "--runs", str(runs), "--json", str(out)
    )
    assert code == 0, err
    assert shown.startswith("VERDICT:")
    assert '"certified_on": "synthetic"' in out.read_text()
