"""Every kind of Ray actor in one table: class, name, restarts and concurrency. The only module that calls `ray.remote`."""

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
MINIMAL_CPU = 0.001


class Options(msgspec.Struct, frozen=True):
    """`name` is a template, `restarts` how often Ray restarts the actor by itself, `concurrency` how many calls run at
    once. `moves`: if its node is lost, Ray restarts the actor on another one; the others belong to their node."""

    cls: type
    name: str
    concurrency: int
    restarts: int = FOREVER
    moves: bool = False


HOST = Options(HostProcess, "host:{0}", concurrency=1000)
GATEWAY = Options(GatewayProcess, "gateway:{0}", concurrency=1000)
DISPATCHER = Options(DispatcherProcess, DISPATCHER_NAME, concurrency=1000, moves=True)
SUPERVISOR = Options(SupervisorProcess, SUPERVISOR_NAME, concurrency=10_000, moves=True)
CONVERSATION = Options(ConversationProcess, "conversation:{0}", concurrency=1, restarts=0)
"""Ray does not restart it: its host starts a new one with the state from the journal."""


def create(
    kind: Options,
    key: object,
    *arguments: Any,
    detached: bool = False,
    node: str | None = None,
) -> ActorHandle:
    """Start an actor, on `node` if that is given. A detached one that already runs under this name is returned instead.

    An actor reserves next to no CPU, because clusters are sized for this service. It must reserve something: Ray ignores
    the requested node of an actor that asks for nothing. Ray never retries a task; callers do, with the same command ids.
    """
    name = kind.name.format(key)
    options: dict[str, Any] = {
        "name": name,
        "namespace": NAMESPACE,
        "num_cpus": MINIMAL_CPU,
        "max_restarts": kind.restarts,
        "max_task_retries": 0,
        "max_concurrency": kind.concurrency,
    }
    if detached:
        options |= {"lifetime": "detached", "get_if_exists": True}
    if node is not None:
        options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=kind.moves)
    make: Callable[..., Any] = ray.remote(kind.cls).options(**options).remote
    return make(*arguments)
