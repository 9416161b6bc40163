"""Each process has a page of its own for Prometheus, which one list names."""

from __future__ import annotations

import os
import signal

import httpx
from plain_http import NO_TLS
from serving import OwnServer
from waiting import until


async def test_each_process_is_scraped_at_its_own_port(battered: OwnServer) -> None:
    server = battered
    async with httpx.AsyncClient(base_url=server.url, timeout=30, verify=NO_TLS) as client:
        listed = (await client.get("/metrics/targets")).json()
        by_name = {target["labels"]["process"]: target for target in listed}
        assert len(by_name) == len(listed)
        assert {target["labels"]["kind"] for target in listed} == {
            "host",
            "gateway",
            "supervisor",
            "dispatcher",
        }
        for name, target in by_name.items():
            kind = target["labels"]["kind"]
            assert target["labels"][kind] == name
            page = (await client.get(f"http://{target['targets'][0]}/metrics")).text
            own = {line for line in page.splitlines() if line.startswith("tertulia_") and f'{kind}="' in line}
            assert own and all(f'{kind}="{name}"' in line for line in own), f"{name} shows others' figures"
            assert "process_resident_memory_bytes" in page
        os.kill(server.hosts[0], signal.SIGKILL)

        async def renewed() -> bool:
            now = (await client.get("/metrics/targets")).json()
            return {t["labels"]["process"] for t in now} == by_name.keys() and now != listed

        await until(renewed, "the killed host's new port")
