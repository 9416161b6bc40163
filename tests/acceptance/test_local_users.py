"""Another user of the machine, or of its network, finds nothing useful about a running server."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from serving import OwnServer

from tertulia.serving.demo import ACCOUNT

CLASSIFIER_KEY = b"classifier-key"
"""As `OwnServer` sets it in the environment."""


def tree(server: OwnServer) -> list[psutil.Process]:
    return [psutil.Process(server.process.pid), *server.descendants()]


def secrets(server: OwnServer) -> dict[str, bytes]:
    names = ("jwt_secret", "credentials_keys")
    kept = {name: (server.data / "secrets" / name).read_bytes().strip() for name in names}
    return kept | {"classifier_key": CLASSIFIER_KEY}


def readable_memory(pid: int) -> Iterator[bytes]:
    """A process' memory, a mapping at a time, its environment and arguments included."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            addresses, rights = line.split()[:2]
            start, end = (int(text, 16) for text in addresses.split("-"))
            if rights.startswith("r"):
                with contextlib.suppress(OSError, ValueError):  # the kernel's own pages
                    memory.seek(start)
                    yield memory.read(end - start)


def test_every_port_is_on_loopback(server: OwnServer) -> None:
    listening = {
        (connection.laddr.ip, process.name())
        for process in tree(server)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or not connection.raddr
    }
    assert {name for _, name in listening} >= {"gcs_server", "raylet"}
    assert not [
        (address, name)
        for address, name in listening
        if not (ip := ipaddress.ip_address(address)).is_loopback
        and not ((mapped := getattr(ip, "ipv4_mapped", None)) and mapped.is_loopback)
    ]


@pytest.mark.parametrize("name", ["gcs_server", "raylet"])
def test_ray_holds_no_secret(server: OwnServer, name: str) -> None:
    (pid,) = (process.pid for process in server.descendants() if process.name() == name)
    wanted = secrets(server)
    known = b"GatewayProcess"  # what Ray does hold: a search that does not find it finds nothing at all
    seen, found = False, set[str]()
    for piece in readable_memory(pid):
        seen = seen or known in piece
        found |= {what for what, secret in wanted.items() if secret in piece}
    assert seen and not found


def test_command_lines_and_environments_hold_no_secret(server: OwnServer) -> None:
    wanted = secrets(server)
    for process in tree(server):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError):
            line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            assert not [what for what, secret in wanted.items() if secret in line], line
            if process.pid != server.process.pid:  # the operator's own, readable by this user alone
                environment = Path(f"/proc/{process.pid}/environ").read_bytes()
                assert not [what for what, secret in wanted.items() if secret in environment], line


def test_the_provider_double_knows_nothing_of_the_server(server: OwnServer) -> None:
    (double,) = (p for p in server.descendants() if "provider-double" in p.cmdline())
    variables = [variable.split(b"=")[0] for variable in environment_of(double.pid)]
    assert b"PATH" in variables
    assert not [v for v in variables if v.startswith((b"TERTULIA_", b"RAY_")) or b"TOKEN" in v]


def environment_of(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().rstrip(b"\0").split(b"\0")


async def test_every_file_is_the_server_s_own_user_s_alone(server: OwnServer) -> None:
    assert os.umask(0o022) & 0o077 == 0o022, "the server starts under a umask that lets others read"
    token = server.token("agent")
    async with server.client(token) as client:
        answer = await client.post(
            "/v1/attachments", files={"file": ("a.txt", b"a customer's", "text/plain")}
        )
        assert answer.status_code == httpx.codes.CREATED, answer.text
    assert list((server.data / "attachments" / ACCOUNT).rglob("*"))
    assert (server.data / "ray/session_latest/logs").is_dir()
    opened = {}
    for path in (server.data, *server.data.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            found = path.lstat()
            # Ray opens its own folders again whenever a worker starts; the data folder above them stays closed
            rays = stat.S_ISDIR(found.st_mode) and path.is_relative_to(server.data / "ray")
            if not rays and not stat.S_ISLNK(found.st_mode) and stat.S_IMODE(found.st_mode) & 0o077:
                opened[str(path)] = oct(found.st_mode)
    assert not opened


def test_rays_logs_hold_no_secret(server: OwnServer) -> None:
    wanted = secrets(server) | {"ray_token": (server.data / "secrets/ray_token").read_bytes().strip()}
    logs = [path for path in (server.data / "ray").rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.name.startswith("gcs_server") for path in logs)
    for path in logs:
        text = path.read_bytes()
        assert not [what for what, secret in wanted.items() if secret in text], path
