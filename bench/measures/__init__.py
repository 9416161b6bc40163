"""The measures, by name. `ALL` is the order they run in; each returns its figures. Their goals: decision 0008."""

from __future__ import annotations

from .actors import hosting, journal, memory, placement, routing, startup
from .bench import Measure
from .requests import assigning, dialects, ingest, opening, search, webhooks
from .streams import answering, delivery, fanout

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
