"""The measures: one per line of design.md section 9. `ALL` is the order they run in; each returns its figures."""

from __future__ import annotations

from . import (
    answering,
    assigning,
    delivery,
    dialects,
    fanout,
    hosting,
    ingest,
    journal,
    memory,
    opening,
    placement,
    routing,
    search,
    startup,
    webhooks,
)
from .bench import Measure

ALL: dict[str, Measure] = {
    "ingest": ingest.ingest,
    "latency": ingest.latency,
    "delivery": delivery.delivery,
    "dialects": dialects.dialects,
    "webhooks": webhooks.webhooks,
    "opening": opening.opening,
    "assigning": assigning.assigning,
    "answering": answering.answering,
    "fan-out": fanout.fan_out,
    "socket.io": fanout.socketio,
    "placement": placement.placement,
    "startup": startup.startup,
    "streams": memory.streams,
    "memory": memory.conversations,
    "residents": hosting.residents,
    "activation": hosting.activation,
    "journal": journal.journal,
    "routing": routing.routing,
    "search": search.search,
}
