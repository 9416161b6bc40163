"""`tertulia serve`: starts the embedded servers and Ray, runs and watches the actors, and stops everything in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import ray
import redis
import structlog
from ray.exceptions import ActorDiedError

from ..actors.cluster.ray_nodes import in_thread, own_node
from ..actors.transport.ray_calls import NAMESPACE
from ..composition import actor_settings
from ..composition.database import connect
from ..composition.host_links import choose_folder
from ..settings import Settings
from ..storage.connection_faults import fault_of
from ..storage.credentials import new_key
from ..storage.embedded import EmbeddedPostgres, EmbeddedValkey, Server, ServerError, keep_running
from ..storage.postgres import migrate
from ..storage.postgres.conversations.processes import PostgresProcesses
from ..storage.postgres.database import Database
from ..storage.postgres.exclusive_session import ERRORS
from ..storage.postgres.roles import RolesError
from ..storage.secrets import load_or_create
from ..storage.valkey import client as valkey
from . import demo
from .demo_double import DemoDouble, DoubleError
from .fleet import ActorFailed, Fleet
from .ray_folder import RayFolder
from .running_servers import RunningServer, listed
from .sole_server import SoleServer
from .start_checks import StartError, check_port, check_settings, loopback, reach

log = structlog.get_logger(__name__)

Say = Callable[[str], None]

RAY_OPTIONS: dict[str, Any] = {
    "namespace": NAMESPACE,
    "include_dashboard": False,
    "log_to_driver": True,
    "configure_logging": False,
}
SHUTDOWN_DEADLINE = 20.0
"""Seconds that a stop waits for Ray's head, which may be away."""


class Serving:
    """One running server: the embedded servers it started, Ray, the fleet of actors."""

    def __init__(self, settings: Settings, say: Say, *, with_demo: bool) -> None:
        # whatever the environment says: the demo's sign-in is never open without the demo
        self.settings = settings.model_copy(update={"demo": with_demo})
        self._say = say
        self._with_demo = with_demo
        self._embedded = settings.database_url is None or settings.redis_url is None
        self._own_folder = settings.attachments_url is None
        self._ready = False
        self._servers: list[Server] = []
        self._fleet: Fleet | None = None
        self._database: Database | None = None
        self._keepers: list[asyncio.Task[None]] = []
        self._watch: asyncio.Task[None] | None = None
        self._detached = settings.ray_address is not None
        self._double: DemoDouble | None = None
        self._ray_folder: RayFolder | None = None
        self._given: actor_settings.ActorSettings | None = None
        self._stop = asyncio.Event()
        self._sole: SoleServer | None = None
        self._replaced = False

    async def run(self) -> None:
        """Start, serve until SIGTERM or SIGINT, stop. Raises StartError."""
        stop, settings = self._stop, self.settings
        self._listen(stop.set)
        own_secret = settings.jwt_secret is not None
        entry = RunningServer(settings.base_url(), str(settings.data), own_secret)
        try:
            await self._unless(stop, self.start())
            with listed(entry):
                await stop.wait()
        finally:
            self._listen(lambda: os._exit(130))
            await self.stop()

    def _listen(self, hear: Callable[[], object]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, hear)

    async def _unless(self, stop: asyncio.Event, work: Awaitable[None]) -> None:
        """Run `work`; abandon it when the operator stops the server."""
        task, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return
        task.result()

    async def start(self) -> None:
        """Start everything, up to the line `ready`."""
        began = time.monotonic()
        if not self._detached:
            check_port(self.settings.host, self.settings.port)
        self._complete_secrets()
        check_settings(self.settings)
        await self._be_the_only_one()
        ray_up = asyncio.get_running_loop().run_in_executor(None, self._start_ray)
        try:
            await self._launch_double()
            await self._start_storage()
            await self._prepare_database()
        finally:
            await asyncio.wait([ray_up])
        self._say(await ray_up)
        self._listen(self._stop.set)  # Ray replaced this handler by one that prints a stack and aborts
        if self.settings.on_stop == "leave" and (not self._detached or self._embedded):
            raise StartError("TERTULIA_ON_STOP=leave needs RAY_ADDRESS, DATABASE_URL and REDIS_URL")
        await self._start_actors()
        assert self._fleet is not None
        self._watch = asyncio.ensure_future(self._fleet.main_loop())
        self._keepers.append(asyncio.ensure_future(self._stop_if_replaced()))
        url = self.settings.model_copy(update={"public_url": None}).base_url()
        self._ready = True
        self._say(f"ready {url}  ({time.monotonic() - began:.1f} s)")
        if self._with_demo:
            self._greet(url)

    # -- parts

    async def _be_the_only_one(self) -> None:
        """Stand by while another one serves this database. An embedded one is guarded by its data folder."""
        url = self.settings.database_url
        if url is None:
            return
        self._sole = SoleServer(url, self._say)
        try:
            await self._sole.wait()
        except (*ERRORS, ValueError) as error:
            raise StartError(_database_fault(url, error)) from error

    async def _stop_if_replaced(self) -> None:
        if self._sole is not None:
            other = await self._sole.until_replaced()
            self._say(
                f"{other} has taken over while the database could not be reached from here; this one ends"
            )
            self._replaced = True
            self._stop.set()

    def _complete_secrets(self) -> None:
        data = self.settings.data
        updates: dict[str, Any] = {}
        for name in ("jwt_secret", "credentials_keys"):
            if getattr(self.settings, name) is None:
                try:
                    updates[name] = load_or_create(data, name, new_key)
                except (OSError, ValueError) as error:
                    raise StartError(
                        f"the secret {name} in the data folder {data} cannot be used: {error}"
                    ) from error
        if self.settings.attachments_url is None:
            updates["attachments_url"] = (data / "attachments").absolute().as_uri()
        try:
            updates["link_folder"] = choose_folder(self.settings)
        except (OSError, ServerError) as error:
            raise StartError(f"there is no folder for the hosts' sockets: {_short(error)}") from error
        if self.settings.log_format == "auto":  # actors have no terminal
            updates["log_format"] = "console" if sys.stdout.isatty() else "json"
        self.settings = self.settings.model_copy(update=updates)

    async def _start_storage(self) -> None:
        wanted: list[tuple[str, type[Server], str | None]] = [
            ("database_url", EmbeddedPostgres, self.settings.database_url),
            ("redis_url", EmbeddedValkey, self.settings.redis_url),
        ]
        for field, kind, url in wanted:
            if url is not None:
                self._say(f"{field.removesuffix('_url')}: using the configured server")
                continue
            server = kind(self.settings.data)  # pyright: ignore[reportCallIssue]
            began = time.monotonic()
            try:
                await server.start()
            except ServerError as error:
                raise StartError(error.in_one_line()) from error
            self._servers.append(server)
            self._keepers.append(asyncio.ensure_future(keep_running(server, self._on_server)))
            self.settings = self.settings.model_copy(update={field: server.url})
            self._say(f"{server.name}: running in {self.settings.data} ({time.monotonic() - began:.1f} s)")

    def _on_server(self, event: Any) -> None:
        self._say(event.detail)

    async def _prepare_database(self) -> None:
        assert self.settings.database_url is not None and self.settings.redis_url is not None
        try:
            applied = await migrate.upgrade(
                self.settings.database_url,
                app_url=self.settings.app_database_url,
                system_url=self.settings.system_database_url,
            )
        except (migrate.MigrationError, RolesError) as error:
            raise StartError(str(error)) from error
        except (*ERRORS, ValueError) as error:
            raise StartError(_database_fault(self.settings.database_url, error)) from error
        self._say(f"schema: {len(applied)} migrations applied" if applied else "schema: up to date")
        client = valkey.connect(self.settings.redis_url, deadline=3)
        try:
            await client.ping()
        except (redis.RedisError, OSError, TimeoutError, ValueError) as error:
            fault = fault_of(self.settings.redis_url, error, 6379)
            raise StartError(f"Valkey (REDIS_URL) cannot be used: {fault}") from error
        finally:
            await client.aclose()
        if self._double is not None:
            await self._install_demo(self._double)

    async def _launch_double(self) -> None:
        """Start the demo's provider double, which comes up while the rest starts."""
        if self._with_demo:
            self._double = DemoDouble(self.settings)
            try:
                await self._double.launch()
            except DoubleError as error:
                raise StartError(str(error)) from error
            self.settings = demo.with_double(self.settings, self._double.url)

    async def _install_demo(self, double: DemoDouble) -> None:
        database = await connect(self.settings, system=1, app=1)
        try:
            await demo.install(self.settings, database, double.url)
        finally:
            await database.close()
        try:
            await double.ready()
        except DoubleError as error:
            raise StartError(str(error)) from error
        self._say(
            f"provider double: {double.url}/double, for the demo's channels (tertulia provider-double --help)"
        )

    def _start_ray(self) -> str:
        began = time.monotonic()
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            if self.settings.ray_address:
                reach(self.settings.ray_address)
                self._join()
                self._check_reachable()
                return f"ray: joined {self.settings.ray_address}"
            self._ray_folder = RayFolder(self.settings.data)
            ray.init(
                address="local",
                num_cpus=os.cpu_count(),
                object_store_memory=100 * 1024 * 1024,
                _temp_dir=str(self._ray_folder.path),
                **RAY_OPTIONS,
            )
        except (ConnectionError, RuntimeError, ValueError, OSError, ServerError) as error:
            address = self.settings.ray_address
            if address is None:
                raise StartError(f"Ray cannot be started here: {_short(error)}") from error
            fault = fault_of(f"ray://{address}", error, 6379) if ":" in address else _short(error)
            raise StartError(f"Ray (RAY_ADDRESS) cannot be used: {fault}") from error
        return f"ray: running here ({time.monotonic() - began:.1f} s)"

    def _join(self) -> None:
        ray.init(address=self.settings.ray_address, **RAY_OPTIONS)

    def _check_reachable(self) -> None:
        """Other machines cannot reach embedded servers or a local attachments folder: a larger cluster needs its own."""
        machines = {n["NodeManagerAddress"] for n in ray.nodes() if n["Alive"]}
        if len(machines) > 1 and self._embedded:
            raise StartError("a Ray cluster of several machines needs DATABASE_URL and REDIS_URL")
        if len(machines) > 1 and loopback(self.settings.host):
            self._say(
                f"TERTULIA_HOST is {self.settings.host}: on each machine, only itself can reach its gateways; 0.0.0.0 is for a balancer"
            )
        if len(machines) > 1 and self._own_folder:
            raise StartError(
                "a Ray cluster of several machines needs TERTULIA_ATTACHMENTS_URL: a bucket, or a folder they share"
            )

    async def _start_actors(self) -> None:
        self._given = actor_settings.withhold(self.settings)
        self._database = await connect(self.settings, system=1, app=1)
        self._fleet = Fleet(
            self.settings,
            self._given,
            PostgresProcesses(self._database),
            self._say,
            self._rejoin,
            lambda: self._sole is None or self._sole.sure,
            detached=self._detached,
        )
        try:
            await self._fleet.adopt()
            if self._detached and not any(m.node == own_node() for m in self._fleet.of("gateway")):
                check_port(self.settings.host, self.settings.port)
            await self._fleet.startup()
        except ActorFailed as failed:
            raise StartError(f"a {failed.what} did not start: {_cause(failed.error)}") from failed
        if self._ray_folder is not None:
            self._ray_folder.tighten()

    async def _rejoin(self) -> None:
        """Connect this process to Ray anew. Raises ConnectionError while the head is away."""
        assert self.settings.ray_address is not None
        reach(self.settings.ray_address)
        await asyncio.wait_for(in_thread(ray.shutdown), SHUTDOWN_DEADLINE)
        await asyncio.wait_for(in_thread(self._join), SHUTDOWN_DEADLINE)
        self._listen(self._stop.set)

    def _greet(self, url: str) -> None:
        lead = demo.demo_id(23)
        self._say("")
        self._say(f"demo account {demo.ACCOUNT}, web chat channel {demo.WEBCHAT}")
        self._say(
            "sign in as the lead Chen with this token (valid for 12 hours), or create others with `tertulia token`:"
        )
        self._say(demo.token(self.settings, lead))
        self._say("")
        self._say(f"inbox: {url}/inbox  (sign in as an agent)")
        self._say(f"shop:  {url}/demo/shop  (write as a customer, in another window)")

    # -- stop

    async def stop(self) -> None:
        """End the processes in order, or leave them alone (`on_stop`); then stop the servers that were started here."""
        if self._watch is not None:
            self._watch.cancel()
        if ray.is_initialized():
            if self._fleet is not None and not self._leaves:
                await self._fleet.stop(adopted=self._ready)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(in_thread(ray.shutdown), SHUTDOWN_DEADLINE)
        if self._database is not None:
            await self._database.close()
        if self._sole is not None:
            await self._sole.close()
        if self._given is not None and not self._detached:
            actor_settings.forget(self.settings)
        if self._double is not None:
            await self._double.stop()
        for keeper in self._keepers:
            keeper.cancel()
        for server in reversed(self._servers):
            try:
                await server.stop()
            except ServerError as error:
                log.warning("server_stop_failed", error=str(error))
        if self._ready:
            self._say("stopped; the server's processes keep running" if self._leaves else "stopped")

    @property
    def _leaves(self) -> bool:
        """Whether the processes continue when this server stops. They cannot without Ray, or without storage that ends with it."""
        if not self._detached or self._embedded or not self._ready:
            return False
        return self._replaced or self.settings.on_stop != "drain"


def _database_fault(url: str, error: BaseException) -> str:
    return f"the database (DATABASE_URL) cannot be used: {fault_of(url, error, 5432)}"


def _cause(error: BaseException) -> str:
    """Ray's error contains the traceback of an actor's constructor. Its last line names the reason."""
    if isinstance(error, ActorDiedError) and actor_settings.SecretsDiffer.__name__ in str(error):
        return str(error).strip().splitlines()[-1].partition(f"{actor_settings.SecretsDiffer.__name__}: ")[2]
    return _short(error)


def _short(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
