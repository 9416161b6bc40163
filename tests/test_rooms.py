"""Architecture tests of the rooms: which folder may import which, how many modules a folder holds, how long a function is."""

from __future__ import annotations

import ast
import graphlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from test_architecture import ROOT, imports, parse, product, statements

ROOMS = {
    "core": [["errors", "ids", "special_addresses", "times"], ["text", "url_policy"], ["accounts"], ["conversation"],
             ["channels", "routing"], ["routing/alternatives", "turn", "views"], ["assistance"], ["webhooks"], ["ports"]],
    "storage": [["connection_faults"], ["credentials", "secrets", "data_folder", "embedded", "objects", "postgres"], ["postgres/reports"],
                ["postgres/accounts", "postgres/conversations"], ["postgres/assistance"], ["postgres/delivery"], ["rabbitmq", "valkey"]],
    "channels": [["double", "outgoing", "shared"], ["email", "meta", "models", "sms", "telegram"], [""]],
    "actors": [["background_tasks", "clock", "recurring"], ["dispatcher", "host/analysis", "transport", "webhooks"], ["assistant", "cluster", "host", "supervisor/account"], ["supervisor"], ["gateway"],
               ["actor_processes"], ["actor_options"]],
    "http": [["streams"], ["auth"], ["framework"], ["actions", "connection", "documents", "pages"],
             ["routes/admin", "routes/assistance", "routes/conversation", "routes/providers", "routes/streams"], ["routes/people"],
             ["dialects/crm"], ["dialects/assistant", "dialects/desk", "dialects/sync"], ["dialects"], ["routes", "socketio"], ["app"]],
    "simulator": [["scenario", "theory"], ["plan"], ["figures"], ["traffic"], ["people"], ["report"], ["run"]],
    "tertulia": [["logs", "older_environment", "secret_settings", "setting_types"], ["assistant_settings", "cluster_settings", "event_settings", "model_settings"], ["settings"], ["settings_environment"],
                 ["composition/metrics", "importing", "planning"], ["composition", "planning/report"], ["serving"],
                 ["command_line"], ["__main__"]],
}  # fmt: skip
"""The rooms of each folder, lowest first. A room imports from rooms of the lists before its own, and from no other."""

MOST_MODULES = 15
LONGEST_FUNCTION = 40
LONG_FUNCTIONS = {
    "actors/host/conversation_actor.py:_turn": "one turn, step by step",
    "channels/outgoing/guard.py:request": "one request with its redirects",
    "core/conversation/projection.py:apply": "one case an entry",
    "core/turn/bot.py:_respond": "one case an answer",
    "core/views/stream_events.py:events_of": "one case an entry",
    "tertulia/command_line/simulate.py:simulate": "one option a line",
    "tertulia/composition/gateway.py:__init__": "wiring",
}
"""Functions that may be longer, each with its reason."""


def room_of(top: str, module: list[str]) -> str | None:
    """The room of a module, its path given below the folder `top`: the longest one that fits."""
    known = {room for level in ROOMS[top] for room in level}
    for length in range(len(module), 0, -1):
        if (name := "/".join(module[:length])) in known:
            return name
    return "" if "" in known else None


def arrows(path: str, tree: ast.Module, modules: set[str]) -> Iterator[tuple[str, str, int]]:
    """Imports from one room to another of the same folder: from, to, line."""
    top, *rest = path.removesuffix(".py").split("/")
    own = room_of(top, [part for part in rest if part != "__init__"])
    package = rest[:-1]
    for node, level, module, name in imports(tree):
        if level == 0:
            continue
        base = [top, *package][: len(package) + 2 - level] if level <= len(package) + 1 else []
        target = [*base, *([part for part in module.split(".") if part])]
        if "/".join([*target, name]) in modules:
            target.append(name)
        if target[:1] == [top] and len(target) > 1 and (to := room_of(top, target[1:])) != own:
            yield own or "", to or "", node.lineno


def room_faults(sources: dict[str, str]) -> list[str]:
    modules = {path.removesuffix(".py").removesuffix("/__init__") for path in sources}
    faults = []
    for path, source in sources.items():
        top = path.split("/")[0]
        if top not in ROOMS or (path.count("/") == 1 and path.endswith("__init__.py") and top != "channels"):
            continue
        rank = {room: n for n, level in enumerate(ROOMS[top]) for room in level}
        own = room_of(top, [p for p in path.removesuffix(".py").split("/")[1:] if p != "__init__"])
        if own is None:
            faults.append(f"{path} stands in no room of {top}")
            continue
        faults += [
            f"{path}:{line} {own} imports {to}"
            for _, to, line in arrows(path, parse(source), modules)
            if rank.get(to, -1) >= rank[own]
        ]
    return faults


def imported(path: str, tree: ast.Module, modules: set[str]) -> set[str]:
    """The modules of the product that one imports, for the type checker alone too."""
    package = path.split("/")[:-1]
    package = package if package[:1] == ["tertulia"] else ["tertulia", *package]
    found = set()
    for _, level, module, name in imports(tree):
        if level:
            base = [*package[: len(package) + 1 - level], *(part for part in module.split(".") if part)]
            for target in ([*base, name], base):
                if (known := "/".join(target[1:])) in modules or (known := "/".join(target)) in modules:
                    found.add(known)
                    break
    return found


def circle(sources: dict[str, str]) -> list[str]:
    """Modules that import one another in a circle, or none."""
    modules = {path.removesuffix(".py") for path in sources if not path.endswith("__init__.py")}
    graph = {
        path.removesuffix(".py"): imported(path, parse(source), modules) - {path.removesuffix(".py")}
        for path, source in sources.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def long_functions(path: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in statements(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{path}:{node.name}", lines


def test_the_checker_sees_an_arrow_that_points_up() -> None:
    sources = {
        "core/text/a.py": "from ..conversation import state",
        "core/conversation/state.py": "from ..text.a import x",
    }
    assert room_faults(sources) == ["core/text/a.py:1 text imports conversation"]


def test_the_checker_sees_a_module_without_a_room() -> None:
    assert room_faults({"core/stray.py": ""}) == ["core/stray.py stands in no room of core"]


def test_the_checker_sees_a_circle() -> None:
    one = "if TYPE_CHECKING:\n    from .b import B"
    assert circle({"core/text/a.py": one, "core/text/b.py": "from ..text import a"})
    assert circle({"core/text/a.py": one, "core/text/b.py": "from . import c"}) == []
    assert circle({"tertulia/serving/a.py": one, "tertulia/serving/b.py": "from .a import x"})


def test_no_modules_import_one_another() -> None:
    """Not for the type checker either: who needs a part of a module above says so in a Protocol."""
    assert circle(product()) == []


def test_rooms_import_one_way() -> None:
    assert room_faults(product()) == []


def test_no_room_is_crowded() -> None:
    folders = {Path(path).parent for path in product() if not path.endswith("__init__.py")}
    sizes = {
        folder: len([p for p in (ROOT / folder).glob("*.py") if p.name != "__init__.py"])
        for folder in folders
    }
    assert {str(f): n for f, n in sizes.items() if n > MOST_MODULES} == {}


def test_no_room_of_the_pages_is_crowded() -> None:
    sizes = Counter(path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "http/pages").rglob("*.js"))
    assert {folder: n for folder, n in sizes.items() if n > MOST_MODULES} == {}


def test_functions_are_short() -> None:
    found = {name: n for path, source in product().items() for name, n in long_functions(path, parse(source))}
    assert {name: n for name, n in found.items() if name not in LONG_FUNCTIONS} == {}
    assert set(LONG_FUNCTIONS) <= set(found), "an exception that is no longer needed"
