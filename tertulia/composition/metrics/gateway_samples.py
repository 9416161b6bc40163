"""Samples of /metrics beyond a gateway's own counters: its streams and queues, and the other processes' figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from ... import __version__
from ...actors.gateway.gateway import Gateway
from ...actors.gateway.supervisor_client import SupervisorClient
from ...actors.recurring import failed_steps as own_failures
from ...actors.transport.ray_calls import DispatcherWaker, failed_steps
from ...core.errors import StorageUnavailable
from ...core.views.metrics import Sample
from ...http.connection.table import ConnectionTable
from ...http.streams.hub import Hub
from .process_samples import (
    dispatcher_samples,
    event_sink_samples,
    failure_samples,
    host_samples,
    supervisor_samples,
)

HOST_DEADLINE = 1.0
"""Seconds that a host has to report its figures; a late one is `tertulia_host_up 0`."""

REFUSED_STREAMS = ("gateway", "account", "user", "customer", "address", "frames", "draining", "origin")
"""Why streams are refused (`StreamCounts.refused`)."""


async def gateway_samples(
    gateway: Gateway,
    hub: Hub,
    connections: ConnectionTable,
    dispatchers: DispatcherWaker,
    supervisors: SupervisorClient,
    sink_faults: Callable[[], Awaitable[dict[str, str | None]]],
) -> list[Sample]:
    """All samples now. Actors are asked concurrently; those that do not answer are left out."""
    version = {"gateway": gateway.name, "version": __version__}
    samples = own_samples(gateway, hub, connections)
    samples.append(Sample("tertulia_build_info", "The version", 1, version))
    hosts = await gateway.host_statistics(HOST_DEADLINE)
    for host, figures in sorted(hosts.items()):
        up = "Whether the host answers"
        samples.append(Sample("tertulia_host_up", up, float(figures is not None), {"host": host}))
        samples += host_samples(host, figures or {})
    senders = await dispatchers.statistics(HOST_DEADLINE)
    for dispatcher, by_channel in senders.items():
        up, labels = "Whether the dispatcher answers", {"dispatcher": dispatcher}
        samples.append(Sample("tertulia_dispatcher_up", up, float(by_channel is not None), labels))
        samples += dispatcher_samples(dispatcher, by_channel or {})
    routers = await supervisors.statistics(HOST_DEADLINE)
    for supervisor, figures in routers.items():
        up, labels = "Whether the supervisor answers", {"supervisor": supervisor}
        samples.append(Sample("tertulia_supervisor_up", up, float(figures is not None), labels))
        samples += supervisor_samples(supervisor, figures or {})
    for process, failed in (await failed_steps([*hosts, *senders, *routers], HOST_DEADLINE)).items():
        samples += failure_samples(process, failed)
    samples += failure_samples(gateway.name, own_failures())
    with suppress(StorageUnavailable):
        samples += event_sink_samples(await sink_faults(), {})
    return samples


def own_samples(gateway: Gateway, hub: Hub, connections: ConnectionTable) -> list[Sample]:
    """A gateway's own."""
    me = {"gateway": gateway.name}
    open_streams = hub.count_by_transport()
    waiting, aside = gateway.router.waiting, gateway.router.quarantine.set_aside_total
    what = "Commands set aside because hosts died of them"
    return [
        *(
            Sample("tertulia_streams_open", "Open streams", open_streams[kind], {**me, "transport": kind})
            for kind in ("sse", "websocket")
        ),
        *_connection_samples(connections, hub, me),
        _without_host(gateway, me),
        Sample("tertulia_commands_waiting", "Commands waiting for their outcome", waiting, me),
        Sample("tertulia_commands_set_aside_total", what, aside, me, "counter"),
    ]


def _without_host(gateway: Gateway, me: dict[str, str]) -> Sample:
    what, without = (
        "Partitions whose commands wait, since no host has them",
        gateway.router.partitions_without_host,
    )
    return Sample("tertulia_partitions_without_host", what, without, me)


def _connection_samples(connections: ConnectionTable, hub: Hub, me: dict[str, str]) -> list[Sample]:
    of_streams = sum(hub.count_by_transport().values())
    kinds = {"stream": of_streams, "request": max(0, len(connections) - of_streams)}
    opened = "Open connections: those with a stream, and all others"
    made_way = "Idle connections closed to accept others"
    return [
        *(Sample("tertulia_connections_open", opened, n, {**me, "kind": kind}) for kind, n in kinds.items()),
        Sample("tertulia_connections_made_way_total", made_way, connections.made_way, me, "counter"),
        *(
            _refused("connections", me, "bound", why, connections.refused[why])
            for why in ("address", "gateway")
        ),
        *(_refused("streams", me, "reason", why, hub.counts.refused[why]) for why in REFUSED_STREAMS),
    ]


def _refused(what: str, me: dict[str, str], label: str, why: str, count: int) -> Sample:
    text = f"{what.capitalize()} refused, by {label}"
    return Sample(f"tertulia_{what}_refused_total", text, count, {**me, label: why}, "counter")
