"""The manifests for KubeRay and the systemd units fit together, and fit the server's settings."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from serving import ROOT

from tertulia.serving.start_checks import loopback
from tertulia.settings import Settings
from tertulia.settings_environment import variables

KUBERNETES = ROOT / "deploy/kubernetes"


def document(name: str) -> Any:
    return yaml.safe_load((KUBERNETES / name).read_text())


def test_every_manifest_is_listed() -> None:
    listed = set(document("kustomization.yaml")["resources"])
    assert listed == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}


def test_pods_have_time_to_leave_in_order() -> None:
    """The preStop hook waits for 60 s at most, then Ray drains for as long, and only then may Kubernetes kill."""
    spec = document("raycluster.yaml")["spec"]
    workers = [group["template"]["spec"] for group in spec["workerGroupSpecs"]]
    for pod in (spec["headGroupSpec"]["template"]["spec"], *workers):
        container = pod["containers"][0]
        command = container["lifecycle"]["preStop"]["exec"]["command"][-1]
        wait = int(re.search(r"cluster drain .*--wait (\d+)", command).group(1))  # type: ignore[union-attr]
        ray = next(e for e in container["env"] if e["name"] == "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S")
        assert pod["terminationGracePeriodSeconds"] >= wait + int(ray["value"])
        assert pod["securityContext"]["runAsNonRoot"] is True


def test_the_service_has_pods_whose_readiness_is_the_gateways() -> None:
    selector = document("service.yaml")["spec"]["selector"]
    raycluster = document("raycluster.yaml")
    assert selector["ray.io/cluster"] == raycluster["metadata"]["name"] == "tertulia"
    for group in raycluster["spec"]["workerGroupSpecs"]:
        container = group["template"]["spec"]["containers"][0]
        assert container["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "http"}
        assert {"containerPort": 8080, "name": "http"} in container["ports"]


def test_the_settings_that_they_name_exist() -> None:
    known = {variable for name in Settings.model_fields for variable in variables(name)}
    text = "".join(path.read_text() for path in (ROOT / "deploy").rglob("*") if path.is_file())
    named = set(re.findall(r"\bTERTULIA_[A-Z_]+\b", text)) - {"TERTULIA_METRICS_TOKEN"}
    assert named and named <= known


@pytest.mark.parametrize(
    "host, alone",
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.7", False)],
)
def test_a_loopback_is_recognised(host: str, alone: bool) -> None:
    assert loopback(host) is alone
