"""The files for Prometheus and Grafana name metrics that exist, each alert has its page in the runbook, and strangers read none."""

from __future__ import annotations

import json
import re

import httpx
import yaml
from plain_http import NO_TLS
from serving import METRICS_TOKEN, ROOT, OwnServer

RULES = ROOT / "deploy/prometheus/alerts.yml"
METRIC = re.compile(r"\btertulia_[a-z_]+")
AFTER_TRAFFIC = {"tertulia_outbox_queued", "tertulia_outbox_open_circuits", "tertulia_outbox_sent_total",
                 "tertulia_background_failures_total", "tertulia_event_sink_up"}  # fmt: skip
"""Metrics of channels appear with a channel's first message, failures with the first one, and sinks if the server is to write to them."""


def rules() -> list[dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


async def test_every_metric_that_the_files_name_exists(server: OwnServer) -> None:
    async with server.client(server.token("lead", "monitoring")) as client:
        await client.get("/v1/conversations")
        page = (await client.get("/metrics")).text
    there = set(re.findall(r"^(tertulia_[a-z_]+)", page, re.MULTILINE))
    dashboard = (ROOT / "deploy/grafana/tertulia.json").read_text()
    text = " ".join(str(rule["expr"]) for rule in rules()) + dashboard
    named = set(METRIC.findall(text))
    assert named - there <= AFTER_TRAFFIC, named - there
    assert len(named) > 10 and json.loads(dashboard)["panels"]


def test_each_alert_has_a_page_in_the_runbook() -> None:
    headings = set(re.findall(r"^### (\w+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE))
    alerts = {str(rule["alert"]): rule for rule in rules() if "alert" in rule}
    assert set(alerts) == headings
    for name, rule in alerts.items():
        annotations = rule["annotations"]
        assert isinstance(annotations, dict)
        assert annotations["runbook"] == f"docs/runbook.md#{name.lower()}"


async def test_a_stranger_learns_no_targets(guarded: OwnServer) -> None:
    token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    async with httpx.AsyncClient(base_url=guarded.url, timeout=30, verify=NO_TLS) as client:
        assert (await client.get("/metrics/targets")).status_code == 401
        listed = (await client.get("/metrics/targets", headers=token)).json()
        for target in listed:
            page = f"http://{target['targets'][0]}/metrics"
            assert (await client.get(page)).status_code == 401
            assert (await client.get(page, headers=token)).status_code == 200
