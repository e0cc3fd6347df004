"""Each check of a deployment is OK without a fault, and names the fault and its remedy otherwise."""

import os
import re
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import postgres
import pytest
import sqlalchemy as sa
from command import heartline
from ledgers import HASH_KEY, NOTE_KEY, change, created, fill, opened, sqlite_url

from models.classifier.bundle import MANIFEST
from models.common import api_keys
from models.ledger import database as ledger_database
from models.programs.program import PROGRAMS
from pipelines.operations.doctor import Deployment, Level, database, examine, keys, machine, model, program

NOW = datetime.now(UTC)


@pytest.fixture
def deployment(tmp_path):
    """Return a function that gives a healthy deployment without a model, with some of it changed."""
    (tmp_path / "ledger.key").write_bytes(HASH_KEY)
    (tmp_path / "ledger.key").chmod(0o600)
    created(tmp_path, anchor=tmp_path / "ledger.anchor").close()
    api_keys.create(tmp_path / "keys.json", name="desk", roles=["clinician"])
    usual = {
        "ledger": sqlite_url(tmp_path), "anchor": tmp_path / "ledger.anchor", "key_file": tmp_path / "ledger.key",
        "api_keys": tmp_path / "keys.json", "bundle": tmp_path / "champion", "program": "durham-heart", "digest": "",
        "folders": (tmp_path,), "environment": {},
    }  # fmt: skip
    return lambda **changed: Deployment(**usual | changed)


def levels(findings):
    """Return the level of each check by its name."""
    return {finding.check: finding.level for finding in findings}


def only(findings, check):
    """Return the one finding of a check."""
    (finding,) = [each for each in findings if each.check == check]
    return finding


class TestKeys:
    """Keys exist, are long enough and private."""

    def test_private_keys_are_well(self, deployment):
        """All three checks are OK."""
        assert set(levels(keys.findings(deployment())).values()) == {Level.OK}

    @pytest.mark.parametrize(("content", "fault"), [(None, "missing"), (b"k" * 31, "too short")])
    def test_a_missing_or_short_hash_key_fails(self, deployment, tmp_path, content, fault):
        """The fault is named."""
        (tmp_path / "ledger.key").unlink()
        if content is not None:
            (tmp_path / "ledger.key").write_bytes(content)
        finding = only(keys.findings(deployment()), "hash key")
        assert (finding.level, fault in finding.detail) == (Level.FAIL, True)

    @pytest.mark.parametrize("name", ["ledger.key", "keys.json"])
    @pytest.mark.parametrize(("mode", "level"), [(0o604, Level.FAIL), (0o620, Level.FAIL), (0o440, Level.OK)])
    def test_a_key_that_others_may_read_fails(self, deployment, tmp_path, name, mode, level):
        """The file's group may read it, which mounted secrets need, and others may not."""
        (tmp_path / name).chmod(mode)
        by_check = levels(keys.findings(deployment()))
        assert by_check["hash key" if name == "ledger.key" else "API keys"] == level

    def test_a_short_key_of_the_environment_fails(self, deployment):
        """Its length is named, its value is not."""
        finding = only(keys.findings(deployment(environment={"HEARTLINE_HASH_KEY": "secret"})), "hash key")
        assert finding.level == Level.FAIL
        assert "secret" not in str(finding)

    @pytest.mark.parametrize(
        ("key", "level"),
        [("", Level.FAIL), ("x", Level.FAIL), (NOTE_KEY.decode(), Level.OK)],
        ids=["none", "short", "whole"],  # a key is drawn anew in each process, and a name must not be
    )
    def test_notes_are_kept_only_with_a_key_that_encrypts(self, deployment, key, level):
        """A missing and a wrong note key fail."""
        environment = {"HEARTLINE_KEEP_NOTES": "true", "HEARTLINE_NOTE_KEY": key}
        assert only(keys.findings(deployment(environment=environment)), "note key").level == level

    def test_a_service_that_asks_nobody_for_a_key_is_a_warning(self, deployment):
        """A service without a file of keys is a warning, unless tokens are required."""
        assert only(keys.findings(deployment(api_keys=None)), "API keys").level == Level.WARN
        environment = {"HEARTLINE_JWKS": "jwks.json"}
        assert only(keys.findings(deployment(api_keys=None, environment=environment)), "API keys").level == Level.OK

    def test_keys_that_are_gone_broken_or_revoked_fail(self, deployment, tmp_path):
        """A file fails where every key is revoked, where it is damaged, and where it is missing."""
        path = tmp_path / "keys.json"
        api_keys.revoke(path, api_keys.read(path)[0].key_id)
        assert "revoked" in only(keys.findings(deployment()), "API keys").detail
        path.write_text("[1]")
        assert only(keys.findings(deployment()), "API keys").level == Level.FAIL
        path.unlink()
        assert only(keys.findings(deployment()), "API keys").level == Level.FAIL


@pytest.mark.parametrize(("free", "level"), [(2**40, Level.OK), (2**30, Level.WARN), (2**20, Level.FAIL)])
def test_a_disk_without_room_fails(deployment, tmp_path, monkeypatch, free, level):
    """Each disk is named once, also for a folder that does not exist yet."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    (finding,) = machine.disk(deployment(folders=(tmp_path / "not" / "yet", tmp_path)))
    assert finding.level == level


@pytest.mark.parametrize(
    ("server", "last", "level"),
    [
        (None, None, Level.OK), (None, -3600, Level.OK), (None, 10, Level.WARN), (None, 3600, Level.FAIL),
        (0.5, -5, Level.OK), (-10, -5, Level.WARN), (90, -5, Level.FAIL), (-90, None, Level.FAIL),
    ],
)  # fmt: skip
def test_a_clock_that_is_off_fails(server, last, level):
    """It is compared with the database's, and with the last entry where that lies in the future."""
    moments = [None if seconds is None else NOW + timedelta(seconds=seconds) for seconds in (server, last)]
    assert machine.clock(NOW, server=moments[0], last_entry=moments[1]).level == level


class TestDatabase:
    """The ledger can be reached, read and written, is of this release and key, and stands where its anchor says."""

    def test_a_whole_ledger_is_well_and_nothing_is_written(self, deployment, tmp_path):
        """Every check is OK before and after the first entry, and the entries are the same after it."""
        assert set(levels(database.findings(deployment(), now=NOW)).values()) == {Level.OK}
        ledger = opened(tmp_path, anchor=tmp_path / "ledger.anchor")
        fill(ledger, 3)
        by_check = levels(database.findings(deployment(), now=datetime.now(UTC)))
        assert set(by_check) == {"database", "writing", "migrations", "clock", "guards", "anchor"}
        assert set(by_check.values()) == {Level.OK}
        assert ledger.verify().count == 3
        ledger.close()

    def test_a_missing_ledger_is_not_created(self, deployment, tmp_path):
        """A missing ledger fails, and is not created."""
        (tmp_path / "ledger.db").unlink()
        assert levels(database.findings(deployment(), now=NOW)) == {"database": Level.FAIL}
        assert not (tmp_path / "ledger.db").exists()

    def test_no_ledger_by_name_is_a_warning(self, deployment):
        """A deployment without a ledger gives a warning."""
        assert levels(database.findings(deployment(ledger="none"), now=NOW)) == {"ledger": Level.WARN}

    def test_a_server_that_does_not_answer_fails_without_its_password(self, deployment):
        """The fault is named, the password is not."""
        (finding,) = database.findings(deployment(ledger="postgresql://u:geheim@127.0.0.1:1/x"), now=NOW)
        assert finding.level == Level.FAIL
        assert "geheim" not in str(finding)

    @pytest.mark.parametrize(("revision", "level"), [("0003", Level.WARN), ("9999", Level.FAIL)])
    def test_another_release_is_named_and_not_migrated(self, deployment, tmp_path, revision, level):
        """An older one is a warning, a later one fails; the ledger stays what it was."""
        engine = ledger_database.open_engine(sqlite_url(tmp_path))
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        assert only(database.findings(deployment(), now=NOW), "migrations").level == level
        with engine.connect() as connection:
            assert ledger_database.revision_of(connection) == revision
        engine.dispose()

    def test_a_database_that_cannot_be_written_fails(self, tmp_path):
        """A ledger whose write lock another process holds fails."""
        created(tmp_path).close()
        engine = ledger_database.open_engine(sqlite_url(tmp_path), busy_seconds=0.05)
        with engine.connect().execution_options(**ledger_database.WRITING) as connection, connection.begin():
            assert database._writable(engine).level == Level.FAIL
        assert database._writable(engine).level == Level.OK
        engine.dispose()

    def test_missing_guards_another_key_and_a_cut_tail_fail(self, deployment, tmp_path):
        """Each is named by its own check."""
        ledger = opened(tmp_path, anchor=tmp_path / "ledger.anchor")
        fill(ledger, 3)
        key = deployment(environment={"HEARTLINE_HASH_KEY": "z" * 32})
        assert only(database.findings(key, now=NOW), "anchor").level == Level.FAIL
        change(ledger, "DELETE FROM entries WHERE seq = 3", rearm=False)
        ledger.close()
        by_check = levels(database.findings(deployment(), now=NOW))
        assert (by_check["guards"], by_check["anchor"]) == (Level.FAIL, Level.FAIL)

    def test_a_missing_anchor_fails_and_a_printed_one_is_a_warning(self, deployment, tmp_path):
        """A printed anchor gives a warning, because removed last entries cannot be detected."""
        assert only(database.findings(deployment(anchor=None), now=NOW), "anchor").level == Level.WARN
        (tmp_path / "ledger.anchor").unlink()
        assert only(database.findings(deployment(), now=NOW), "anchor").level == Level.FAIL


@pytest.mark.slow
@pytest.mark.skipif(postgres.binaries() is None, reason=postgres.MISSING)
def test_postgresql_is_examined_with_its_own_clock(deployment, tmp_path):
    """All checks are OK, and a clock an hour away from the server's fails."""
    with postgres.running() as (base, _, _):
        name = f"t{uuid.uuid4().hex}"
        engine = sa.create_engine(base.replace("postgresql", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        url = base.replace("/postgres", f"/{name}")
        created(url, anchor=tmp_path / "other.anchor").close()
        there = deployment(ledger=url, anchor=tmp_path / "other.anchor")
        assert set(levels(database.findings(there, now=datetime.now(UTC))).values()) == {Level.OK}
        assert only(database.findings(there, now=NOW - timedelta(hours=1)), "clock").level == Level.FAIL


class TestModel:
    """A model is there, loads, is the pinned one, is not too old, and is certified."""

    def test_a_missing_model_fails(self, deployment):
        """The remedy says how to get one."""
        finding = only(model.findings(deployment(), now=NOW), "model")
        assert (finding.level, "heartline train" in str(finding)) == (Level.FAIL, True)

    def test_a_model_is_judged_by_its_age_its_certificate_and_its_pin(self, deployment, runs, tmp_path):
        """The small model is certified on synthetic calls: a warning; a year later it is too old as well."""
        bundle = shutil.copytree(runs / "champion", tmp_path / "champion")
        os.utime(bundle / MANIFEST, (NOW.timestamp(), NOW.timestamp()))
        there = deployment(bundle=bundle)
        by_check = levels(model.findings(there, now=NOW + timedelta(days=3)))
        assert by_check == {"model": Level.OK, "age": Level.OK, "certification": Level.WARN}
        assert levels(model.findings(there, now=NOW + timedelta(days=366)))["age"] == Level.WARN
        assert levels(model.findings(deployment(digest="0" * 64), now=NOW)) == {"model": Level.FAIL}
        (bundle / "tables.npz").write_bytes(b"x")
        assert levels(model.findings(there, now=NOW)) == {"model": Level.FAIL}

    def test_every_certificate_has_its_level(self):
        """Every value of `certified_on` has a finding."""
        assert set(model._CERTIFIED) == {"local", "reference", "synthetic", "none", "other_parts"}
        assert model._CERTIFIED["other_parts"][0] == Level.FAIL


class TestProgram:
    """The program reads, its units have hours, and CAD sends the zones that it names."""

    @staticmethod
    def changed(folder, *changes):
        """Return the path of Durham's program with some text replaced."""
        text = (PROGRAMS / "durham-heart.toml").read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        path = folder / "program.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_durham_is_well_and_says_who_is_on_duty(self, deployment):
        """At night only the clinicians are on duty, by day the team too."""
        night, noon = datetime(2026, 3, 2, 7, tzinfo=UTC), datetime(2026, 3, 2, 17, tzinfo=UTC)
        assert set(levels(program.findings(deployment(), now=night)).values()) == {Level.OK}
        teams = [only(program.findings(deployment(), now=moment), "hours").detail for moment in (night, noon)]
        assert ["community" in team.lower() for team in teams] == [False, True]

    def test_a_program_that_does_not_read_or_does_not_exclude_danger_fails(self, deployment, tmp_path):
        """The key or the type is named."""
        path = self.changed(tmp_path, ('"weapon"', '"welfare"'))
        assert only(program.findings(deployment(program=path), now=NOW), "program").level == Level.FAIL
        assert levels(program.findings(deployment(program="nowhere"), now=NOW)) == {"program": Level.FAIL}

    def test_units_without_hours_or_zones_are_named(self, deployment, tmp_path):
        """A unit that never works is a warning, a program without any hours and a unit without a zone fail."""
        idle = self.changed(tmp_path, ('hours = ["daily 09:00-21:00"]', "hours = []"))
        assert only(program.findings(deployment(program=idle), now=NOW), "hours").level == Level.WARN
        nowhere = self.changed(tmp_path, ('zones = "all"                    #', "zones = [] #"))
        assert only(program.findings(deployment(program=nowhere), now=NOW), "zones").level == Level.FAIL
        text = (PROGRAMS / "durham-heart.toml").read_text(encoding="utf-8")
        never = self.changed(tmp_path, *((line, "hours = []") for line in set(re.findall(r"hours = \[.*?\]", text))))
        assert only(program.findings(deployment(program=never), now=NOW), "hours").level == Level.FAIL

    def test_zones_that_cad_never_sends_fail(self, deployment, tmp_path):
        """They are read from recent decisions."""
        there = deployment(program=self.changed(tmp_path, ('zones = "all"                    #', 'zones = ["D1", "D2"] #')))
        ledger = opened(tmp_path, anchor=tmp_path / "ledger.anchor")
        assert "no call has been decided" in only(program.findings(there, now=NOW), "zones").detail
        for number, (call, level) in enumerate([({}, Level.WARN), ({"zone": "N7"}, Level.FAIL), ({"zone": "D2"}, Level.OK)]):
            fill(ledger, 1, start=number, call=call)
            assert only(program.findings(there, now=NOW), "zones").level == level
        ledger.close()


def test_the_command_prints_a_line_for_each_check_and_exits_1_on_a_fault(deployment, tmp_path, monkeypatch):
    """Without a model the deployment of a runs folder fails, and the fault carries its remedy."""
    for name in ("HEARTLINE_LEDGER", "HEARTLINE_ANCHOR", "HEARTLINE_BUNDLE", "HEARTLINE_HASH_KEY"):
        monkeypatch.delenv(name, raising=False)
    there = deployment()
    code, out, _ = heartline("doctor", "--runs", str(tmp_path), "--keys", str(there.api_keys))
    assert code == 1
    lines = out.splitlines()
    assert {line.split()[0] for line in lines} <= {"OK", "WARN", "FAIL"}
    assert [line for line in lines if line.startswith("FAIL")] == [next(line for line in lines if " model: " in f" {line}")]
    assert len(lines) == len(list(examine(there)))
