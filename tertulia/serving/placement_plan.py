"""Which nodes should get or lose a process, so that hosts and gateways follow the nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec


class Plan(msgspec.Struct, frozen=True):
    """`create`: a node for each missing process; `retire`: the names of those to end, once nothing is missing."""

    create: tuple[str, ...]
    retire: tuple[str, ...]


def plan(actual: Mapping[str, str], nodes: Sequence[str], *, total: int, per_node: int | None = None) -> Plan:
    """The changes to make. `actual`: process → node, of the processes that work. `nodes`: those that may have some.

    `per_node` processes on each node, or else `total` in all, spread evenly. A process stays where it is if it can: without
    a change of nodes or numbers there is nothing to do.
    """
    have = Counter(node for node in actual.values() if node in nodes)
    wanted = _wanted(have, nodes, total, per_node)
    create = [node for node in nodes for _ in range(wanted[node] - have[node])]
    retire: list[str] = []
    for name, node in sorted(actual.items(), key=lambda item: _number(item[0]), reverse=True):
        if node in wanted and have[node] > wanted[node]:
            have[node] -= 1
            retire.append(name)
        elif node not in wanted:
            retire.append(name)
    return Plan(tuple(create), tuple(retire))


def _wanted(have: Counter[str], nodes: Sequence[str], total: int, per_node: int | None) -> dict[str, int]:
    if per_node is not None or not nodes:
        return dict.fromkeys(nodes, per_node or 0)
    base, more = divmod(total, len(nodes))
    by_need = sorted(nodes, key=lambda node: (-have[node], node))  # who has more already keeps it
    return {node: base + (place < more) for place, node in enumerate(by_need)}


def _number(name: str) -> int:
    return int(name.rpartition(":")[2])


def free_number(names: Sequence[str]) -> int:
    """The lowest number that no process of a kind has."""
    taken = {_number(name) for name in names}
    return next(number for number in range(len(taken) + 1) if number not in taken)
