"""Fetching providers' media: a real provider's server, a real Postgres, a real folder."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from waiting import until

from tertulia.channels.outgoing.guard import Guard
from tertulia.channels.outgoing.media_fetcher import ATTEMPTS, MediaFetcher
from tertulia.core.accounts.records import Channel
from tertulia.core.channels.messages import Credentials, Media, MediaStep, ProviderRequest
from tertulia.core.channels.provider_urls import ProviderUrls
from tertulia.core.channels.records import NewMedia, PendingMedia, StoredAttachment
from tertulia.settings import Settings
from tertulia.storage.objects.object_store import open_objects
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery.attachments import PostgresAttachments

JPEG = b"\xff\xd8\xff\xe0 a picture" * 1000
MOST = 100_000


def media_step(media: Media, credentials: Credentials, base_url: str, answer: Any | None) -> MediaStep:
    """As WhatsApp's: an id leads to a URL, the URL to the file; both with the token."""
    headers = {"Authorization": f"Bearer {credentials['access_token']}"}
    if media.kind == "document" and answer is None:  # as Telegram's: a body asks for it
        request = ProviderRequest("POST", f"{base_url}/getFile", headers, json={"file_id": media.id})
        return MediaStep(request, last=False)
    if media.url is None and answer is None:
        return MediaStep(ProviderRequest("GET", f"{base_url}/{media.id}", headers), last=False)
    url = media.url or answer["url"]
    return MediaStep(ProviderRequest("GET", url, headers), last=True)


KIND: Any = SimpleNamespace(base_url="https://provider.invalid", media_step=media_step)


class Provider:
    """The provider's server. `answers`: path → what it answers, one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.answers: dict[str, list[web.Response | int]] = {}
        self.server: Any = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        answers = self.answers[request.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers.copy())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def picture(self, path: str = "/file") -> None:
        self.answers[path] = [web.Response(body=JPEG, content_type="application/octet-stream")]

    def leads_to(self, url: str, path: str = "/1") -> None:
        self.answers[path] = [web.json_response({"url": url})]


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    made.server = TestServer(app, host="127.0.0.1")
    await made.server.start_server()
    yield made
    await made.server.close()


class Fetching:
    """A fetcher and what it works for."""

    def __init__(self, database: Database, folder: Path, account_id: str, guard: Guard) -> None:
        objects = open_objects(Settings(attachments_url=folder.as_uri()))
        self.store = PostgresAttachments(database, objects, most=MOST)
        self.account_id = account_id
        self.channel = Channel(str(uuid.uuid4()), account_id, "whatsapp", "x", {}, None, True, 0, 0)
        self.operator: dict[str, str] = {}
        self.accounts: dict[str, tuple[str, ...]] = {}
        self.credentials = {"access_token": "token"}
        self.fetcher = MediaFetcher(
            self.store,
            guard,
            {"whatsapp": KIND},
            self._find,
            lambda _: self.credentials,
            ProviderUrls(operator=self.operator, accounts=self.accounts),
            most=MOST,
            backoff=(0.0,),
        )

    async def _find(self, channel_id: str) -> Channel | None:
        return self.channel if channel_id == self.channel.id else None

    async def note(self, kind: str = "image", **media: Any) -> str:
        new = NewMedia(str(uuid.uuid4()), Media(kind, **media))
        await self.store.ingest(self.account_id, self.channel.id, [new])
        return new.id

    async def get(self, attachment_id: str) -> StoredAttachment:
        found = await self.store.get(self.account_id, attachment_id)
        assert found is not None
        return found

    async def settled(self, attachment_id: str) -> StoredAttachment:
        """As it is once nothing is due any more."""
        while await self.fetcher.fetch_due():
            pass
        return await self.get(attachment_id)


@pytest.fixture
async def fetching(
    database: Database, tmp_path: Path, account_id: str, owner: asyncpg.Connection, provider: Provider
) -> AsyncIterator[Fetching]:
    await owner.execute("DELETE FROM attachments WHERE status = 'pending'")
    guard = Guard()
    made = Fetching(database, tmp_path / "bytes", account_id, guard)
    made.operator["whatsapp"] = provider.url
    try:
        yield made
    finally:
        await guard.close()


async def test_a_media_id_is_resolved_to_the_file(fetching: Fetching, provider: Provider) -> None:
    provider.leads_to(provider.url + "/file")
    provider.picture()
    found = await fetching.settled(await fetching.note(id="1", name="me.jpg"))
    assert (found.status, found.size, found.content_type, found.name) == (
        "stored",
        len(JPEG),
        "image/jpeg",
        "me.jpg",
    )
    assert b"".join([p async for p in fetching.store.read(found)]) == JPEG
    assert [r.headers["Authorization"] for r in provider.seen] == ["Bearer token"] * 2


async def test_a_file_may_be_requested_with_a_body(fetching: Fetching, provider: Provider) -> None:
    provider.leads_to(provider.url + "/file", "/getFile")
    provider.picture()
    fetching.operator["whatsapp"] = provider.url + "/"
    found = await fetching.settled(await fetching.note("document", id="abc"))
    assert found.status == "stored" and provider.seen[0].method == "POST"
    assert provider.bodies[0] == b'{"file_id": "abc"}'


async def test_missing_credentials_are_retried(fetching: Fetching, provider: Provider) -> None:
    fetching.credentials.clear()
    provider.picture()
    attachment_id = await fetching.note(url=provider.url + "/file")
    assert await fetching.fetcher.fetch_due() == 1
    assert "credentials" in ((await fetching.get(attachment_id)).error or "")
    fetching.credentials["access_token"] = "token"
    assert (await fetching.settled(attachment_id)).status == "stored"


async def test_the_channels_own_base_url_takes_precedence(fetching: Fetching, provider: Provider) -> None:
    fetching.operator["whatsapp"] = "http://127.0.0.1:1"
    fetching.accounts[fetching.account_id] = ("127.0.0.0/8",)
    fetching.channel = Channel(
        fetching.channel.id,
        fetching.account_id,
        "whatsapp",
        "x",
        {"base_url": provider.url + "/"},
        None,
        True,
        0,
        0,
    )
    provider.picture()
    assert (await fetching.settled(await fetching.note(url=provider.url + "/file"))).status == "stored"


async def test_a_channels_base_url_may_be_internal_only_if_its_account_may(
    fetching: Fetching, provider: Provider
) -> None:
    """Another account may call the provider's address; this one reads nothing of what stands there."""
    fetching.accounts[str(uuid.uuid4())] = (provider.url, "127.0.0.0/8")
    fetching.channel = msgspec.structs.replace(fetching.channel, config={"base_url": provider.url})
    provider.picture()
    for media in ({"id": "1"}, {"url": provider.url + "/file"}):
        found = await fetching.settled(await fetching.note(**media))
        assert found.status == "failed" and "private" in (found.error or ""), found.error
        assert "127.0.0.1" not in (found.error or "")
    assert provider.seen == []


async def test_a_failing_provider_is_retried(fetching: Fetching, provider: Provider) -> None:
    provider.leads_to(provider.url + "/file")
    provider.answers["/file"] = [500, 429, web.Response(body=JPEG)]
    found = await fetching.settled(await fetching.note(id="1"))
    assert (found.status, found.error) == ("stored", None) and len(provider.seen) == 6


async def test_giving_up_records_the_reason(fetching: Fetching, provider: Provider) -> None:
    provider.answers["/file"] = [503]
    found = await fetching.settled(await fetching.note(url=provider.url + "/file"))
    assert (found.status, found.error) == ("failed", "the provider answered 503")
    assert len(provider.seen) == ATTEMPTS


async def test_an_unfinished_claim_counts_as_an_attempt(
    fetching: Fetching, provider: Provider, owner: asyncpg.Connection
) -> None:
    provider.picture()
    attachment_id = await fetching.note(url=provider.url + "/file")
    await owner.execute("UPDATE attachments SET attempts = $1 WHERE id = $2", ATTEMPTS, attachment_id)
    found = await fetching.settled(attachment_id)
    assert found.status == "failed" and not provider.seen


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (404, "answered 404"),
        (401, "answered 401"),
        (web.Response(body=b"x" * (MOST + 1)), "larger than"),
        (web.Response(body=b""), "empty"),
        (web.Response(body=b"x", headers={"Content-Encoding": "gzip"}), "encoded"),
        (web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"}), "another host"),
        (web.Response(status=302, headers={"Location": "/file"}), "too many"),
    ],
    ids=str,
)
async def test_permanent_failures_are_not_retried(
    fetching: Fetching, provider: Provider, answer: Any, reason: str
) -> None:
    provider.answers["/file"] = [answer]
    found = await fetching.settled(await fetching.note(url=provider.url + "/file"))
    assert found.status == "failed" and reason in (found.error or ""), found.error


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data", "https://127.0.0.1/", "https://2130706433/", "http://127.0.0.1:1/",
     "https://[::ffff:127.0.0.1]/", "file:///etc/passwd", "https://localhost/", "nonsense"],
)  # fmt: skip
async def test_a_provider_may_not_redirect_to_internal_addresses(
    fetching: Fetching, provider: Provider, url: str
) -> None:
    """Neither by a URL in the webhook, nor by what its API answers."""
    provider.leads_to(url)
    first = await fetching.settled(await fetching.note(id="1"))
    second = await fetching.settled(await fetching.note(url=url))
    assert (first.status, second.status) == ("failed", "failed") and len(provider.seen) == 1
    assert first.error == second.error is not None and url not in first.error


async def test_malformed_provider_replies_are_given_up(fetching: Fetching, provider: Provider) -> None:
    provider.answers["/1"] = [web.Response(body=b"<html>")]
    found = await fetching.settled(await fetching.note(id="1"))
    assert (found.status, found.error) == ("failed", "the provider's response is not JSON")
    provider.answers["/1"] = [web.json_response([])]
    found = await fetching.settled(await fetching.note(id="1"))
    assert (found.status, found.error) == ("failed", "the provider's response was not understood")


async def test_media_of_a_deleted_channel_fails_at_once(fetching: Fetching, provider: Provider) -> None:
    attachment_id = await fetching.note(url=provider.url + "/file")
    fetching.channel = Channel(str(uuid.uuid4()), fetching.account_id, "whatsapp", "x", {}, None, True, 0, 0)
    found = await fetching.settled(attachment_id)
    assert (found.status, found.error) == ("failed", "the channel is gone")


async def test_several_loops_fetch_each_file_once(fetching: Fetching, provider: Provider) -> None:
    provider.picture()
    loops = [asyncio.ensure_future(fetching.fetcher.main_loop()) for _ in range(3)]
    try:
        ids = [await fetching.note(url=f"{provider.url}/file") for _ in range(30)]

        async def all_stored() -> bool:
            found = await fetching.store.get_all(fetching.account_id, ids)
            return all(a.status == "stored" for a in found.values())

        await until(all_stored, "every file")
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    assert len(provider.seen) == 30


async def test_an_attachment_erased_while_it_is_fetched(
    fetching: Fetching, provider: Provider, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    provider.picture()
    attachment_id = await fetching.note(url=provider.url + "/file")
    claimed: list[PendingMedia] = []

    async def is_claimed() -> bool:  # due by the wall clock, which may be set back
        claimed.extend(await fetching.store.claim(1, 60))
        return bool(claimed)

    await until(is_claimed, "the file to be due")
    (pending,) = claimed
    await owner.execute("DELETE FROM attachments WHERE id = $1", attachment_id)

    async def body() -> AsyncIterator[bytes]:
        yield JPEG

    await fetching.store.fetched(pending, body(), MOST, None)
    await fetching.store.sweep()
    assert [p for p in (tmp_path / "bytes").rglob("*") if p.is_file()] == []
