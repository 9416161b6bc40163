"""Each private name of aiohttp that the product uses is named here, used in `http/connection/` only, and there in the installed version."""

from __future__ import annotations

import ast
import inspect
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

ROOT = Path(__file__).parents[3]
PRIVATE: dict[type[Any], set[str]] = {
    RequestHandler: {
        "_close",
        "_force_close",
        "_handler_waiter",
        "_keepalive_timeout",
        "_lingering_time",
        "_loop",
        "_message_tail",
        "_messages",
        "_next_keepalive_close_time",
        "_parser",
        "_pause_transport_reading",
        "_paused",
        "_payload_parser",
        "_process_keepalive",
        "_read_bufsize",
        "_reading_paused",
        "_request_in_progress",
        "_resume_transport_reading",
        "_upgraded",
        "_waiter",
    },
    web.AppRunner: {"_make_server"},
    web.BaseRequest: {"_cache", "_headers", "_message", "_rel_url"},
    web.Request: {"_match_info"},
    web.Server: {"_kwargs", "_loop"},
    web.WebSocketResponse: {"_post_start", "_req", "_timeout"},
}
NOT_PRIVATE = {"_replace"}
"""Public by its documentation: of named tuples."""


ENGINE = "http/socketio/engine.py"
"""Knows python-socketio's: `tests/http/test_socketio_internals.py`."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in NOT_PRIVATE


def own_names(tree: ast.AST) -> set[str]:
    """Private names that a class defines: methods, attributes of its slots or annotations, and what its `__init__` assigns."""
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)  # of __slots__
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def foreign_names(source: str) -> Iterator[str]:
    """Private names used of other objects than one's own: `x._name`, `super()._name`, and inherited ones of `self`."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            is_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not is_self:
                yield node.attr
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _inherited(node)


def _inherited(cls: ast.ClassDef) -> Iterator[str]:
    known = own_names(cls)
    if not any(isinstance(part, ast.Assign) and "__slots__" in ast.unparse(part) for part in cls.body):
        init = [p for p in cls.body if isinstance(p, ast.FunctionDef) and p.name == "__init__"]
        known |= {
            node.attr
            for part in init
            for node in ast.walk(part)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }
    own = (n for n in ast.walk(cls) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self")
    yield from (node.attr for node in own if is_private(node.attr) and node.attr not in known)


def used(folder: Path) -> dict[str, set[str]]:
    found = {
        str(path.relative_to(ROOT)): set(foreign_names(path.read_text())) for path in folder.rglob("*.py")
    }
    return {path: names for path, names in found.items() if names}


def test_the_checker_sees_private_names() -> None:
    source = (
        "class A(B):\n    __slots__ = ('_own',)\n    def f(self, x):\n"
        "        self._own = self._theirs\n        return x._other, super()._f(), x._replace(), self.__class__"
    )
    assert sorted(foreign_names(source)) == ["_f", "_other", "_theirs"]


def test_only_the_connection_folder_knows_private_names() -> None:
    assert {path for path in used(ROOT / "http") if not path.startswith("http/connection/")} <= {ENGINE}


def test_each_private_name_is_listed() -> None:
    found = set().union(*(names for path, names in used(ROOT / "http").items() if path != ENGINE))
    overridden = {"_make_server", "_post_start", "_process_keepalive"}
    assert found | overridden == set().union(*PRIVATE.values())


@pytest.mark.parametrize(
    ("cls", "name"), [(cls, name) for cls, names in PRIVATE.items() for name in sorted(names)]
)
def test_the_installed_version_has_it(cls: type[Any], name: str) -> None:
    source = "".join(inspect.getsource(base) for base in cls.__mro__ if base.__module__.startswith("aiohttp"))
    assert hasattr(cls, name) or f"self.{name} " in source or f"self.{name}:" in source


def test_the_minor_version_is_capped() -> None:
    """Private names may change with any minor version: raise the cap once the tests of this folder pass with it."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    major, minor = map(int, version("aiohttp").split(".")[:2])
    (ours,) = [line for line in wanted if line.startswith("aiohttp>")]
    assert ours.endswith(f",<{major}.{minor + 1}")
