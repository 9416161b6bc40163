"""The exceptions that calls raise. Programs should look at `code`; docs/errors.md lists all codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypedDict


class FieldFault(TypedDict):
    """A wrong field: its `path`, as in `attachments[0].url`, and what is wrong."""

    path: str
    message: str


class TertuliaError(Exception):
    """The base of all errors of this package."""


class ConnectionFailed(TertuliaError):
    """The server could not be reached, or the connection broke and the call may not be repeated."""


class DeadlineExceeded(TertuliaError, TimeoutError):
    """The call was not answered in time, repeats included. It may have had its effect."""


class AnswerTooLarge(TertuliaError):
    """An answer has more bytes than the client accepts."""


class StreamClosed(TertuliaError):
    """The server ended a stream for a reason that a new connection does not mend. `code` is the WebSocket close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"the stream was closed with {code}: {reason}")
        self.code = code
        self.reason = reason


class ApiError(TertuliaError):
    """The server refused a call. The fields are those of its problem document (RFC 9457).

    `retry_after` is in seconds; `current` is the state that a conflict was refused for. `code` is empty if the answer came
    from something between client and server.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.errors: list[FieldFault] = list(problem.get("errors") or [])
        self.request_id = str(problem.get("request_id", ""))
        self.current: dict[str, Any] | None = problem.get("current")
        self.retry_after = retry_after
        fields = "; ".join(f"{fault['path']}: {fault['message']}" for fault in self.errors)
        words = [str(status), self.code or self.title, f"– {self.detail}" if self.detail else ""]
        super().__init__(" ".join(word for word in words if word) + (f" ({fields})" if fields else ""))


class Malformed(ApiError):
    """400: the request is not understood."""


class Unauthenticated(ApiError):
    """401: no token, or one that is not valid (any more)."""


class Forbidden(ApiError):
    """403: the token's role may not do this."""


class NotFound(ApiError):
    """404: no such object in this account."""


class Conflict(ApiError):
    """409: it conflicts with the current state, which is in `current`."""


class Invalid(ApiError):
    """422: `errors` names the wrong fields."""


class RateLimited(ApiError):
    """429, after all repeats that the deadline allowed."""


class ServerFailed(ApiError):
    """5xx, after all repeats that the deadline allowed."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Malformed,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: RateLimited,
}


_REFUSED = "3"
"""The `type` of the sync API's errors, whose envelope has a `message` and nothing else."""


def api_error(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error of an answer that is not a success."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if isinstance(problem, dict) and problem.get("type") == _REFUSED and "message" in problem:
        problem = {"title": "refused", "detail": problem["message"]}
    elif not isinstance(problem, dict) or "status" not in problem:
        problem = {"title": "not an answer of the server itself"}
    kind = _BY_STATUS.get(status, ServerFailed if status >= 500 else ApiError)
    return kind(status, problem, retry_after(headers))


def refusal(error: Mapping[str, Any]) -> ApiError:
    """The error of an `error` frame of a WebSocket, which carries the code but no status."""
    code = str(error.get("code", ""))
    status = _STATUS_OF_CODE.get(code, 400)
    kind = _BY_STATUS.get(status, ServerFailed if status >= 500 else ApiError)
    return kind(status, error, error.get("retry_after"))


_STATUS_OF_CODE = {
    "malformed": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "gone": 410,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "rate_limited": 429,
    "internal": 500,
    "overloaded": 503,
    "storage_unavailable": 503,
    "not_ready": 503,
}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of `Retry-After`, if it states seconds."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 7 else None
