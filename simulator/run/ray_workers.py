"""Workers on the nodes of a Ray cluster, one actor each. The cluster need not be the server's."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import msgspec

from ..plan import Plan
from .crew import CrewError, Member
from .processes import Remote
from .worker import Outcome, State

OPEN_WITHIN = 120.0
JOIN_WITHIN = 15.0
"""Seconds within which a cluster answers who wants to join it."""


def connect(address: str) -> int:
    """Join the cluster. Returns its number of CPUs. Raises CrewError, after JOIN_WITHIN if nothing answers: Ray itself would try for
    minutes, so it does so in a thread that is left alone."""
    import ray

    found: list[Exception | None] = []

    def join() -> None:
        try:
            if not ray.is_initialized():
                ray.init(
                    address=address, namespace="tertulia-simulator", log_to_driver=False, configure_logging=False
                )  # fmt: skip
        except Exception as error:
            found.append(error)
        else:
            found.append(None)

    thread = threading.Thread(target=join, name="join-ray", daemon=True)
    thread.start()
    thread.join(JOIN_WITHIN)
    if not found:
        raise CrewError(f"the Ray cluster {address!r} does not answer within {JOIN_WITHIN:.0f} s")
    if found[0] is not None:
        reason = str(found[0]).strip().splitlines() or [type(found[0]).__name__]
        raise CrewError(f"the Ray cluster {address!r} cannot be joined: {reason[0]}")
    return int(ray.cluster_resources().get("CPU", 1))


class OnRay(Member):
    """A worker on some node."""

    def __init__(self, plan: Plan) -> None:
        import ray
        from ray.exceptions import RayError

        self._ray, self._error = ray, RayError
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        self._actor: Any = ray.remote(Remote).options(**options).remote(plan)

    async def _ask(self, command: str, value: Any = None, within: float | None = None) -> Any:
        try:
            async with asyncio.timeout(within):
                return await self._actor.do.remote(command, value)
        except TimeoutError:
            raise CrewError(
                f"the cluster did not start a worker within {within:.0f} s: has it free CPUs?"
            ) from None
        except self._error as error:
            raise CrewError(f"a worker on the cluster failed: {str(error).splitlines()[-1]}") from None

    async def open(self) -> None:
        await self._ask("open", within=OPEN_WITHIN)

    async def start(self, began: float) -> None:
        await self._ask("start", began)

    async def state(self) -> State:
        return msgspec.msgpack.decode(await self._ask("state"), type=State)

    async def figures(self) -> Outcome:
        return msgspec.msgpack.decode(await self._ask("figures"), type=Outcome)

    async def finish(self) -> Outcome:
        return msgspec.msgpack.decode(await self._ask("finish"), type=Outcome)

    async def close(self) -> None:
        self._ray.kill(self._actor)
