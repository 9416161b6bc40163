"""Each private name of python-socketio and python-engineio that the product uses is there in the installed version."""

from __future__ import annotations

import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import socketio

ROOT = Path(__file__).parents[2]
OVERRIDDEN = ("_handle_eio_connect", "_handle_eio_message", "_handle_connect", "_send_packet")


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_the_server_calls_what_is_overridden(name: str) -> None:
    source = "".join(inspect.getsource(base) for base in socketio.AsyncServer.__mro__[:-1])
    assert inspect.iscoroutinefunction(getattr(socketio.AsyncServer, name)) and f"self.{name}" in source


def test_the_engine_makes_websockets_by_its_driver() -> None:
    engine = socketio.AsyncServer(async_mode="aiohttp").eio
    assert set(engine._async) >= {"websocket", "make_response", "translate_request"}
    assert engine.sockets == {}


@pytest.mark.parametrize("package", ["python-socketio", "python-engineio"])
def test_the_minor_version_is_capped(package: str) -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    major, minor = map(int, version(package).split(".")[:2])
    (row,) = [row for row in wanted if row.startswith(package)]
    assert row.endswith(f"<{major}.{minor + 1}")
