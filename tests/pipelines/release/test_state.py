"""A release interrupted at any step leaves a complete champion and a readable history, and can be repaired."""

import numpy as np
import pytest
from candidates import another, copy_of, register
from command import SMALL, heartline

from models.classifier import bundle as bundles
from models.common import atomic
from models.errors import InvalidData
from pipelines.data.table import take
from pipelines.release import history as releases
from pipelines.release import release as releasing
from pipelines.release import state
from pipelines.release.release import release, rollback
from pipelines.training.tracking import CHAMPION


class Killed(BaseException):
    """The end of the process, which no error handler may catch."""


@pytest.fixture(scope="module")
def two_versions(runs, corpus, judged, small_config, tmp_path_factory):
    """Return a store with a champion, and another version as the candidate."""
    folder = tmp_path_factory.mktemp("two")
    store = copy_of(runs, folder / "mlruns", small_config)
    register(store, corpus, another(store, folder / "second"), judged)
    return store


@pytest.fixture
def quick_release(two_versions, block, judged, small_config, tmp_path, monkeypatch):
    """Return a store and a function that releases its candidate, with the figures measured before."""
    store = copy_of(two_versions.root, tmp_path / "mlruns", small_config)
    monkeypatch.setattr(releasing, "_test_block", lambda *_: take(block, np.arange(20)))
    monkeypatch.setattr(releasing, "evaluate", lambda *_: judged)
    monkeypatch.setattr(releasing, "_rivals", lambda *_: {})
    monkeypatch.setattr(releasing.gates, "behaviour_gates", lambda *_, **__: ([], []))
    return store, lambda: release(store, small_config, by="ada")


def killed_before(monkeypatch, owner, name, *, after_calls=0):
    """Let the process be killed when a function is called once more than so often."""
    real, calls = getattr(owner, name), iter(range(1000))

    def wrapped(*given, **named):
        if next(calls) == after_calls:
            raise Killed
        return real(*given, **named)

    monkeypatch.setattr(owner, name, wrapped)


def killed_after(monkeypatch, owner, name):
    """Let the process be killed when a function has done its work."""
    real = getattr(owner, name)

    def wrapped(*given, **named):
        real(*given, **named)
        raise Killed

    monkeypatch.setattr(owner, name, wrapped)


def killed_in_a_line(monkeypatch):
    """Let the process be killed when half of the history's line is on the disk."""
    real, calls = releases._write, iter(range(1000))

    def write(path, content, **named):
        if next(calls) == 0:
            return real(path, content, **named)
        real(path, content[: len(content) // 2], **named)
        raise Killed

    monkeypatch.setattr(releases, "_write", write)


STEPS = {
    "evidence written": lambda patched, _: killed_before(patched, releases, "_write", after_calls=1),
    "half a line written": lambda patched, _: killed_in_a_line(patched),
    "history written": lambda patched, store: killed_before(patched, store.client, "set_registered_model_alias"),
    "registry written": lambda patched, _: killed_before(patched, atomic, "_sync"),
    "folder exchanged": lambda patched, _: killed_after(patched, atomic, "_exchange"),
}
DECIDED = tuple(STEPS)[2:]
"""The steps after which the history names the new champion."""


def digest_in(folder):
    """Return the digest of a bundle that can be loaded; raise `BundleError` otherwise."""
    return bundles.load(folder).digest


@pytest.mark.parametrize("step", STEPS)
def test_a_release_killed_at_any_step_is_shown_and_mended(quick_release, step):
    """The history can be read, the champion's folder loads, `status` says whether all agree, and `--repair` finishes it."""
    store, releasing_now = quick_release
    before, candidate = digest_in(store.root / "champion"), store.by_alias("candidate")
    with pytest.MonkeyPatch.context() as patched:
        STEPS[step](patched, store)
        with pytest.raises(Killed):
            releasing_now()
    decided = candidate.digest if step in DECIDED else before
    assert releases.champion(releases.read(store.root)).digest == decided
    assert digest_in(store.root / "champion") == (candidate.digest if step == "folder exchanged" else before)
    code, out, err = heartline("release", "status", "--runs", str(store.root), "--config", str(SMALL))
    assert (code, "agree" in out.splitlines()[0]) == ((1, False) if step in DECIDED[:-1] else (0, True)), err
    code, _, err = heartline("release", "status", "--repair", "--runs", str(store.root), "--config", str(SMALL))
    assert code == 0, err
    assert digest_in(store.root / "champion") == store.by_alias(CHAMPION).digest == decided
    assert not list(store.root.glob(".champion-new-*"))


def test_a_release_goes_on_after_one_that_was_killed(quick_release):
    """An incomplete line is overwritten, and after the next release all three agree."""
    store, releasing_now = quick_release
    with pytest.MonkeyPatch.context() as patched:
        killed_in_a_line(patched)
        with pytest.raises(Killed):
            releasing_now()
    releasing_now()
    assert [entry.action for entry in releases.read(store.root)] == ["release", "release"]
    assert all(each.agrees for each in state.states(store))


def test_a_rollback_that_was_killed_is_finished_too(quick_release):
    """A rollback that is in the history is completed by the repair."""
    store, releasing_now = quick_release
    first = digest_in(store.root / "champion")
    releasing_now()
    with pytest.MonkeyPatch.context() as patched:
        STEPS["registry written"](patched, store)
        with pytest.raises(Killed):
            rollback(store, by="grace")
    assert not state.states(store)[0].agrees
    state.repair(store)
    assert digest_in(store.root / "champion") == store.by_alias(CHAMPION).digest == first


def test_a_damaged_folder_is_shown_and_mended(store):
    """Where the champion's folder has one byte too many, `status` reports it and the registry's copy replaces it."""
    with (store.root / "champion" / bundles.MODEL).open("ab") as file:
        file.write(b"x")
    assert "BROKEN" in str(state.states(store)[0])
    state.repair(store)
    assert digest_in(store.root / "champion") == store.by_alias(CHAMPION).digest


def test_a_released_model_that_the_registry_lost_is_named(store):
    """Where the registry does not hold what the history decided, nothing is changed and the error says which model."""
    releases.add(store.root, action="release", version="7", digest="d" * 64, by="x", evidence={})
    with pytest.raises(InvalidData, match="version 7"):
        state.repair(store)
    assert store.by_alias(CHAMPION).version == "1"


def test_the_history_of_the_first_release_is_read_and_goes_on(store):
    """Lines whose hash is that of the line alone are read as they stand, and the next line is chained to them."""
    line = (store.root / releases.FILE).read_text().splitlines()[0]
    record = releases.read(store.root)[0]
    old = releases.Entry(**{name: getattr(record, name) for name in record.__slots__} | {
        "previous_sha256": releases._sha256(line.encode()), "at": "2026-11-24T00:00:00+00:00",
    })  # fmt: skip
    (store.root / releases.FILE).write_text(f"{line}\n{old.line()}\n")
    releases.add(store.root, action="release", version="3", digest="d" * 64, by="x", evidence={})
    assert len(releases.read(store.root)) == 3
