"""Every kind of Ray actor: its class, name, life and concurrency, in one table. The only module that calls `ray.remote`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import ray
from ray.actor import ActorHandle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from .actor_processes import (
    ConversationProcess,
    DispatcherProcess,
    GatewayProcess,
    HostProcess,
    SupervisorProcess,
)
from .transport.ray_calls import DISPATCHER_NAME, NAMESPACE, SUPERVISOR_NAME

FOREVER = -1
NEXT_TO_NONE = 0.001


class Options(msgspec.Struct, frozen=True):
    """`name` is a template; `restarts`: how often Ray starts it again by itself; `concurrency`: calls at once."""

    cls: type
    name: str
    concurrency: int
    restarts: int = FOREVER
    spread: bool = True


HOST = Options(HostProcess, "host:{0}", concurrency=1000)
GATEWAY = Options(GatewayProcess, "gateway:{0}", concurrency=1000)
DISPATCHER = Options(DispatcherProcess, DISPATCHER_NAME, concurrency=1000)
SUPERVISOR = Options(SupervisorProcess, SUPERVISOR_NAME, concurrency=10_000)
CONVERSATION = Options(ConversationProcess, "conversation:{0}", concurrency=1, restarts=0, spread=False)
"""Not restarted by Ray: its host starts it anew, with the state as the journal has it."""


def create(kind: Options, key: object, *arguments: Any, detached: bool = False) -> ActorHandle:
    """Start an actor, or find the one of that name that runs already (only where it outlives its maker).

    Next to no CPU is reserved: these actors are the service itself, and a cluster is sized for them; but where an actor
    asks for nothing at all, Ray places it anywhere, whatever node it is told. Tasks are never retried by Ray: the
    callers do that, under the same command ids.
    """
    name = kind.name.format(key)
    options: dict[str, Any] = {
        "name": name,
        "namespace": NAMESPACE,
        "num_cpus": NEXT_TO_NONE,
        "max_restarts": kind.restarts,
        "max_task_retries": 0,
        "max_concurrency": kind.concurrency,
    }
    if detached:
        options |= {"lifetime": "detached", "get_if_exists": True}
    if kind.spread:
        options["scheduling_strategy"] = _place(key)
    make: Callable[..., Any] = ray.remote(kind.cls).options(**options).remote
    return make(*arguments)


def _place(key: object) -> NodeAffinitySchedulingStrategy:
    """The nodes in turn, by the actor's number. Soft: when its node goes, the actor goes to another one."""
    nodes = sorted(node["NodeID"] for node in ray.nodes() if node["Alive"])
    return NodeAffinitySchedulingStrategy(nodes[int(str(key)) % len(nodes)], soft=True)
