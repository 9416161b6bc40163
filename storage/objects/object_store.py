"""The bytes of attachments, in a folder or an S3 bucket, through obstore.

An object is named by its account and the SHA-256 of its bytes, so an account stores the same file once. Knows nothing of
records; `storage/postgres/delivery/attachments.py` decides when bytes are needed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import IO, Any, NoReturn
from urllib.parse import urlsplit

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from ...core.errors import NotFound, StorageUnavailable
from ...settings import Settings

log = structlog.get_logger(__name__)

PIECE = 256 * 1024
PART = 5 * 1024 * 1024
"""Bytes of one part of a large upload: the minimum of S3."""
PARTS_AT_ONCE = 2
_TIMEOUT = timedelta(seconds=60)
_CONNECT = timedelta(seconds=5)
_RETRY: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}


class Objects:
    """Bytes by account and digest."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, account_id: str, digest: str, file: IO[bytes]) -> None:
        """Store a file atomically; storing it again is harmless. Raises StorageUnavailable."""
        file.seek(0)
        try:
            await obstore.put_async(
                self._store, _path(account_id, digest), file, chunk_size=PART, max_concurrency=PARTS_AT_ONCE
            )
        except (BaseError, OSError) as error:
            _unavailable("put", error)

    async def read(self, account_id: str, digest: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to `end`. Raises NotFound, StorageUnavailable."""
        try:
            found = await obstore.get_async(
                self._store, _path(account_id, digest), options={"range": (start, end)}
            )
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)
        except FileNotFoundError:
            raise NotFound("the file is no longer in the store") from None
        except (BaseError, OSError) as error:
            _unavailable("read", error)

    async def delete(self, account_id: str, digest: str) -> None:
        """Delete an object, if it exists. Raises StorageUnavailable."""
        try:
            await obstore.delete_async(self._store, _path(account_id, digest))
        except FileNotFoundError:
            pass
        except (BaseError, OSError) as error:
            _unavailable("delete", error)


def _path(account_id: str, digest: str) -> str:
    return f"{account_id}/{digest[:2]}/{digest[2:]}"


def _unavailable(what: str, error: Exception) -> NoReturn:
    log.error("object_store_failed", what=what, error=str(error).splitlines()[0][:300])
    raise StorageUnavailable("the attachment store is unavailable", retry_after=5) from error


def open_objects(settings: Settings) -> Objects:
    """The store that the settings name. Raises ValueError if they do not name a usable one."""
    url = settings.attachments_url
    assert url is not None
    scheme = urlsplit(url).scheme
    try:
        if scheme == "file":
            return Objects(LocalStore.from_url(url, mkdir=True))
        if scheme == "s3":
            return Objects(_s3(url, settings))
    except (BaseError, OSError) as error:
        raise ValueError(str(error).splitlines()[0]) from error
    raise ValueError("neither s3://bucket/prefix nor file:///folder")


def _s3(url: str, settings: Settings) -> S3Store:
    """obstore takes what is not set here from the AWS variables or the machine's role."""
    given = {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": settings.s3_secret_access_key,
    }
    config: Any = {name: value for name, value in given.items() if value is not None}
    plain = (settings.s3_endpoint or "").startswith("http://")
    return S3Store.from_url(
        url,
        config=config,
        client_options={"allow_http": plain, "timeout": _TIMEOUT, "connect_timeout": _CONNECT},
        retry_config=_RETRY,
    )
