"""Architecture tests of the client's package: it knows nothing of the server, and its rooms import one way."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from test_architecture import LONGEST, ROOT, imports
from test_rooms import LONGEST_FUNCTION, MOST_MODULES, long_functions

PACKAGE = ROOT / "client/python/tertulia/client"
ROOMS = [
    {"errors"},
    {"transport", "webhooks", "streams/resume", "streams/connections", "streams/sse"},
    {"generated", "streams/blocking"},
    {"events"},
    {"streams/nonblocking"},
    {"client", "async_client"},
    {"sync_settings", "sync_health", "tenant_cache"},
    {"conversation_state_service"},
    {"conversation_sync_helper"},
    {"conversation_middleware"},
    {""},
]
"""Lowest first. A room imports from rooms before its own, and from itself."""
OUTSIDE = {"httpx", "websockets"}
"""What the package needs besides the standard library."""


def sources() -> Iterator[tuple[str, ast.Module, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        yield str(path.relative_to(PACKAGE)), ast.parse(text), text


def room(module: str) -> int:
    """The place of a module's room."""
    parts = module.split("/")
    for length in range(len(parts), -1, -1):
        for place, rooms in enumerate(ROOMS):
            if "/".join(parts[:length]) in rooms:
                return place
    raise AssertionError(f"{module} stands in no room")


def name_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("__init__").rstrip("/")


def test_rooms_import_one_way() -> None:
    known = {name_of(path) for path, _, _ in sources()}
    faults = []
    for path, tree, _ in sources():
        package = Path(path).parts[:-1]
        for node, level, module, name in imports(tree):
            if not level:
                continue
            assert level <= len(package) + 1, f"{path}:{node.lineno} imports from beyond the package"
            target = "/".join([*package[: len(package) + 1 - level], *filter(None, module.split("."))])
            target = inner if (inner := f"{target}/{name}".lstrip("/")) in known else target
            same = (
                target.split("/")[0] == path.split("/")[0]
                and "/" in path
                and room(target) == room(name_of(path))
            )
            if not same and room(target) >= room(name_of(path)):
                faults.append(f"{path}:{node.lineno} imports {target}")
    assert faults == []


def test_it_needs_two_libraries_and_nothing_of_the_server() -> None:
    found = {
        module.split(".")[0] for _, tree, _ in sources() for _, level, module, _ in imports(tree) if not level
    }
    assert found - set(sys.stdlib_module_names) == OUTSIDE


def test_form() -> None:
    written = [source for source in sources() if not source[0].startswith("generated/")]
    assert [path for path, _, text in written if text.count("\n") > LONGEST] == []
    assert [path for path, tree, _ in written if not ast.get_docstring(tree)] == []
    assert [f for path, tree, _ in written for f in long_functions(path, tree)] == [], LONGEST_FUNCTION
    folders = {Path(path).parent for path, _, _ in sources()}
    crowded = {f for f in folders if len(list((PACKAGE / f).glob("[!_]*.py"))) > MOST_MODULES}
    assert crowded == set()
