"""Errors as clients see them: application/problem+json, and one table from code to HTTP status.

Owns the mapping, the middleware that applies it, and the request id. Never shows a client a stack trace, the text of an unexpected
exception, or a message of another library.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from http.client import responses as phrases
from types import MappingProxyType
from typing import Any, Final

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from multidict import CIMultiDictProxy

from ...core.errors import BY_CODE, Internal, Malformed, Overloaded, TertuliaError, UnsupportedMedia
from ...logs import request_context
from .cors import Cors
from .responses import REQUEST_ID, JsonAnswer, secured
from .security_headers import SERVER

log = structlog.get_logger(__name__)

STATUS: Final[dict[str, tuple[int, str]]] = {
    "malformed": (400, "Malformed request"),
    "unauthenticated": (401, "Not authenticated"),
    "forbidden": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "conflict": (409, "Conflicts with the current state"),
    "stale": (409, "Overtaken by a newer message"),
    "gone": (410, "Gone"),
    "too_large": (413, "Too large"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "invalid": (422, "Invalid request"),
    "rate_limited": (429, "Too many requests"),
    "overloaded": (503, "Overloaded"),
    "storage_unavailable": (503, "Storage unavailable"),
    "superseded": (503, "Overloaded"),
    "not_ready": (503, "Not ready yet"),
    "internal": (500, "Internal error"),
    "error": (500, "Internal error"),
    # raised by HTTP itself, never by a command
    "method_not_allowed": (405, "Method not allowed"),
    "request_timeout": (408, "Request timeout"),
    "target_too_long": (414, "Target too long"),
    "range_not_satisfiable": (416, "Range not satisfiable"),
    "expectation_failed": (417, "Expectation failed"),
    "misdirected_request": (421, "Misdirected request"),
    "upgrade_required": (426, "Upgrade required"),
    "headers_too_large": (431, "Headers too large"),
    "not_implemented": (501, "Not implemented"),
    "http_version_not_supported": (505, "HTTP version not supported"),
}
"""Code → HTTP status and title. Every class of `core/errors.py` has a row; docs/errors.md is generated from it."""

_CODE_OF_STATUS: Final = {
    status: code for code, (status, _) in reversed(STATUS.items()) if code != "error"
} | {503: "overloaded"}
RETRIED: Final = (429, 503)
"""Statuses that carry Retry-After."""
_DETAIL_OF_STATUS: Final = {
    404: "there is no such route",
    405: "this route does not know this method",
    413: "the request body is too large",
    503: "try again later",
}

FAILED: Final = "the server failed; the request id names the record of it"
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REQUEST: Final = web.RequestKey("request_id", str)
_process_part: Final = secrets.token_hex(6)
_numbers: Final = itertools.count(1)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Forms = Mapping[str, Callable[[TertuliaError], web.Response]]
"""Beginning of a path → what errors look like there, if not like problems: also those of no route, and the server's own."""
NO_FORMS: Final[Forms] = MappingProxyType({})


def problem_response(error: TertuliaError, request_id: str) -> web.Response:
    """The answer to a refused request."""
    status, title = STATUS[error.code]
    body: dict[str, Any] = {
        "type": f"urn:tertulia:problem:{error.code}",
        "title": title,
        "status": status,
        "code": error.code,
        "detail": _utf8(error.detail),
        "errors": [{"path": _utf8(path), "message": _utf8(message)} for path, message in error.errors],
        "request_id": request_id,
    }
    if error.current is not None:
        body["current"] = error.current
    return _response(status, body, request_id, error.retry_after)


def status_response(status: int, request_id: str, detail: str | None = None) -> web.Response:
    """The answer for an HTTP status without an error of `core`: an unknown route, an unreadable request."""
    code = _CODE_OF_STATUS.get(status, "malformed" if status < 500 else "internal")
    phrase = phrases.get(status, "Error")
    row_status, title = STATUS[code]
    body = {
        "type": f"urn:tertulia:problem:{code}",
        "title": title if row_status == status else phrase,
        "status": status,
        "code": code,
        "detail": detail or _DETAIL_OF_STATUS.get(status, phrase),
        "errors": [],
        "request_id": request_id,
    }
    return _response(status, body, request_id, None)


def errors_middleware(cors: Cors | None, forms: Forms = NO_FORMS) -> Middleware:
    """The outermost middleware: gives every request an id, and every failure its problem."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "Content-Encoding" in request.headers and is_encoded(request.headers):
            response = await answered(request, _refuse_encoded(), cors, forms)
            response.headers["Accept-Encoding"] = "identity"  # RFC 9110, 15.5.16
            return response
        return await answered(request, handler(request), cors, forms)

    return answer


async def answered(
    request: web.Request,
    answer: Awaitable[web.StreamResponse],
    cors: Cors | None = None,
    forms: Forms = NO_FORMS,
) -> web.StreamResponse:
    """The result of `answer`, or the problem for its error; both carry the request's id, and what lets a page read them."""
    request[_REQUEST] = request_id = request_id_for(request.headers)
    request_context.set({"request_id": request_id})
    try:
        response = await answer
    except Exception as error:
        response = _answer(request, error, request_id, forms)
    if cors is not None and hdrs.ORIGIN in request.headers and not response.prepared:
        response.headers.update(await cors.headers_for(request, response.status))
    if isinstance(response, JsonAnswer):
        response.request_id = request_id
    elif not response.prepared:
        stamp(request, response)
    return response


def is_encoded(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a request's body is compressed. Compressed bodies are refused: a small one can unpack to any size."""
    codings = ",".join(headers.getall("Content-Encoding", ())).split(",")
    return any(coding.strip().lower() not in ("", "identity") for coding in codings)


async def _refuse_encoded() -> web.StreamResponse:
    raise UnsupportedMedia("the body must not be encoded: Content-Encoding may only be identity")


def install(app: web.Application, cors: Cors | None = None, forms: Forms = NO_FORMS) -> None:
    """Install the middleware, and stamp streams as well, whose headers are sent before their handler returns."""

    async def stamp_stream(request: web.Request, response: web.StreamResponse) -> None:
        if not isinstance(response, JsonAnswer):
            if cors is not None and hdrs.ORIGIN in request.headers:
                response.headers.update(await cors.headers_for(request, response.status))
            stamp(request, response)

    app.middlewares.insert(0, errors_middleware(cors, forms))
    app.on_response_prepare.append(stamp_stream)


def stamp(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Add the headers that every response carries."""
    if (request_id := request.get(_REQUEST)) is not None:
        response.headers[REQUEST_ID] = request_id
    response.headers["Server"] = SERVER  # replaces aiohttp's
    secured(response.headers)


def request_id_for(headers: Mapping[str, str]) -> str:
    """The id in the request's header, if it is harmless; else a new one."""
    offered = headers.get(REQUEST_ID)
    return offered if offered is not None and _SAFE_ID.fullmatch(offered) else new_request_id()


def new_request_id() -> str:
    """An id unique across processes and restarts; cheap, not secret."""
    return f"{_process_part}-{next(_numbers):x}"


def _answer(request: web.Request, error: Exception, request_id: str, forms: Forms) -> web.StreamResponse:
    if request.transport is None or request.transport.is_closing():
        if request.writer.output_size == 0:  # while sending its body, or before the answer was ready
            log.info("client_gone", method=request.method, path=request.path)
        raise ConnectionResetError("the client has gone") from error  # an answer would not be read
    if request.writer.output_size > 0:
        # a response that has begun cannot be replaced: end the connection
        log.warning("stream_failed", path=request.path, exc_info=error)
        raise ConnectionResetError("the response had begun") from error
    form = next((form for prefix, form in forms.items() if request.path.startswith(prefix)), None)
    if isinstance(error, web.HTTPException):
        return _http_answer(error, request_id, form)
    refusal = _refusal(request, error)
    return problem_response(refusal, request_id) if form is None else form(refusal)


def _refusal(request: web.Request, error: Exception) -> TertuliaError:
    """The error that a client is told."""
    if isinstance(error, TertuliaError):
        return error
    if isinstance(error, web.RequestPayloadError):
        return Malformed("the body does not match its headers")
    if isinstance(error, asyncio.TimeoutError):
        log.warning("request_timed_out", method=request.method, path=request.path)
        return Overloaded("the request took too long")
    log.error("request_failed", method=request.method, path=request.path, exc_info=error)
    return Internal(FAILED)


def _http_answer(
    error: web.HTTPException, request_id: str, form: Callable[[TertuliaError], web.Response] | None
) -> web.StreamResponse:
    if error.status < 400:
        raise error  # redirects are raised to aiohttp, which sends them
    detail = None
    if isinstance(error, web.HTTPMethodNotAllowed):
        detail = f"{error.method} is not allowed here"
    code = _CODE_OF_STATUS.get(error.status)
    if form is None or code is None:
        response = status_response(error.status, request_id, detail)
    else:
        kind = BY_CODE.get(code) or type("HttpRefusal", (TertuliaError,), {"code": code})
        response = form(kind(detail or _DETAIL_OF_STATUS.get(error.status, error.reason)))
    for name in ("Allow", "Content-Range", "Retry-After", "WWW-Authenticate"):
        if name in error.headers:
            response.headers[name] = error.headers[name]
    return response


def _response(status: int, body: dict[str, Any], request_id: str, retry_after: float | None) -> web.Response:
    headers = {REQUEST_ID: request_id}
    secured(headers)
    if status in RETRIED:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after or 1)))
    elif status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        headers=headers,
        content_type="application/problem+json",
    )


def _utf8(text: str) -> str:
    """Text that may repeat a client's input, with unpaired surrogates replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
