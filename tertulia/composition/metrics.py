"""Samples of /metrics beyond a gateway's own counters: its streams and queues, and the other actors' figures."""

from __future__ import annotations

from typing import Literal

from .. import __version__
from ..actors.gateway.gateway import Gateway
from ..actors.gateway.supervisor_client import SupervisorClient
from ..actors.transport.ray_calls import DispatcherWaker
from ..http.connection.table import ConnectionTable
from ..http.framework.metrics import Sample
from ..http.streams.hub import Hub

HOST_DEADLINE = 1.0
"""Seconds that a host has to report its figures; a late one is `tertulia_host_up 0`."""

_HELP = {
    "partitions": "Partitions that the host owns",
    "conversations": "Conversations in the host's memory",
    "waiting": "Commands under way in the host",
    "analysing": "Threads whose commands wait for a message to be analysed",
    "classified_total": "Messages with an intent from the classifier",
    "unclassified_total": "Messages that the classifier gave no answer for",
    "activations_total": "Conversations loaded into memory",
    "commits_total": "Group commits",
    "committed_total": "Commands committed",
    "moves_total": "Partitions moved to other hosts by plan",
    "longest_move_seconds": "The longest of these moves",
    "disk_full": "Whether the host's last commit failed because the database's disk is full",
}


_BALANCING = {
    "shards": "Shards of accounts that the supervisor owns",
    "accounts": "Accounts that the supervisor balances at the moment",
    "queued": "Conversations that wait for an agent",
    "held": "Conversations assigned to an agent",
    "offers": "Offers not answered yet",
    "under_way": "Conversations whose assignment is under way",
}
_SENDING = {
    "queued": "Messages queued for the provider or being sent",
    "sent_total": "Messages that the provider accepted",
    "failed_total": "Messages that failed for good",
    "retries_total": "Failed attempts that will be retried",
    "open_circuits": "Channels paused because their provider fails",
}


REFUSED_STREAMS = ("gateway", "account", "user", "customer", "address", "frames", "draining", "origin")
"""Why streams are refused (`StreamCounts.refused`)."""


async def gateway_samples(
    gateway: Gateway,
    hub: Hub,
    connections: ConnectionTable,
    dispatchers: DispatcherWaker,
    supervisors: SupervisorClient,
) -> list[Sample]:
    """All samples now. Actors are asked concurrently; those that do not answer are left out."""
    me = {"gateway": gateway.name}
    open_streams = hub.count_by_transport()
    samples = [
        Sample("tertulia_streams_open", "Open streams", open_streams[kind], {**me, "transport": kind})
        for kind in ("sse", "websocket")
    ]
    samples += _connection_samples(connections, hub, me)
    samples.append(_without_host(gateway, me))
    samples.append(Sample("tertulia_build_info", "The version", 1, {**me, "version": __version__}))
    waiting = gateway.router.waiting
    samples.append(Sample("tertulia_commands_waiting", "Commands waiting for their outcome", waiting, me))
    aside = gateway.router.quarantine.set_aside_total
    samples.append(
        Sample(
            "tertulia_commands_set_aside_total",
            "Commands set aside because hosts died of them",
            aside,
            me,
            "counter",
        )
    )
    for host, figures in sorted((await gateway.host_statistics(HOST_DEADLINE)).items()):
        labels = {"host": host}
        samples.append(
            Sample("tertulia_host_up", "Whether the host answers", float(figures is not None), labels)
        )
        for name, value in (figures or {}).items():
            kind: Literal["gauge", "counter"] = "counter" if name.endswith("_total") else "gauge"
            text = _HELP.get(name, name.replace("_", " ").capitalize())
            samples.append(Sample(f"tertulia_host_{name}", text, value, labels, kind))
    return samples + await _dispatcher_samples(dispatchers) + await _supervisor_samples(supervisors)


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


async def _supervisor_samples(supervisors: SupervisorClient) -> list[Sample]:
    samples: list[Sample] = []
    for name, figures in (await supervisors.statistics(HOST_DEADLINE)).items():
        me = {"supervisor": name}
        up = float(figures is not None)
        samples.append(Sample("tertulia_supervisor_up", "Whether the supervisor answers", up, me))
        for what, value in (figures or {}).items():
            samples.append(Sample(f"tertulia_supervisor_{what}", _BALANCING[what], value, me))
    return samples


async def _dispatcher_samples(dispatchers: DispatcherWaker) -> list[Sample]:
    samples: list[Sample] = []
    for name, figures in (await dispatchers.statistics(HOST_DEADLINE)).items():
        me = {"dispatcher": name}
        up = float(figures is not None)
        samples.append(Sample("tertulia_dispatcher_up", "Whether the dispatcher answers", up, me))
        for channel_type, values in (figures or {}).items():
            for what, value in values.items():
                kind: Literal["gauge", "counter"] = "counter" if what.endswith("_total") else "gauge"
                labels = {**me, "channel_type": channel_type}
                samples.append(Sample(f"tertulia_outbox_{what}", _SENDING[what], value, labels, kind))
    return samples
