"""The settings of a server's processes: how many there are, where they run, and how they reach each other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings

from .core.routing.supervision_messages import SHARDS


class ClusterSettings(BaseSettings):
    """A part of `settings.Settings`. Times are in seconds."""

    ray_address: str | None = Field(
        None,
        validation_alias=AliasChoices("RAY_ADDRESS"),
        description="Ray cluster's address; a local one when unset",
    )
    hosts: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 2) // 2),
        ge=1,
        le=256,
        description="conversation hosts in all, spread over the nodes",
    )
    hosts_per_node: int | None = Field(
        None,
        ge=1,
        le=64,
        description="conversation hosts on each node of a cluster, whichever nodes come and go; TERTULIA_HOSTS in all when unset",
    )
    gateways: int = Field(
        1,
        ge=1,
        le=256,
        description="HTTP gateways in all, spread over the nodes; those of one machine share the port",
    )
    gateways_per_node: int | None = Field(
        None,
        ge=1,
        le=64,
        description="HTTP gateways on each node of a cluster; TERTULIA_GATEWAYS in all when unset",
    )
    dispatchers: int = Field(1, ge=1, le=256, description="dispatchers, which send messages to providers")
    supervisors: int = Field(
        default_factory=lambda data: 2 if data.get("ray_address") else 1,
        ge=1,
        le=SHARDS,
        description="supervisors, which assign conversations to agents; 2 in a cluster when unset, so that one can take over",
    )
    placement: Literal["shared", "dedicated"] = Field(
        "shared", description="conversations share their host's process (shared) or have one each (dedicated)"
    )

    link_folder: Path | None = Field(
        None,
        description="folder for the hosts' Unix sockets on one machine, made private; <data>/run when unset. Unused in a"
        " cluster (RAY_ADDRESS), where hosts listen with TLS",
    )
    link_cert: Path | None = Field(
        None,
        description="certificate (PEM, with its chain) that hosts of a cluster present to gateways; each host generates its"
        " own when unset",
    )
    link_key: Path | None = Field(None, description="private key (PEM) of TERTULIA_LINK_CERT")
    link_ca: Path | None = Field(
        None,
        description="CA certificates (PEM) that must have signed the hosts' certificates, besides mutual authentication;"
        " none when unset",
    )
    on_stop: Literal["auto", "drain", "leave"] = Field(
        "auto",
        description="what SIGTERM to `tertulia serve` does with the server's processes: drain (end them in order), leave (they go"
        " on; the next `tertulia serve` takes them over), or auto: leave in a cluster (RAY_ADDRESS) with storage of its own",
    )
    process_metrics: bool | None = Field(
        None,
        description="each process shows its own figures on a port of its own, which /metrics/targets lists for Prometheus; on in"
        " a cluster (RAY_ADDRESS) when unset",
    )
    autoscale_max_nodes: int | None = Field(
        None,
        ge=1,
        le=256,
        description="ask Ray's autoscaler for as many nodes as the load needs, up to that many, the head included; off when unset."
        " Each of them offers one unit of the resource `tertulia`, and TERTULIA_HOSTS_PER_NODE and TERTULIA_GATEWAYS_PER_NODE say"
        " what runs there",
    )
    autoscale_min_nodes: int = Field(2, ge=1, le=256, description="nodes that stay whatever the load")
    autoscale_node_commands: float = Field(
        3000, gt=0, description="commands per second that one node carries; beyond 80 % nodes are added"
    )
    autoscale_node_streams: float = Field(
        10_000, gt=0, description="open streams that one node carries; beyond 80 % nodes are added"
    )
    autoscale_node_waiting: float = Field(
        500, gt=0, description="commands under way in the hosts of one node; beyond it a node is added"
    )
    autoscale_quiet: float = Field(
        600, ge=10, description="how long the load must fit on one node less, at 55 %, before a node is ended"
    )
    drain: float = Field(20, gt=0, description="time limit of a graceful stop")
    leave_notice: float | None = Field(
        None,
        ge=0,
        le=300,
        description="how long a gateway that leaves still serves while /ready answers 503 and each response closes its"
        " connection, so that load balancers and clients move on unharmed: longer than the balancer takes to notice. 0 on one"
        " machine and 5 in a cluster (RAY_ADDRESS) when unset",
    )
    takeover_after: float = Field(
        2.5, gt=0.5, description="how long a host must be silent before others take over its partitions"
    )

    def autoscale_fault(self) -> str | None:
        """Why nodes cannot follow the load, as a sentence; None if they can, or need not."""
        if self.autoscale_max_nodes is None:
            return None
        if self.ray_address is None or self.hosts_per_node is None or self.gateways_per_node is None:
            return "this needs RAY_ADDRESS, TERTULIA_HOSTS_PER_NODE and TERTULIA_GATEWAYS_PER_NODE"
        if self.autoscale_max_nodes < self.autoscale_min_nodes:
            return f"TERTULIA_AUTOSCALE_MIN_NODES is {self.autoscale_min_nodes}, which is more"
        return None

    @property
    def notice(self) -> float:
        """Seconds between a leaving gateway's first 503 at /ready and its end of listening."""
        if self.leave_notice is not None:
            return self.leave_notice
        return 0 if self.ray_address is None else 5

    @property
    def may_have_several_supervisors(self) -> bool:
        """Whether there are several now, or may be while this process lives: a cluster's number may change."""
        return self.supervisors > 1 or self.ray_address is not None

    @property
    def has_process_metrics(self) -> bool:
        """Whether each process listens for Prometheus."""
        return self.ray_address is not None if self.process_metrics is None else self.process_metrics
