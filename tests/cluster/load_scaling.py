"""Nodes follow the load: Ray's autoscaler with its own fake provider, which starts and ends raylets on one machine.

`ray.cluster_utils.AutoscalingCluster` does the same, but ends every Ray of the machine first, and reads a file that the wheel lacks. So does the
provider under its own name, `fake_multinode`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from pathlib import Path
from typing import Any

import aiohttp
from service import Service
from waiting import until

HEAD = "f" * 51 + "00000"
"""The id that the fake provider gives the head."""
MOST = 2
STREAMS = 8
SETTINGS = {
    "TERTULIA_AUTOSCALE_MAX_NODES": str(MOST),
    "TERTULIA_AUTOSCALE_MIN_NODES": "1",
    "TERTULIA_AUTOSCALE_NODE_STREAMS": "10",  # the readers of the run have four, and STREAMS come on top
    "TERTULIA_AUTOSCALE_QUIET": "10",
    "TERTULIA_LEAVE_NOTICE": "2",
    "RAY_FAKE_CLUSTER": "1",
    "RAY_enable_autoscaler_v2": "1",
    "RAY_CLOUD_INSTANCE_ID": HEAD,
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
}
OFFERS = {"CPU": 2, "tertulia": 1}
CONFIG: dict[str, Any] = {
    "cluster_name": "scaling", "max_workers": 8, "upscaling_speed": 1.0, "idle_timeout_minutes": 0.1,
    "provider": {
        "type": "external", "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "launch_multiple": True, "head_node_id": HEAD,
    },
    "head_node_type": "ray.head.default",
    "available_node_types": {
        "ray.head.default": {"resources": OFFERS, "node_config": {}, "max_workers": 0},
        "server": {
            "resources": OFFERS | {"object_store_memory": 80 * 1024 * 1024}, "node_config": {}, "min_workers": 0, "max_workers": 8,
        },
    },
    **{name: {} for name in ("auth", "file_mounts")},
    **{name: [] for name in ("cluster_synced_files", "rsync_exclude", "rsync_filter", "initialization_commands", "setup_commands",
                             "head_setup_commands", "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands")},
}  # fmt: skip


def head_options(folder: Path) -> tuple[str, ...]:
    """What `ray start` of the head is told."""
    config = folder / "autoscaling.json"
    config.write_text(json.dumps(CONFIG))
    return (f"--autoscaling-config={config}", f"--resources={json.dumps({'tertulia': 1})}")


async def autoscale(service: Service, dice: random.Random) -> None:
    """Streams for two nodes come, and go again: a node is started, gets its share, gives it up, and is ended."""
    async with aiohttp.ClientSession(
        service.url, timeout=aiohttp.ClientTimeout(total=None, connect=30)
    ) as session:
        came = time.monotonic()
        clients = [asyncio.ensure_future(_client(service, session, number)) for number in range(STREAMS)]
        try:
            await until(lambda: _evenly(service, MOST), f"{MOST} nodes", 180)
            out = time.monotonic() - came
        finally:
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
    went = time.monotonic()
    await until(lambda: _evenly(service, 1), "one node", 180)
    moved = time.monotonic() - went
    await until(lambda: len(service.head.processes_named("raylet")) == 1, "Ray to end the nodes", 120)
    ended = time.monotonic() - went
    await asyncio.sleep(10)  # nothing comes back
    assert len(service.head.processes_named("raylet")) == 1 and await _evenly(service, 1)
    service.note = f"{MOST} nodes {out:.0f} s after the streams came; one node alone works {moved:.0f} s after they went, others ended at {ended:.0f} s"


async def _client(service: Service, session: aiohttp.ClientSession, number: int) -> None:
    """Reads a stream, and opens it again when a gateway ends it, as it does to share streams with a new one."""
    headers = {"Authorization": f"Bearer {service.token('agent', f'stream-{number}')}"}
    while True:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with session.get("/v1/stream", headers=headers) as answer:
                async for _ in answer.content.iter_any():
                    pass
        await asyncio.sleep(0.5)


async def _evenly(service: Service, nodes: int) -> bool:
    """Whether that many nodes have all partitions, each its share."""
    rows = await service.sql(
        "SELECT count(*) FROM partitions p JOIN hosts h ON h.incarnation = p.owner GROUP BY h.node"
    )
    shares = [row[0] for row in rows]
    return len(shares) == nodes and sum(shares) == 1024 and max(shares) - min(shares) <= nodes
