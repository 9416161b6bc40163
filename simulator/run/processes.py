"""Workers in processes of their own on this machine. They speak over pipes: one command, one answer."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from ..plan import Plan
from .crew import CrewError, Member
from .worker import Outcome, State, Worker

ANSWER_WITHIN = 120.0
STOP_WITHIN = 10.0


class Process(Member):
    """A worker in a process of its own."""

    def __init__(self, plan: Plan) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(theirs, plan), daemon=True)
        self._theirs = theirs

    async def _ask(self, command: str, value: Any = None) -> Any:
        def ask() -> Any:
            self._pipe.send((command, value))
            if not self._pipe.poll(ANSWER_WITHIN):
                raise CrewError(f"a worker did not answer within {ANSWER_WITHIN:.0f} s")
            return self._pipe.recv()

        try:
            fault, answer = await asyncio.to_thread(ask)
        except (EOFError, OSError) as error:
            raise CrewError(f"a worker's process has ended ({type(error).__name__})") from None
        if fault is not None:
            raise CrewError(f"a worker failed: {fault}")
        return answer

    async def open(self) -> None:
        await asyncio.to_thread(self._process.start)
        self._theirs.close()
        await self._ask("open")

    async def start(self, began: float) -> None:
        await self._ask("start", began)

    async def state(self) -> State:
        return msgspec.msgpack.decode(await self._ask("state"), type=State)

    async def figures(self) -> Outcome:
        return msgspec.msgpack.decode(await self._ask("figures"), type=Outcome)

    async def finish(self) -> Outcome:
        return msgspec.msgpack.decode(await self._ask("finish"), type=Outcome)

    async def close(self) -> None:
        self._pipe.close()
        if self._process.pid is None:
            return
        await asyncio.to_thread(self._process.join, STOP_WITHIN)
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join, STOP_WITHIN)


class Remote:
    """A worker as its commands see it: in a process here, or in one on a cluster. Values are those of Member."""

    def __init__(self, plan: Plan) -> None:
        self.worker = Worker(plan)
        self._task: asyncio.Task[Outcome] | None = None

    async def do(self, command: str, value: Any) -> Any:
        worker = self.worker
        if command == "open":
            return await worker.open()
        if command == "start":
            self._task = asyncio.ensure_future(worker.run(value))
            return None
        assert self._task is not None
        if command == "state":
            if self._task.done():
                self._task.result()
            return msgspec.msgpack.encode(worker.state())
        if command == "figures":
            return msgspec.msgpack.encode(worker.outcome())
        worker.finish.set()
        return msgspec.msgpack.encode(await self._task)


def _main(pipe: Connection, plan: Plan) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the coordinator, which closes the pipe
    asyncio.run(_serve(pipe, plan))
    os._exit(0)  # threads that still wait for the pipe must not hold the process


async def _serve(pipe: Connection, plan: Plan) -> None:
    remote = Remote(plan)
    while True:
        try:
            command, value = await asyncio.to_thread(pipe.recv)
        except (EOFError, OSError):
            return
        try:
            answer = None, await remote.do(command, value)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}", None
        try:
            pipe.send(answer)
        except OSError:
            return
