"""The sync API, call by call (docs/guides/python.md). No call ever raises: a failing server must not stop message processing.

A call that fails returns None and is logged as `conversation sync error`; a conversation that does not exist is None as well.
"""

from __future__ import annotations

import functools
import json
import logging
import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from .errors import ApiError, Conflict, NotFound, TertuliaError
from .sync_health import breaker, sync_metrics
from .sync_settings import SyncSettings
from .tenant_cache import tenant_cache
from .transport.attempts import RetryPolicy
from .transport.nonblocking import AsyncTransport
from .transport.operations import Operation, new_key
from .transport.options import Options

logger = logging.getLogger(__name__)

Data = dict[str, Any]
FEW = RetryPolicy(attempts=3)
"""A customer waits meanwhile."""

_WHATSAPP, _LEGACY = "/api/v1/whatsapp", "/api/v1/conversations"
LOOKUP_TENANT = Operation("GET", f"{_WHATSAPP}/lookup/tenant/{{}}")
LOOKUP_CONVERSATION = Operation("GET", f"{_WHATSAPP}/lookup/conversation/{{}}")
SYNC = Operation("PUT", f"{_WHATSAPP}/agent/conversations/{{}}/sync")
AGENT_MESSAGE = Operation("POST", f"{_WHATSAPP}/agent/conversations/{{}}/messages", repeatable=True)
CREATE = Operation("POST", _LEGACY, repeatable=True)
GET = Operation("GET", f"{_LEGACY}/{{}}")
INTENT = Operation("PATCH", f"{_LEGACY}/{{}}/intent", repeatable=True)
CONTEXT = Operation("PATCH", f"{_LEGACY}/{{}}/context", repeatable=True)
MESSAGE = Operation("POST", f"{_LEGACY}/{{}}/messages", repeatable=True)


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Loaded once: a service is short-lived, and loading them takes 30 ms."""
    return ssl.create_default_context()


class ConversationStateService:
    """Connections to the sync API. Missing values come from the environment (`SyncSettings`)."""

    def __init__(
        self, api_base_url: str | None = None, api_key: str | None = None, timeout: float | None = None
    ) -> None:
        settings = SyncSettings.read()
        self.api_base_url = (
            (api_base_url or settings.CARTAAI_API_BASE_URL).rstrip("/").removesuffix("/api/v1")
        )
        self.api_key = api_key or settings.CARTAAI_API_KEY
        self.timeout = timeout or settings.CONVERSATION_API_TIMEOUT
        self._transport: AsyncTransport | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    # -- the agent's routes

    async def lookup_tenant_by_phone(self, phone_number: str) -> Data | None:
        """`{"subDomain", "botId", "sessionId", "isActive"}` of a phone's active conversation. Remembered for minutes."""
        key = (self.api_base_url, self.api_key, str(phone_number))
        if (known := tenant_cache.get(key)) is not None:
            return known
        found = await self._call("lookup_tenant_by_phone", LOOKUP_TENANT, phone_number)
        if found is not None:
            tenant_cache.put(key, found)
        return found

    async def get_conversation_by_phone(self, phone_number: str) -> Data | None:
        """The whole conversation of a phone."""
        return await self._call("get_conversation_by_phone", LOOKUP_CONVERSATION, phone_number)

    async def sync_conversation_from_agent(
        self,
        session_id: str,
        intent: str | None = None,
        step: str | None = None,
        context: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Data | None:
        """Set intent and step, and merge context and metadata key by key. None leaves each as it is."""
        given = {"intent": intent, "step": step, "context": context, "metadata": metadata}
        body = {name: value for name, value in given.items() if value is not None}
        return await self._call("sync_conversation_from_agent", SYNC, session_id, body)

    async def add_message_from_agent(
        self, session_id: str, role: str, content: str, metadata: Mapping[str, Any] | None = None
    ) -> Data | None:
        """Add a message; `role` is `user` or `bot`."""
        body = _message(role, content, metadata)
        return await self._call("add_message_from_agent", AGENT_MESSAGE, session_id, body)

    # -- the legacy routes

    async def create_conversation(
        self, user_id: str, sub_domain: str, local_id: str | None = None, bot_id: str | None = None
    ) -> Data | None:
        """Open a conversation for a phone, or get the live one."""
        given = {"userId": user_id, "subDomain": sub_domain, "localId": local_id, "botId": bot_id}
        body = {name: value for name, value in given.items() if value is not None}
        return await self._call("create_conversation", CREATE, None, body)

    async def get_conversation(
        self, session_id: str, sub_domain: str | None = None, local_id: str | None = None
    ) -> Data | None:
        """A conversation by its session."""
        return await self._call("get_conversation", GET, session_id)

    async def update_intent(
        self,
        session_id: str,
        sub_domain: str,
        intent: str,
        step: str | None = None,
        local_id: str | None = None,
    ) -> Data | None:
        """Set intent and step."""
        body = {"intent": intent, "subDomain": sub_domain} | ({} if step is None else {"step": step})
        return await self._call("update_intent", INTENT, session_id, body)

    async def update_context(
        self, session_id: str, sub_domain: str, context: Mapping[str, Any], local_id: str | None = None
    ) -> Data | None:
        """Merge a context key by key."""
        body = {"context": context, "subDomain": sub_domain}
        return await self._call("update_context", CONTEXT, session_id, body)

    async def add_message(
        self,
        session_id: str,
        sub_domain: str,
        role: str,
        content: str,
        metadata: Mapping[str, Any] | None = None,
        local_id: str | None = None,
    ) -> Data | None:
        """Add a message; `role` is `user` or `bot`."""
        body = _message(role, content, metadata) | {"subDomain": sub_domain}
        return await self._call("add_message", MESSAGE, session_id, body)

    # -- one call

    async def _call(
        self, name: str, operation: Operation, argument: str | None, body: Data | None = None
    ) -> Data | None:
        """The `data` of the answer's envelope; None if there is none. Never raises."""
        if not breaker.allows(self.api_base_url):
            sync_metrics.skipped(name)
            return None
        start = time.monotonic()
        try:
            answer = await self._send(operation, argument, body)
        except NotFound:
            sync_metrics.succeeded(name, time.monotonic() - start)
            breaker.succeeded(self.api_base_url)
            self._forget(operation, argument)
            return None
        except Exception as error:
            self._failed(name, operation, argument, error)
            return None
        sync_metrics.succeeded(name, time.monotonic() - start)
        breaker.succeeded(self.api_base_url)
        return answer

    async def _send(self, operation: Operation, argument: str | None, body: Data | None) -> Data | None:
        if self._transport is None:
            options = Options(timeout=self.timeout, retries=FEW, verify=_certificates())
            self._transport = AsyncTransport(self.api_base_url, self.api_key, options)
        arguments = () if argument is None else (str(argument),)
        plain = None if body is None else json.loads(json.dumps(body, default=str))
        key = {"Idempotency-Key": new_key()} if operation.method == "POST" else None
        envelope = await self._transport._call(operation, arguments, body=plain, headers=key)
        if not isinstance(envelope, dict) or envelope.get("type") != "1":
            raise TertuliaError(f"not an answer of the sync API: {str(envelope)[:200]}")
        data = envelope.get("data")
        return data if isinstance(data, dict) else None

    def _failed(self, name: str, operation: Operation, argument: str | None, error: Exception) -> None:
        sync_metrics.failed(name)
        if isinstance(error, Conflict):
            self._forget(operation, argument)
        if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
            breaker.succeeded(self.api_base_url)  # it answers
        elif isinstance(error, TertuliaError):
            breaker.failed(self.api_base_url)
        logger.error(
            "conversation sync error: %s: %s", name, error, exc_info=not isinstance(error, TertuliaError)
        )

    def _forget(self, operation: Operation, argument: str | None) -> None:
        if argument is not None and operation not in (LOOKUP_TENANT, LOOKUP_CONVERSATION):
            tenant_cache.forget_session(str(argument))


def _message(role: str, content: str, metadata: Mapping[str, Any] | None) -> Data:
    return {"role": role, "content": content} | ({} if metadata is None else {"metadata": metadata})
