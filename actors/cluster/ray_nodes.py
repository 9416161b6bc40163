"""Ray's reports about the cluster's nodes, and the node on which an actor runs. The only module that uses Ray's private state.

These calls block while Ray's head is away, so they run in threads of their own; a caller that gives up leaves one thread
behind, and the next caller waits for that thread's result instead of starting another.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
import ray
from ray._private.state import state  # Ray has no public way to ask which nodes are draining
from ray._raylet import GcsClient  # pyright: ignore[reportAttributeAccessIssue]  # or to drain one, but its command line
from ray.core.generated.autoscaler_pb2 import (  # pyright: ignore[reportMissingModuleSource]
    DrainNodeReason,  # pyright: ignore[reportAttributeAccessIssue]
)

T = TypeVar("T")

DEADLINE = 5.0
"""Seconds to wait for Ray's head."""
UNIT = "tertulia"
"""The resource of which each node that is started and ended by load offers one."""
HEAD = "node:__internal_head__"
"""The resource that Ray's head alone offers."""


class Node(msgspec.Struct, frozen=True):
    """A node that Ray counts as alive. `draining`: it accepts nothing new and is about to end; `head`: it is Ray's head; `has_unit`: the
    autoscaler may count on it."""

    id: str
    address: str
    draining: bool
    head: bool = False
    has_unit: bool = False


_asking: dict[str, asyncio.Future[Any]] = {}


async def in_thread(work: Callable[[], T]) -> T:
    """Run a call to Ray's head, which may be away. Then the call blocks, but neither the loop nor the process's exit does."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is waiting
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="ask-ray", daemon=True).start()
    return await done


async def _shared(name: str, work: Callable[[], T]) -> T:
    """One thread for each question, however many ask. Raises TimeoutError."""
    asking = _asking.get(name)
    if asking is None or asking.done():
        asking = _asking[name] = asyncio.ensure_future(in_thread(work))
        asking.add_done_callback(partial(_answered, name))
    return await asyncio.wait_for(asyncio.shield(asking), DEADLINE)


def _answered(name: str, done: asyncio.Future[Any]) -> None:
    if _asking.get(name) is done:
        del _asking[name]
    if not done.cancelled():
        done.exception()  # which nobody may have waited for


async def alive_nodes() -> list[Node]:
    """The nodes of the cluster. Raises TimeoutError while the head is away, or what Ray raises."""

    def ask() -> list[Node]:
        draining = state.get_draining_nodes()
        return [
            Node(
                n["NodeID"],
                n["NodeManagerAddress"],
                n["NodeID"] in draining,
                HEAD in n["Resources"],
                n["Resources"].get(UNIT, 0) >= 1,
            )
            for n in ray.nodes()
            if n["Alive"]
        ]

    return await _shared("nodes", ask)


async def is_draining(node: str) -> bool:
    """Whether Ray drains this node. Raises TimeoutError while the head is away, or what Ray raises."""
    return node in await _shared("draining", state.get_draining_nodes)


async def request_nodes(count: int) -> None:
    """Ask the autoscaler for that many nodes, until the next request. Raises TimeoutError while the head is away, or what Ray raises."""
    from ray.autoscaler.sdk import request_resources  # 0.2 s of CPU, which only the fleet needs

    await _shared(f"request {count}", partial(request_resources, bundles=[{UNIT: 1}] * count))


async def end_idle_node(node: str) -> bool:
    """End a node, so that the autoscaler gives its machine back. False if something still runs on it: then nothing happens. Raises
    TimeoutError while the head is away, or what Ray raises."""

    def ask() -> bool:
        head = GcsClient(address=ray.get_runtime_context().gcs_address)
        accepted, _ = head.drain_node(
            node, DrainNodeReason.DRAIN_NODE_REASON_IDLE_TERMINATION, "the load needs fewer nodes", 0
        )
        return bool(accepted)

    return await _shared(f"end {node}", ask)


def own_node() -> str:
    """Ray's id of the node that this process runs on."""
    return ray.get_runtime_context().get_node_id()


def own_address() -> str:
    """The IP address of that node."""
    return ray.util.get_node_ip_address()
