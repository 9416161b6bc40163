"""Attachments on a real Postgres: bytes in a folder, and in a server that speaks S3."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import asyncpg
import httpx
import pytest
from plain_http import NO_TLS
from serving import free_port
from waiting import until

from tertulia.core.channels.messages import Media
from tertulia.core.channels.records import NewMedia, NewUpload, StoredAttachment
from tertulia.core.conversation.entries import Actor
from tertulia.core.errors import Invalid, NotFound, StorageUnavailable, TooLarge, UnsupportedMedia
from tertulia.settings import Settings
from tertulia.storage.objects.object_store import Objects, open_objects
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.delivery.attachments import PostgresAttachments

AGENT = Actor("agent", "abeba")
MOST = 12_000_000
LARGE = os.urandom(11_000_000)  # three parts of an S3 upload


def uid() -> str:
    return str(uuid.uuid4())


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A server that speaks S3."""
    beside = Path(sys.executable).with_name("moto_server")
    program = str(beside) if beside.exists() else shutil.which("moto_server")
    assert program is not None, "moto_server is not installed: it comes with the extra `dev`"
    port = free_port()
    process = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def settings(url: str, **more: Any) -> Settings:
    return Settings(attachments_url=url, **more)


@pytest.fixture
async def bucket(s3_url: str) -> Settings:
    """A bucket of its own."""
    name = f"b{uid()}"
    async with httpx.AsyncClient(base_url=s3_url, verify=NO_TLS) as client:
        await until(lambda: _answers(client), "the S3 server", 60)
        assert (await client.put(f"/{name}")).status_code == 200
    keys = {"s3_access_key_id": "key", "s3_secret_access_key": "secret", "s3_region": "us-east-1"}
    return settings(f"s3://{name}/some/prefix", s3_endpoint=s3_url, **keys)


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/")).status_code < 500
    except httpx.TransportError:
        return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "att achments"


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, folder: Path) -> Objects:
    if request.param == "folder":
        return open_objects(settings(folder.as_uri()))
    return open_objects(request.getfixturevalue("bucket"))


@pytest.fixture
def store(database: Database, objects: Objects) -> PostgresAttachments:
    return PostgresAttachments(database, objects, most=MOST)


@pytest.fixture
def local(database: Database, folder: Path) -> PostgresAttachments:
    return PostgresAttachments(database, open_objects(settings(folder.as_uri())), most=MOST)


async def pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def text(_: bytes) -> str:
    return "text/plain"


async def upload(
    store: PostgresAttachments,
    account_id: str,
    data: bytes = b"hello",
    by: Actor = AGENT,
    channel: str | None = None,
) -> StoredAttachment:
    new = NewUpload(uid(), account_id, by, channel, "a.txt")
    return await store.upload(new, pieces(data), MOST, text)


async def content(store: PostgresAttachments, a: StoredAttachment, *part: int) -> bytes:
    return b"".join([piece async for piece in store.read(a, *part)])


def stored_files(folder: Path) -> list[Path]:
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())


async def test_a_stored_file_is_read_back_unchanged(store: PostgresAttachments, account_id: str) -> None:
    for data in (b"x", b"hello" * 1000, LARGE):
        made = await upload(store, account_id, data)
        assert (made.status, made.size, made.name, made.content_type) == (
            "stored",
            len(data),
            "a.txt",
            "text/plain",
        )
        assert made.digest == hashlib.sha256(data).hexdigest()
        assert (made.uploader_type, made.uploader_id) == ("agent", "abeba")
        assert await store.get(account_id, made.id) == made == await store.find(made.id)
        assert await content(store, made) == data
    assert await content(store, made, 5_000_000, 5_000_010) == LARGE[5_000_000:5_000_010]
    assert await content(store, made, len(LARGE) - 1) == LARGE[-1:]


async def test_an_account_stores_the_same_bytes_once(
    local: PostgresAttachments, folder: Path, account_id: str, owner: asyncpg.Connection
) -> None:
    first, second = await upload(local, account_id), await upload(local, account_id)
    assert first.id != second.id and first.digest == second.digest is not None
    assert stored_files(folder) == [Path(account_id, first.digest[:2], first.digest[2:])]
    other = uid()
    await owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Other')", other)
    await upload(local, other)
    assert len(stored_files(folder)) == 2


async def test_bytes_are_deleted_with_their_last_record(
    store: PostgresAttachments, account_id: str, owner: asyncpg.Connection
) -> None:
    first, second = await upload(store, account_id), await upload(store, account_id)
    await owner.execute("DELETE FROM attachments WHERE id = $1", first.id)
    await store.sweep()
    assert await content(store, second) == b"hello"
    await owner.execute("DELETE FROM attachments WHERE id = $1", second.id)
    await store.sweep()
    with pytest.raises(NotFound):
        await content(store, second)
    again = await upload(store, account_id)
    await store.sweep()
    assert await content(store, again) == b"hello"


async def test_uploads_and_deletions_of_the_same_bytes_at_once(
    local: PostgresAttachments, folder: Path, account_id: str, owner: asyncpg.Connection
) -> None:
    async def sweeping() -> None:
        while True:
            await local.sweep()

    sweeper = asyncio.ensure_future(sweeping())
    kept = []
    for n in range(40):
        made = await asyncio.gather(upload(local, account_id), upload(local, account_id))
        kept.append(made[1])
        drop = [made[0].id] if n % 2 else [a.id for a in (made[0], *kept)]
        if not n % 2:
            kept.clear()
        await owner.execute("DELETE FROM attachments WHERE id = ANY ($1::uuid[])", drop)
        for attachment in kept:
            assert await content(local, attachment) == b"hello"
    sweeper.cancel()
    await owner.execute("DELETE FROM attachments WHERE account_id = $1", account_id)
    while await local.sweep():
        pass
    assert stored_files(folder) == []


async def test_an_accounts_bytes_are_deleted_with_it(
    local: PostgresAttachments, folder: Path, account_id: str, owner: asyncpg.Connection
) -> None:
    await upload(local, account_id)
    await owner.execute("DELETE FROM accounts WHERE id = $1", account_id)
    await local.sweep()
    assert stored_files(folder) == []


async def test_other_accounts_attachments_are_invisible(
    local: PostgresAttachments, account_id: str, owner: asyncpg.Connection
) -> None:
    other = uid()
    await owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Other')", other)
    made = await upload(local, account_id)
    assert await local.get(other, made.id) is None and await local.get_all(other, [made.id]) == {}
    await local.link(other, uid(), [made.id])
    assert await local.get(account_id, made.id) == made
    with pytest.raises(NotFound, match="no such account"):
        await upload(local, uid())


async def test_refused_or_interrupted_uploads_leave_nothing(
    store: PostgresAttachments, account_id: str, owner: asyncpg.Connection
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        raise ConnectionResetError

    def refused(_: bytes) -> str:
        raise UnsupportedMedia("no")

    async def attempt(data: AsyncIterator[bytes], settle: Any = text, most: int = 3_000_000) -> None:
        await store.upload(NewUpload(uid(), account_id, AGENT), data, most, settle)

    with pytest.raises(ConnectionResetError):
        await attempt(broken())
    with pytest.raises(TooLarge):
        await attempt(pieces(LARGE))
    with pytest.raises(UnsupportedMedia):
        await attempt(broken(), refused)  # as soon as the beginning is there
    with pytest.raises(Invalid, match="empty"):
        await attempt(pieces(b""))
    assert not await owner.fetchval("SELECT count(*) FROM attachments WHERE account_id = $1", account_id)


class Broken(Objects):
    """A store whose disk is full, or whose process ends in the middle."""

    def __init__(self, inner: Objects, error: BaseException) -> None:
        super().__init__(inner._store)
        self._error = error

    async def put(self, account_id: str, digest: str, file: IO[bytes]) -> None:
        raise self._error


async def test_a_store_that_fails_leaves_no_record(
    database: Database, folder: Path, account_id: str, owner: asyncpg.Connection
) -> None:
    inner = open_objects(settings(folder.as_uri()))
    for error in (StorageUnavailable("full"), asyncio.CancelledError()):
        failing = PostgresAttachments(database, Broken(inner, error), most=MOST)
        with pytest.raises(type(error)):
            await upload(failing, account_id)
    assert not await owner.fetchval("SELECT count(*) FROM attachments WHERE account_id = $1", account_id)


async def test_an_upload_whose_process_ended_is_swept(
    local: PostgresAttachments, folder: Path, account_id: str, owner: asyncpg.Connection
) -> None:
    made = await upload(local, account_id)
    await owner.execute(
        "UPDATE attachments SET status = 'pending', created_at = now() - interval '2 hours' WHERE id = $1",
        made.id,
    )
    await local.sweep()
    assert await local.get(account_id, made.id) is None and stored_files(folder) == []


async def test_an_attachment_belongs_to_its_first_conversation(
    local: PostgresAttachments, account_id: str
) -> None:
    made, first = await upload(local, account_id), uid()
    await local.link(account_id, first, [made.id])
    await local.link(account_id, uid(), [made.id])
    found = await local.get(account_id, made.id)
    assert found is not None and found.conversation_id == first


async def test_media_in_a_payload_is_stored_immediately_and_once(
    store: PostgresAttachments, account_id: str
) -> None:
    pdf = b"%PDF-1.7 and so on"
    wanted = [
        NewMedia(uid(), Media("document", data=pdf, name="../bill.pdf", content_type="image/png")),
        NewMedia(uid(), Media("document", data=b"", name="nothing.txt")),
        NewMedia(uid(), Media("document", data=b"x" * (MOST + 1))),
    ]
    channel = uid()
    made = await store.ingest(account_id, channel, wanted)
    assert await store.ingest(account_id, channel, wanted) == made
    assert [a.status for a in made] == ["stored", "failed", "failed"]
    assert (made[0].name, made[0].content_type, made[0].channel_id) == (
        "bill.pdf",
        "application/pdf",
        channel,
    )
    assert await content(store, made[0]) == pdf
    assert made[1].error == "the file is empty" and f"at most {MOST}" in (made[2].error or "")


async def test_media_to_be_fetched_is_claimed_by_one(
    local: PostgresAttachments, account_id: str, owner: asyncpg.Connection
) -> None:
    await owner.execute("DELETE FROM attachments WHERE status = 'pending'")
    media = Media("image", id="abc", url=None, content_type="image/jpeg", name="x.jpg")
    (noted,) = await local.ingest(account_id, uid(), [NewMedia(uid(), media)])
    assert noted.status == "pending"
    claims = await asyncio.gather(*(local.claim(10, 60) for _ in range(5)))
    (claimed,) = [p for claim in claims for p in claim]
    assert (claimed.attachment.id, claimed.media, claimed.attempt) == (noted.id, media, 1)
    await local.not_fetched(claimed, "not now", 0)
    (second,) = await local.claim(10, 0)  # whose process ends: the lease runs out
    (third,) = await local.claim(10, 60)
    assert (second.attempt, third.attempt) == (2, 3)
    await local.not_fetched(second, "too late", None)  # an old claim moves nothing
    await local.fetched(second, pieces(b"old"), MOST, "text/plain")
    found = await local.get(account_id, noted.id)
    assert found is not None and (found.status, found.error, found.digest) == ("pending", "not now", None)
    await local.fetched(third, pieces(b"\xff\xd8\xff jpeg"), MOST, None)
    found = await local.get(account_id, noted.id)
    assert found is not None and (found.status, found.content_type, found.error) == (
        "stored",
        "image/jpeg",
        None,
    )
    assert await content(local, found) == b"\xff\xd8\xff jpeg"
    assert await owner.fetchval("SELECT source FROM attachments WHERE id = $1", noted.id) is None


@pytest.mark.parametrize(
    "url", ["memory:///", "https://bucket.example", "nonsense", "s3://", "file://elsewhere/x"]
)
def test_invalid_store_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        open_objects(settings(url))


async def test_an_unreachable_store_is_reported(database: Database, account_id: str) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        keys = {"s3_access_key_id": "key", "s3_secret_access_key": "secret", "s3_region": "us-east-1"}
        away = settings("s3://bucket", s3_endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}", **keys)
        store = PostgresAttachments(database, open_objects(away), most=MOST)
        with pytest.raises(StorageUnavailable):
            await upload(store, account_id)
