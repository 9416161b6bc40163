"""A RabbitMQ broker for tests: Debian's, on a folder and ports of its own, without the daemon that Erlang's nodes find each other by."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import aio_pika
from node import program
from serving import free_port
from waiting import until

from tertulia.storage.embedded.processes import dies_with_parent
from tertulia.storage.rabbitmq.event_exchange import Connection

START_WITHIN = 90.0


class RabbitBroker:
    """One broker. It keeps its queues when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        program("rabbitmq-server", "rabbitmq-server")
        self._folder = folder
        self._port, self._own_port = free_port(), free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}/"
        (folder / "plugins").write_text("[].")

    async def start(self) -> None:
        """Start, and wait until it takes connections."""
        folder = str(self._folder)
        environment = {
            **os.environ,
            "HOME": folder,
            "RABBITMQ_NODENAME": f"tertulia{self._port}@localhost",
            "RUNNING_UNDER_SYSTEMD": "1",  # the broker takes the place of its script, and dies with its parent
            "RABBITMQ_MNESIA_BASE": f"{folder}/db",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._own_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-start_epmd false -erl_epmd_port {self._own_port} +S 1:1",
        }
        self._process = await asyncio.create_subprocess_exec(
            *dies_with_parent(signal.SIGKILL), "/usr/lib/rabbitmq/bin/rabbitmq-server",
            env=environment, cwd=folder, start_new_session=True,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        process = self._process

        async def answers() -> bool:
            assert process.returncode is None, f"RabbitMQ did not start: see {folder}/log"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                await (await aio_pika.connect(self.url, timeout=30, connection_class=Connection)).close()
            except (OSError, aio_pika.exceptions.AMQPError):
                return False
            return True

        await until(answers, "RabbitMQ to start", START_WITHIN)

    async def kill(self) -> None:
        """SIGKILL, to it and what it started."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
