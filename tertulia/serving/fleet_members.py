"""The actors of a fleet: their kinds, and what is known of each."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from ray.actor import ActorHandle

from ..actors.actor_options import DISPATCHER, GATEWAY, HOST, SUPERVISOR, Options
from ..composition import dispatcher, gateway, host, supervisor
from ..core.ports.ownership import ProcessKind, ProcessState
from .actor_watch import Vitals


class FleetKind(msgspec.Struct, frozen=True):
    """`compose` builds its parts; `follows`: it belongs to a node, and there are more or fewer as nodes come and go."""

    options: Options
    compose: Any
    what: str
    follows: bool = False


KINDS: dict[ProcessKind, FleetKind] = {
    "host": FleetKind(HOST, host.host, "conversation hosts", follows=True),
    "supervisor": FleetKind(SUPERVISOR, supervisor.supervisor, "supervisors"),
    "dispatcher": FleetKind(DISPATCHER, dispatcher.dispatcher, "dispatchers"),
    "gateway": FleetKind(GATEWAY, gateway.gateway, "gateways", follows=True),
}
"""In the order in which they come up. They are stopped in the order of STOPPED."""
STOPPED: tuple[ProcessKind, ...] = ("gateway", "supervisor", "host", "dispatcher")


class ActorFailed(Exception):
    """An actor did not start: its kind, and the error."""

    def __init__(self, what: str, error: BaseException) -> None:
        super().__init__(what)
        self.what = what
        self.error = error


class Member:
    """An actor of the fleet. `node` and `state` are what its heartbeat says."""

    def __init__(self, name: str, handle: ActorHandle, node: str | None) -> None:
        self.name = name
        self.kind: ProcessKind = name.partition(":")[0]  # type: ignore[assignment]
        self.number = int(name.rpartition(":")[2])
        self.handle = handle
        self.node = node
        self.state: ProcessState | None = None
        self.vitals = Vitals(time.monotonic())
        self.retiring = False
