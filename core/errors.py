"""The error tree. Every refusal a client can see is one of these; the code stands on the class.

`http/framework/problems.py` maps a class to an HTTP status, the stream sessions to an error frame; nothing else
decides what an error looks like outside.
"""

from __future__ import annotations

from typing import Any, ClassVar


class TertuliaError(Exception):
    """Base of every expected failure.

    `detail` is a sentence for a person. `errors` names fields as `(path, message)`, the path as in
    `content` or `attachments[0].url`. `current` is the state a conflict was refused for.
    `retry_after` is in seconds.
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
    """A supervisor has a successor: it must stop. No client sees it."""

    code = "superseded"


class StorageUnavailable(TertuliaError):
    code = "storage_unavailable"


class NotReady(TertuliaError):
    """It will be there: ask again."""

    code = "not_ready"


class Gone(TertuliaError):
    """It was to be there, and never will be."""

    code = "gone"


class Internal(TertuliaError):
    code = "internal"


def _tree(cls: type[TertuliaError]) -> dict[str, type[TertuliaError]]:
    return {cls.code: cls} | {k: v for sub in cls.__subclasses__() for k, v in _tree(sub).items()}


BY_CODE: dict[str, type[TertuliaError]] = _tree(TertuliaError)
"""Code on the wire → class: how a refusal that crossed a process becomes an exception again."""
