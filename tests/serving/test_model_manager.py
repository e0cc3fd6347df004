"""Another model is put into use while requests are answered, and a broken one never is."""

import json
import shutil

import pytest
from clients import local_client
from service_helpers import decide, entries
from waiting import until

from models.classifier import artefact, tables
from models.classifier import bundle as bundles
from serving.app import create_app
from serving.model_manager import ModelManager, Source
from serving.settings import Settings


class TestLive:
    """Another model comes in while nobody waits."""

    def other(self, folder, where, step=1e-6):
        """Write the same model under another digest."""
        loaded = bundles.load(folder)
        point = type(loaded.operating_point)(
            **(loaded.operating_point.to_record() | {"eligible_at": loaded.operating_point.eligible_at + step})
        )
        return bundles.save(
            where,
            bundles.load_parts(folder),
            point,
            risks=loaded.risks,
            training=loaded.manifest["training"],
            golden=[entry["features"] for entry in loaded.manifest["golden"]],
        )

    def swap(self, settings, tmp_path, step=1e-6):
        """Put another champion in the place of the present one, as a promotion does."""
        digest = self.other(settings["bundle"], tmp_path / "next", step)
        settings["bundle"].rename(tmp_path / f"old{step}")
        (tmp_path / "next").rename(settings["bundle"])
        return digest

    def wait(self, client, digest):
        """Wait until a model answers."""
        until(lambda: client.get("/v1/health/ready").json()["model"] == digest, "the other model never came")

    def test_a_new_champion_is_found_and_swapped_in(self, service, settings, tmp_path):
        """A new champion is used without a restart, and decisions name it."""
        digest = self.swap(settings, tmp_path)
        self.wait(service, digest)
        assert decide(service)["versions"]["model"] == digest

    def test_a_broken_champion_leaves_the_old_one_answering(self, service, settings):
        """The last champion continues to answer, and readiness names the fault."""
        before = service.get("/v1/health/ready").json()["model"]
        with (settings["bundle"] / bundles.MANIFEST).open("a") as file:
            file.write("x")
        answer = service.post("/v1/model/reload").json()
        assert answer["changed"] is False
        assert "could not be loaded" in answer["detail"]
        assert decide(service)["versions"]["model"] == before

    def test_the_last_good_bundle_answers_after_a_start_without_champion(self, service, settings):
        """The last good bundle is loaded from the cache."""
        digest = service.get("/v1/health/ready").json()["model"]
        shutil.rmtree(settings["bundle"])
        with local_client(create_app(Settings(**settings), log=False)) as again:
            ready = again.get("/v1/health/ready").json()
        assert (ready["status"], ready["model"]) == ("ready", digest)
        assert "last good" in ready["detail"]

    def test_without_any_model_the_rules_run_and_the_rest_is_review(self, settings):
        """Without cache and champion the service is degraded and still answers."""
        shutil.rmtree(settings["bundle"])
        with local_client(create_app(Settings(**settings), log=False)) as client:
            assert client.get("/v1/health/ready").json()["status"] == "degraded"
            assert decide(client)["recommendation"] == "REVIEW"
            assert decide(client, narrative="male with a gun")["recommendation"] == "NOT_ELIGIBLE"
            assert client.get("/v1/model").status_code == 404

    def test_a_registry_that_is_down_leaves_the_cache_answering(self, service, settings):
        """A registry that does not answer does not stop the service."""
        digest = service.get("/v1/health/ready").json()["model"]
        manager = ModelManager(Settings(**settings), fetch=self.down)
        assert manager.active.router.versions.model == digest
        assert manager.reload() is False
        assert "last good bundle answers" in manager.active.detail

    def down(self):
        """Raise as a registry that does not answer does."""
        raise bundles.BundleError("the registry gives no champion", value="ConnectionError")

    def test_the_registrys_champion_is_fetched(self, runs, settings, small_config):
        """The champion is found by its alias in a real MLflow store."""
        from serving.model_registry import fetcher  # noqa: PLC0415  loads MLflow

        fetch = fetcher(
            f"sqlite:///{runs / 'mlflow.db'}", name=small_config.tracking.registered_model, cache=settings["cache"]
        )
        assert bundles.read_manifest(fetch().folder)["digest"] == bundles.read_manifest(runs / "champion")["digest"]
        with pytest.raises(bundles.BundleError, match="no champion"):
            fetcher("sqlite:////nowhere/mlflow.db", name="x", cache=settings["cache"])()

    def test_a_challenger_is_scored_beside_and_answers_nobody(self, settings):
        """Its answer is in the ledger beside the decision."""
        digest = self.other(settings["bundle"], settings["challenger"])
        with local_client(create_app(Settings(**settings), log=False)) as client:
            assert client.get("/v1/health/ready").json()["challenger"] == digest
            made = decide(client)
            assert made["versions"]["model"] != digest

            def shadow():
                """Return the challenger's answer, once it is written."""
                contents = [entry["content"] for entry in entries(client, made["decision_id"])]
                return next((content for content in contents if content["kind"] == "shadow"), None)

            scored = until(shadow, "the challenger's answer never came")
        assert scored["model"] == digest
        assert scored["same"] in {True, False}


class TestOddBundles:
    """Whatever a bundle holds, the watcher continues and the active model answers."""

    def spoil(self, text, change):
        """Return a manifest that was changed and has a digest that fits it, or the text that takes its place."""
        if isinstance(change, str):
            return change
        manifest = json.loads(text)
        for name, value in change.items():
            partly = isinstance(value, dict) and value
            manifest[name] = manifest[name] | value if partly else value
        manifest.pop("digest")
        return json.dumps(manifest | {"digest": bundles._digest(manifest)})

    @pytest.mark.parametrize(
        "change",
        [
            "[1]",
            "null",
            "[" * 100_000,
            {"golden": []},
            {"golden": [1]},
            {"operating_point": {}},
            {"risks": []},
            {"operating_point": {"eligible_at": 0.0, "not_eligible_below": 0.0}},
            {"operating_point": {"eligible_at": 0.5}},
            {"operating_point": {"n_ineligible": 3}},
        ],
        ids=["list", "null", "deep", "no golden", "odd golden", "no point", "odd risk", "zero", "below floor", "unproved"],
    )
    def test_it_is_refused_as_champion_and_as_challenger(self, settings, change):
        """At a reload and at a start alike: the last good one answers."""
        manager = ModelManager(Settings(**settings))
        before = manager.active.router
        path = settings["bundle"] / bundles.MANIFEST
        path.write_text(self.spoil(path.read_text(), change))
        shutil.copytree(settings["bundle"], settings["challenger"])
        assert manager.reload() is False
        assert (manager.active.router, manager.active.challenger) == (before, None)
        assert "last good bundle answers" in manager.active.detail
        started = ModelManager(Settings(**settings))
        assert started.active.router.versions.model == before.versions.model

    @pytest.mark.parametrize("part", [tables, artefact])
    def test_a_file_that_unpacks_to_too_much_is_refused(self, settings, monkeypatch, part):
        """Two megabytes once took three gigabytes of memory."""
        monkeypatch.setattr(part, "MAX_UNPACKED", 1000)
        with pytest.raises(bundles.BundleError, match=r"unpacks? to too much"):
            bundles.prove(settings["bundle"])

    def test_only_the_pinned_bundle_answers(self, settings):
        """Another champion, or another last good bundle, is refused where the digest of the only one is set."""
        pinned = bundles.read_manifest(settings["bundle"])["digest"]
        assert ModelManager(Settings(**settings, digest=pinned)).active.router.versions.model == pinned
        manager = ModelManager(Settings(**settings, digest="0" * 64))
        assert manager.active.router.bundle is None
        assert "not the pinned model" in manager.active.detail

    def test_a_bundle_that_is_not_the_registrys_is_refused(self, settings):
        """The registry names the digest."""
        manager = ModelManager(Settings(**settings), fetch=lambda: Source(settings["bundle"], "0" * 64))
        assert manager.active.router.bundle is None
        assert "another model" in manager.active.detail
