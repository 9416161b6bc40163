"""The figures of hosts, supervisors and dispatchers, as samples for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ...core.views.metrics import Sample

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
    "shadow_compared": "Decisions of routing that shadow policies were compared with",
    "shadow_agreed": "Those for which the shadow policy would have chosen the same agent",
}
_SENDING = {
    "queued": "Messages queued for the provider or being sent",
    "sent_total": "Messages that the provider accepted",
    "failed_total": "Messages that failed for good",
    "retries_total": "Failed attempts that will be retried",
    "open_circuits": "Channels paused because their provider fails",
}


def host_samples(host: str, figures: Mapping[str, float]) -> list[Sample]:
    """A host's own."""
    return [
        Sample(f"tertulia_host_{name}", _HELP[name], value, {"host": host}, _kind(name))
        for name, value in figures.items()
    ]


def supervisor_samples(supervisor: str, figures: Mapping[str, float]) -> list[Sample]:
    """A supervisor's own."""
    return [
        Sample(f"tertulia_supervisor_{name}", _BALANCING[name], value, {"supervisor": supervisor})
        for name, value in figures.items()
    ]


def dispatcher_samples(dispatcher: str, by_channel: Mapping[str, Mapping[str, float]]) -> list[Sample]:
    """A dispatcher's own, by channel type."""
    return [
        Sample(
            f"tertulia_outbox_{name}",
            _SENDING[name],
            value,
            {"dispatcher": dispatcher, "channel_type": channel_type},
            _kind(name),
        )
        for channel_type, figures in by_channel.items()
        for name, value in figures.items()
    ]


def failure_samples(process: str, failed: Mapping[str, int]) -> list[Sample]:
    """The failures of a process's background work."""
    what = "Steps of background work that failed, and were tried again"
    return [
        Sample(
            "tertulia_background_failures_total", what, count, {"process": process, "work": work}, "counter"
        )
        for work, count in failed.items()
    ]


def event_sink_samples(faults: Mapping[str, str | None], labels: Mapping[str, str]) -> list[Sample]:
    """Whether events reach what they are copied to, by sink."""
    what = "Whether events can be written to the Redis stream, or to RabbitMQ"
    return [
        Sample("tertulia_event_sink_up", what, float(fault is None), {**labels, "sink": sink})
        for sink, fault in faults.items()
    ]


def _kind(name: str) -> Literal["gauge", "counter"]:
    return "counter" if name.endswith("_total") else "gauge"
