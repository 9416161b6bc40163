"""Between gateways and supervisors: rare calls through Ray, with a deadline each. Both ends of them.

A command is asked again under its own id while its supervisor is away, until the deadline: a supervisor that is killed costs a
caller a moment. Everything else fails at once as Overloaded, and its caller goes on without it or says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import structlog
from msgspec.structs import replace
from ray.actor import ActorHandle
from ray.exceptions import RayError

from ...core.conversation.commands import Done, Envelope, Refused
from ...core.errors import BY_CODE, Internal, Overloaded, TertuliaError
from ...core.routing.supervision_messages import AgentPresence, Presence, QueuePage, by_clock, supervisor_of
from ..clock import now_ms
from ..host.conversation_actor import refusal
from ..supervisor.supervisor import Supervisor
from ..transport import codec
from ..transport.ray_calls import SUPERVISOR_NAME, call, find

log = structlog.get_logger(__name__)

ASK_DEADLINE = 8.0
TELL_DEADLINE = 3.0
POSITIONS_DEADLINE = 0.3
AGAIN = 0.2
"""Seconds between attempts."""
AWAY = 1.0
"""Seconds for which one that did not say positions is not asked for them."""
NOT_THERE = "the supervisor of this account is not available"

T = TypeVar("T")


class Present(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """`sent_at`: what the sender's clock showed then, in ms. Clocks differ, and presence is a matter of a minute."""

    entries: list[Presence]
    sent_at: int


class Agents(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str


class Queue(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str
    after: tuple[int, int, str] | None
    limit: int


class Positions(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str
    conversations: list[str]


class Refresh(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str


class Retell(msgspec.Struct, frozen=True, array_like=True, tag=True):
    account_id: str


Question = Present | Agents | Queue | Positions | Refresh | Retell
_decode_question = msgspec.msgpack.Decoder(Question).decode


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """Of a question: its value, or why there is none."""

    value: Any = None
    refused: Refused | None = None


_decode_answer = msgspec.msgpack.Decoder(Answer).decode


async def answer_command(supervisor: Supervisor, payload: bytes) -> bytes:
    """A supervisor's end: an encoded envelope in, an encoded outcome out."""
    try:
        return codec.encode(await supervisor.ask(codec.decode_envelope(payload)))
    except TertuliaError as error:
        return codec.encode(refusal(error))


async def answer_question(supervisor: Supervisor, payload: bytes) -> bytes:
    """A supervisor's end of everything else."""
    try:
        return codec.encode(Answer(await _value(supervisor, _decode_question(payload))))
    except TertuliaError as error:
        return codec.encode(Answer(refused=refusal(error)))


async def _value(supervisor: Supervisor, question: Question) -> Any:
    if isinstance(question, Present):
        return await supervisor.present(by_clock(question.entries, now_ms() - question.sent_at))
    if isinstance(question, Agents):
        return await supervisor.agents(question.account_id)
    if isinstance(question, Queue):
        return await supervisor.queue(question.account_id, question.after, question.limit)
    if isinstance(question, Positions):
        return await supervisor.positions(question.account_id, question.conversations)
    if isinstance(question, Retell):
        return await supervisor.retell(question.account_id)
    return await supervisor.refresh(question.account_id)


class SupervisorLinks:
    """A gateway's end: `core.ports.supervision.Supervision`."""

    def __init__(self, supervisors: int) -> None:
        self._supervisors = supervisors
        self._handles: dict[int, ActorHandle] = {}
        self._away_until = 0.0

    async def ask(self, envelope: Envelope) -> Done:
        number = self._of(envelope.account_id)
        deadline = time.monotonic() + ASK_DEADLINE
        while (left := deadline - time.monotonic()) > 0:
            try:
                answer = await self._call(number, "ask", codec.encode(envelope), left)
            except Overloaded:
                # It may have happened. The next attempt is told to look first.
                envelope = replace(envelope, attempt=envelope.attempt + 1)
                await asyncio.sleep(AGAIN)
                continue
            outcome = codec.decode_outcome(answer)
            if isinstance(outcome, Done):
                return outcome
            assert isinstance(outcome, Refused)
            raise _error(outcome)
        raise Overloaded(NOT_THERE, retry_after=2)

    async def present(self, entries: Sequence[Presence]) -> None:
        told: dict[int, list[Presence]] = {}
        for entry in entries:
            told.setdefault(self._of(entry.account_id), []).append(entry)
        questions = {number: Present(said, now_ms()) for number, said in told.items()}
        await asyncio.gather(*(self._tell(number, q, type(None)) for number, q in questions.items()))

    async def agents(self, account_id: str) -> list[AgentPresence]:
        return await self._tell(self._of(account_id), Agents(account_id), list[AgentPresence])

    async def queue(self, account_id: str, after: tuple[int, int, str] | None, limit: int) -> QueuePage:
        return await self._tell(self._of(account_id), Queue(account_id, after, limit), QueuePage)

    async def positions(self, account_id: str, conversations: Sequence[str]) -> dict[str, int]:
        """None of them while the supervisor is away: whoever lists conversations does not wait for it."""
        if not conversations or time.monotonic() < self._away_until:
            return {}
        try:
            question = Positions(account_id, list(conversations))
            return await self._tell(self._of(account_id), question, dict[str, int], POSITIONS_DEADLINE)
        except TertuliaError:
            self._away_until = time.monotonic() + AWAY
            return {}

    async def refresh(self, account_id: str) -> None:
        await self._tell(self._of(account_id), Refresh(account_id), type(None))

    async def retell(self, account_id: str) -> None:
        await self._tell(self._of(account_id), Retell(account_id), type(None))

    def _of(self, account_id: str) -> int:
        return supervisor_of(account_id, self._supervisors)

    async def _tell(
        self, number: int, question: Question, kind: type[T], deadline: float = TELL_DEADLINE
    ) -> T:
        answer = _decode_answer(await self._call(number, "tell", codec.encode(question), deadline))
        if answer.refused is not None:
            raise _error(answer.refused)
        return msgspec.convert(answer.value, kind)

    async def _call(self, number: int, method: str, payload: bytes, deadline: float) -> bytes:
        try:
            async with asyncio.timeout(deadline):
                if number not in self._handles:
                    self._handles[number] = await find(SUPERVISOR_NAME.format(number))
                return await call(self._handles[number], method, payload, deadline=deadline)
        except (RayError, TimeoutError, OSError, ValueError) as error:
            self._handles.pop(number, None)
            log.warning("supervisor_not_reached", supervisor=number, error=type(error).__name__)
            raise Overloaded(NOT_THERE, retry_after=2) from error

    async def statistics(self, deadline: float) -> dict[str, dict[str, float] | None]:
        """Each supervisor's figures by its name; None for one that does not answer in `deadline` seconds."""

        async def one(number: int) -> dict[str, float] | None:
            try:
                async with asyncio.timeout(deadline):
                    return await call(
                        await find(SUPERVISOR_NAME.format(number)), "statistics", deadline=deadline
                    )
            except (RayError, TimeoutError, OSError, ValueError):
                return None

        found = await asyncio.gather(*(one(number) for number in range(self._supervisors)))
        return {SUPERVISOR_NAME.format(number): figures for number, figures in enumerate(found)}


def _error(refused: Refused) -> TertuliaError:
    cls = BY_CODE.get(refused.code, Internal)
    return cls(
        refused.detail,
        errors=refused.errors,
        current=refused.current,
        retry_after=refused.retry_after,
    )
