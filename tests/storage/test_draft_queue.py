"""The queue of wanted drafts on Postgres: none is forgotten, whoever ends, and each failure has its consequence."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import pytest
from backends import PostgresBackend
from samples import Scribe, received, to_thread, uid

from tertulia.actors.assistant.draft_loop import ATTEMPTS, PATIENCE, DraftLoop
from tertulia.core.conversation.commands import ThreadKey
from tertulia.core.errors import StorageUnavailable
from tertulia.core.ports.assistance.models import LimitReached, ModelError
from tertulia.core.ports.assistance.suggestions import DueDraft
from tertulia.storage.postgres.assistance.draft_queue import CLAIM, PostgresDraftQueue
from tertulia.storage.postgres.conversations.conversations import PostgresConversations

WANTED = '{"assistance": {"suggestions": "inbound", "wait_s": 0}}'


class Rig:
    """An account that wants drafts, and two processes that make them."""

    def __init__(self, backend: PostgresBackend, owner: asyncpg.Connection) -> None:
        self.backend, self.owner = backend, owner
        self.first, self.second = (PostgresDraftQueue(backend.database, str(uuid.uuid4())) for _ in range(2))

    async def account(self) -> str:
        made = str(uuid.uuid4())
        await self.owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Test')", made)
        await self.owner.execute("INSERT INTO account_feeds (account_id) VALUES ($1)", made)
        await self.owner.execute("UPDATE accounts SET settings = $2::text::jsonb WHERE id = $1", made, WANTED)
        return made

    async def asked(self, account: str) -> str:
        """A conversation in which a customer has written."""
        write = Scribe().write(to_thread(received("Where is my refund?"), ThreadKey(account, uid(), "+1")))
        await self.backend.journal.commit([write], await self.backend.epochs())
        return write.after.id

    async def due(self) -> DueDraft:
        """A claimed conversation of an account of its own."""
        await self.asked(await self.account())
        await self.first.pump()
        (due,) = await self.first.claim(2)
        return due

    async def job(self, due: DueDraft) -> asyncpg.Record | None:
        query = """SELECT attempts, claimed_by::text, extract(epoch FROM claimed_until - now())::float8 AS held,
          extract(epoch FROM due_at - now())::float8 AS wait FROM suggestion_jobs WHERE conversation_id = $1"""
        return await self.owner.fetchrow(query, due.conversation_id)

    async def reasons(self, due: DueDraft) -> list[str]:
        query = "SELECT outcome FROM model_calls WHERE conversation_id = $1 AND provider = ''"
        return [row[0] for row in await self.owner.fetch(query, due.conversation_id)]


@pytest.fixture
async def rig(postgres: PostgresBackend, owner: asyncpg.Connection) -> Rig:
    await owner.execute("TRUNCATE suggestion_jobs, suggestion_cursors")
    return Rig(postgres, owner)


async def test_a_claim_ends_soon_after_its_process(rig: Rig) -> None:
    due = await rig.due()
    await rig.second.keep([])
    assert await rig.second.claim(1) == [], "its process may still beat"
    silent = "UPDATE suggestion_jobs SET claimed_until = now() + interval '9 seconds'"
    await rig.owner.execute(silent)
    await rig.second.keep([])
    (again,) = await rig.second.claim(1)
    assert (again.conversation_id, again.attempts) == (due.conversation_id, 2)
    await rig.first.later(due, 60, counts=True)
    assert (job := await rig.job(due)) is not None and job["wait"] < 1, "it is another's now"
    await rig.second.done(again)
    assert await rig.job(due) is None


async def test_a_process_keeps_and_releases_what_it_works_on(rig: Rig) -> None:
    due = await rig.due()
    await rig.owner.execute("UPDATE suggestion_jobs SET claimed_until = now() + interval '1 second'")
    await rig.first.keep([due.conversation_id])
    assert (job := await rig.job(due)) is not None and job["held"] > CLAIM - 5
    await rig.first.release([due.conversation_id])
    (again,) = await rig.second.claim(1)
    assert again.attempts == 1, "a process that leaves in order costs no attempt"


async def test_a_feed_that_cannot_be_read_holds_up_no_other(rig: Rig) -> None:
    broken, sound = await rig.account(), await rig.account()
    await rig.asked(broken)
    conversation = await rig.asked(sound)
    await rig.owner.execute("UPDATE entries SET data = '{}' WHERE account_id = $1", broken)
    assert (await rig.first.pump())[0] == 1
    assert (await rig.first.pump())[0] == 0, "it is left alone for a while"
    assert [due.conversation_id for due in await rig.first.claim(9)] == [conversation]


class Failing:
    """A drafter that fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def draft(self, *_: Any) -> None:
        raise self.error


def loop_of(rig: Rig, error: Exception) -> DraftLoop:
    conversations: Any = PostgresConversations(rig.backend.database)
    nobody: Any = None
    failing: Any = Failing(error)
    return DraftLoop(rig.first, failing, nobody, conversations, nobody, nobody)


@pytest.mark.parametrize(
    ("error", "waited", "reason", "attempts"),
    [
        (LimitReached("calls"), 0, None, 0),
        (LimitReached("calls"), PATIENCE, "calls", None),
        (LimitReached("cost"), 0, "cost", None),
        (StorageUnavailable("away"), 0, None, 0),
        (StorageUnavailable("away"), PATIENCE, None, 1),
        (ModelError("failed", "the rules too"), 0, None, 1),
        (TypeError("a fault of ours"), 0, None, 1),
    ],
)
async def test_what_follows_a_failure(
    rig: Rig, error: Exception, waited: float, reason: str | None, attempts: int | None
) -> None:
    due = await rig.due()
    await rig.first.release([due.conversation_id])
    query = "UPDATE suggestion_jobs SET wanted_at = now() - make_interval(secs => $1)"
    await rig.owner.execute(query, float(waited))
    assert await loop_of(rig, error).draft_next()
    assert await rig.reasons(due) == ([] if reason is None else [reason])
    job = await rig.job(due)
    if attempts is None:
        assert job is None
    else:
        assert job is not None and (job["attempts"], job["claimed_by"]) == (attempts, None)
        assert 3 < job["wait"] < 30


async def test_attempts_end(rig: Rig) -> None:
    due = await rig.due()
    await rig.first.release([due.conversation_id])
    loop = loop_of(rig, TypeError("a fault of ours"))
    for _ in range(ATTEMPTS):
        await rig.owner.execute("UPDATE suggestion_jobs SET due_at = now()")
        assert await loop.draft_next()
    assert await rig.job(due) is None and await rig.reasons(due) == ["given_up"]
    loop.stop()
    await rig.asked(due.account_id)
    await rig.first.pump()
    assert not await loop.draft_next(), "a loop that stops claims no more"


async def test_a_newer_message_is_not_delayed_by_a_failure(rig: Rig) -> None:
    due = await rig.due()
    await rig.owner.execute("UPDATE suggestion_jobs SET seq = seq + 1, due_at = now()")
    await rig.first.later(due, 60, counts=True)
    (again,) = await rig.second.claim(1)
    assert again.seq == due.seq + 1
    await rig.second.done(due)
    assert await rig.job(again) is not None, "the newer message still waits"
