"""cluster.yaml, validated offline by Ray's own launcher code, after filling in the defaults."""

from __future__ import annotations

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tertulia.actors.cluster.ray_nodes import UNIT

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


def commands(config: dict[str, Any]) -> list[str]:
    lists = [config[name] for name in config if name.endswith("commands")]
    assert len(lists) == 4
    return [command for part in lists for command in part]


def test_the_launcher_accepts_it(config: dict[str, Any]) -> None:
    prepared = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    assert prepared["available_node_types"]["local.cluster.node"]["max_workers"] == 2
    assert prepared["head_setup_commands"] == prepared["worker_setup_commands"] == config["setup_commands"]


def test_the_launcher_would_refuse_a_mistake(config: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError, match="head_start_commands"):
        validate_config(prepare_config(config | {"head_start_commands": []}))


def test_the_launcher_accepts_the_node_types_that_it_shows_for_a_cloud(config: dict[str, Any]) -> None:
    text = (ROOT / "cluster.yaml").read_text()
    block = text[text.index("#   available_node_types:") :].partition("\n#\n")[0]
    shown = yaml.safe_load(block.replace("#   ", ""))
    types = shown["available_node_types"]
    cloud = {"provider": {"type": "external", "module": "a.Cloud"}}
    filled_in = {
        name: [] for name in ("cluster_synced_files", "head_setup_commands", "worker_setup_commands")
    }
    validate_config(prepare_config(config | cloud | filled_in | shown))
    assert all(kind["resources"][UNIT] == 1 for kind in types.values()) and shown["head_node_type"] in types
    assert types["server"]["max_workers"] == shown["max_workers"]


def test_all_workers_are_used(config: dict[str, Any]) -> None:
    assert config["max_workers"] == len(config["provider"]["worker_ips"])


def test_the_shell_can_read_every_command(config: dict[str, Any]) -> None:
    for command in commands(config):
        subprocess.run(["bash", "-n", "-c", command], check=True)


def test_actors_run_at_full_priority_and_only_the_head_holds_rays_redis(config: dict[str, Any]) -> None:
    head, worker = config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]
    for start in (head, worker):
        assert "RAY_worker_niceness=0" in start and ". ~/tertulia.env" in start and "\n" not in start
    assert "--head" in head and "unset RAY_REDIS_ADDRESS" in worker and "$RAY_HEAD_IP" in worker


def test_what_its_provider_needs_is_set(config: dict[str, Any]) -> None:
    """Ray's second autoscaler loses workers of a `local` provider; `ray down` finds `ray` on the PATH of a login alone."""
    assert config["provider"]["type"] == "local"
    assert "RAY_enable_autoscaler_v2=0" in config["head_start_ray_commands"][-1]
    assert any("~/.local/bin/ray" in command for command in config["setup_commands"])


def test_it_holds_no_secret_and_installs_the_locked_versions(config: dict[str, Any]) -> None:
    text = yaml.safe_dump(config)
    assert "://" not in text and "SECRET" not in text
    assert "requirements.lock" in text and "[cluster]" in text


def test_rays_folder_is_private_and_its_ports_are_the_documented_ones(config: dict[str, Any]) -> None:
    text = (ROOT / "cluster.yaml").read_text()
    for start in (config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]):
        assert start.startswith(
            "umask 077; mkdir -p -m 700 ~/.tertulia-ray; export RAY_TMPDIR=~/.tertulia-ray "
        )
        assert "RAY_enable_metrics_collection=0" in start and "--metrics-export-port" not in start
        ports = re.findall(r"--([a-z-]+-port)=(\d+)", start)
        assert {name for name, _ in ports} >= {
            "object-manager-port", "node-manager-port", "runtime-env-agent-port", "dashboard-agent-grpc-port",
            "dashboard-agent-listen-port", "min-worker-port", "max-worker-port",
        }  # fmt: skip
        header = text.partition("cluster_name:")[0]
        assert not [port for _, port in ports if port not in header]
