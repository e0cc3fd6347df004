"""The deployment kit names the settings, metrics, commands and files that exist, and the tools that read it accept it."""

import json
import re
import shlex
import shutil
import subprocess

import pytest
import typer
import yaml
from command import ROOT

from models.ledger.encryption import HASH_KEY, NOTE_KEY
from models.ledger.records import OVERRIDE_REASONS
from pipelines.cli import application
from serving.observability.metrics import Metrics
from serving.settings import PREFIX, Settings

KIT = ROOT / "serving" / "deploy"
CONTAINERFILE = (KIT / "Containerfile").read_text(encoding="utf-8")
UNIT = (KIT / "heartline.service").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((KIT / "compose.yaml").read_text(encoding="utf-8"))
ALERTS = (KIT / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads((KIT / "grafana" / "heartline.json").read_text(encoding="utf-8"))
MANIFESTS = {
    document["kind"]: document
    for path in sorted((KIT / "kubernetes").glob("*.yaml"))
    for document in [yaml.safe_load(path.read_text(encoding="utf-8"))]
    if "kind" in document
}
POD = MANIFESTS["Deployment"]["spec"]["template"]["spec"]


def test_promtool_accepts_the_rules_and_each_alert_is_raised_by_its_fault():
    """A healthy service raises none, each fault raises its own, the first fault of its kind included."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    folder = KIT / "prometheus"
    for words in (["check", "config", "--syntax-only", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    tested = (folder / "alerts_test.yml").read_text(encoding="utf-8")
    names = re.findall(r"- alert: (\w+)", ALERTS)
    assert [name for name in names if f'alertname="{name}"' not in tested or f"alertname: {name}}}" not in tested] == []


class TestMetrics:
    """Alerts and dashboard ask for what the service exports, and show all of it."""

    @pytest.fixture
    def exported(self):
        """Return the labels of each metric that the service exports, by its name."""
        metrics = Metrics()
        text = metrics.expose(model="m", program="p", profile=None, waiting=0).decode()
        names = re.findall(r"^# TYPE (\w+)", text, flags=re.MULTILINE)
        labels = {
            f"heartline_{each._name.removeprefix('heartline_')}": each._labelnames
            for each in vars(metrics).values()
            if hasattr(each, "_labelnames")
        }
        return {
            name: labels.get(name, labels.get(name.removesuffix("_total"), ()))
            for name in names
            if not name.endswith("_created")
        }

    @staticmethod
    def asked():
        """Return every metric that is asked for with the labels that it is chosen by."""
        queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
        queries += [rule["expr"] for group in yaml.safe_load(ALERTS)["groups"] for rule in group["rules"]]
        for name, chosen in re.findall(r"\b(heartline_\w+)(?:\{([^}]*)\})?", " ".join(queries)):
            yield re.sub(r"_bucket$", "", name), re.findall(r"(\w+)(?:=~|!~|!=|=)", chosen)

    def test_every_query_names_metrics_and_labels_that_the_service_exports(self, exported):
        """A renamed counter or label would silence an alert."""
        unknown = [(name, labels) for name, labels in self.asked() if not set(labels) <= set(exported.get(name, ()))]
        assert [(name, labels) for name, labels in unknown if labels or name not in exported] == []
        assert {name for name, _ in self.asked()} <= set(exported)

    def test_every_metric_is_on_the_dashboard(self, exported):
        """What is counted is shown."""
        shown = json.dumps(DASHBOARD)
        assert [name for name in exported if name not in shown] == []

    def test_values_that_alerts_choose_are_those_that_the_service_writes(self):
        """Reasons of overrides, and codes of faults."""
        reasons = set(re.findall(r'reason="(\w+)"', ALERTS))
        assert reasons
        assert reasons <= set(OVERRIDE_REASONS)
        source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "serving").rglob("*.py"))
        codes = {code for codes in re.findall(r'code[!=]~"([^"]+)"', ALERTS) for code in codes.split("|")}
        assert {code for code in codes if f'"{code}"' not in source} == set()


class TestSettings:
    """What the kit sets is a setting of the service, and what it starts is a command."""

    @pytest.mark.parametrize(
        "path", [*sorted(path.name for path in KIT.rglob("*.y*ml")), "heartline.service", "Containerfile"]
    )
    def test_every_variable_is_a_setting(self, path):
        """An unknown one would end the service's start."""
        (file,) = KIT.rglob(path)
        known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {HASH_KEY, NOTE_KEY, "HEARTLINE_NAME"}
        text = re.sub(r"#.*", "", file.read_text(encoding="utf-8"))
        assert set(re.findall(r"\bHEARTLINE_[A-Z_]+", text)) <= known

    def test_every_start_is_a_command_that_parses(self):
        """In the unit, in the image, and in the image of the tools."""
        starts = re.findall(r"^ExecStart=\S+/heartline (.+)$", UNIT, flags=re.MULTILINE)
        starts += [
            shlex.join(json.loads(words))
            for words in re.findall(r'^CMD (\["(?:serve|doctor)".+\])$', CONTAINERFILE, flags=re.MULTILINE)
        ]
        assert len(starts) == 3
        root = typer.main.get_command(application(["serve", "doctor"]))
        for name, *words in map(shlex.split, starts):
            root.commands[name].make_context(name, words)

    def test_probes_and_prometheus_ask_by_names_that_are_allowed(self):
        """The service refuses a request whose Host it does not know, a probe's by address included."""
        hosts = MANIFESTS["ConfigMap"]["data"]["HEARTLINE_ALLOWED_HOSTS"].split(",")
        (container,) = POD["containers"]
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            (header,) = container[kind]["httpGet"]["httpHeaders"]
            assert (header["name"], header["value"] in hosts) == ("Host", True)
        target = yaml.safe_load((KIT / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"][
            0
        ]
        (host,) = [each.split(":")[0] for each in target["targets"]]
        assert host in COMPOSE["services"]["heartline"]["environment"]["HEARTLINE_ALLOWED_HOSTS"].split(",")
        assert POD["enableServiceLinks"] is False  # they would be unknown settings, which end the start


class TestHardening:
    """Nothing runs as root, writes beside its volumes, or is open to other machines by itself."""

    def test_the_systemd_unit_is_exposed_little(self):
        """Its exposure, as systemd counts it, is below 2 of 10."""
        if shutil.which("systemd-analyze") is None:
            pytest.skip("systemd-analyze is not installed: apt-get install systemd")
        words = ["systemd-analyze", "--no-pager", "security", "--offline=true", "--threshold=19", KIT / "heartline.service"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert float(re.search(r"exposure level for heartline.service: ([\d.]+)", done.stdout)[1]) < 2

    def test_every_image_ends_with_a_user_without_rights(self):
        """Each stage that is run names a user by number, and the packages are pinned by hash."""
        stages = re.split(r"^FROM ", CONTAINERFILE, flags=re.MULTILINE)[1:]
        run = [stage for stage in stages if re.search(r"^CMD ", stage, flags=re.MULTILINE)]
        assert [re.findall(r"^USER (\d+):(\d+)$", stage, flags=re.MULTILINE)[-1] for stage in run] == [
            ("10002", "10002"), ("10001", "10001"), ("10001", "10001"),
        ]  # fmt: skip
        installs = re.findall(r"pip install (.+?)(?: \\)?$", CONTAINERFILE, flags=re.MULTILINE)
        assert all("--require-hashes" in install or install == "--no-deps ." for install in installs)

    def test_what_the_images_copy_is_there(self):
        """Every file and folder is in the checkout and passes the list of what is sent to the builder."""
        sent = (KIT / "Containerfile.dockerignore").read_text(encoding="utf-8").split()
        for line in re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE, flags=re.MULTILINE):
            for source in line.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source.split('/')[0]}" in sent
        assert {"**/.env", "*"} <= set(sent)

    def test_every_service_of_the_compose_file_is_read_only(self):
        """Without capabilities, and on this machine's own address alone."""
        for name, service in COMPOSE["services"].items():
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
            assert {volume.split(":")[0] for volume in service["volumes"]} <= {*COMPOSE["volumes"], "./prometheus"}, name
        assert {"heartline", "database", "prometheus", "mlflow"} <= set(COMPOSE["services"])
        assert COMPOSE["networks"]["inner"]["internal"]

    def test_the_pod_keeps_the_restricted_standard(self):
        """Not root, no escalation, no capabilities, a read-only file system, the runtime's seccomp profile."""
        assert POD["securityContext"]["runAsNonRoot"]
        assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert POD["automountServiceAccountToken"] is False
        (container,) = POD["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert MANIFESTS["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_manifests_refer_to_one_another():
    """Selectors, ports, claims and config maps name what another manifest holds, and all of them are applied."""
    labels = MANIFESTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert MANIFESTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["Service"]["spec"]["selector"] == labels
    assert MANIFESTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    (container,) = POD["containers"]
    (port,) = container["ports"]
    assert MANIFESTS["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    claim = volumes["state"]["persistentVolumeClaim"]["claimName"]
    assert claim == MANIFESTS["PersistentVolumeClaim"]["metadata"]["name"]
    assert container["envFrom"] == [{"configMapRef": {"name": MANIFESTS["ConfigMap"]["metadata"]["name"]}}]
    secrets = {variable["valueFrom"]["secretKeyRef"]["name"] for variable in container["env"]} | {
        volumes["keys"]["secret"]["secretName"]
    }
    comment = (KIT / "kubernetes" / "deployment.yaml").read_text(encoding="utf-8").split("apiVersion")[0]
    assert all(f"#   {name} " in comment for name in secrets)
    listed = yaml.safe_load((KIT / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in (KIT / "kubernetes").glob("*.yaml")}
