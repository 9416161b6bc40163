"""The error tree. Every refusal that a client can see is one of these classes, which carry the error codes.

`http/framework/problems.py` maps a class to an HTTP status, and stream sessions map it to an error frame; nothing else decides
how clients see an error.
"""

from __future__ import annotations

from typing import Any, ClassVar


class TertuliaError(Exception):
    """Base of every expected failure.

    `detail` is a sentence for people. `errors` lists fields as `(path, message)`, with paths like `content` or
    `attachments[0].url`. `current` is the state that caused a conflict. `retry_after` is in seconds.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        detail: str,
        *,
        errors: tuple[tuple[str, str], ...] = (),
        current: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.current = current
        self.retry_after = retry_after
        self.target: str | None = None
        """The id in the path of the request that failed, where its dialect's errors name it."""


class Malformed(TertuliaError):
    code = "malformed"


class Unauthenticated(TertuliaError):
    code = "unauthenticated"


class Forbidden(TertuliaError):
    code = "forbidden"


class NotFound(TertuliaError):
    code = "not_found"


class Conflict(TertuliaError):
    code = "conflict"


class Stale(Conflict):
    """Its precondition has changed: somebody has written since."""

    code = "stale"


class TooLarge(TertuliaError):
    code = "too_large"


class UnsupportedMedia(TertuliaError):
    code = "unsupported_media_type"


class Invalid(TertuliaError):
    code = "invalid"


class RateLimited(TertuliaError):
    code = "rate_limited"


class Overloaded(TertuliaError):
    code = "overloaded"


class Superseded(TertuliaError):
    """A supervisor has a successor and must stop. Clients never see this."""

    code = "superseded"


DISK_FULL = "the database's disk is full"
"""Detail of StorageUnavailable when the database has no room left; gateways report it in /ready and /metrics."""


class StorageUnavailable(TertuliaError):
    code = "storage_unavailable"


class NotReady(TertuliaError):
    """It will exist: ask again."""

    code = "not_ready"


class Gone(TertuliaError):
    """It was expected, and will never exist."""

    code = "gone"


class Internal(TertuliaError):
    code = "internal"


def _tree(cls: type[TertuliaError]) -> dict[str, type[TertuliaError]]:
    """A class stands before its subclasses of the same code."""
    return {k: v for sub in cls.__subclasses__() for k, v in _tree(sub).items()} | {cls.code: cls}


BY_CODE: dict[str, type[TertuliaError]] = _tree(TertuliaError)
"""Code → class: turns a refusal from another process back into an exception."""
