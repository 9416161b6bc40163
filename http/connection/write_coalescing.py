"""Write coalescing: writes wait for the end of the event loop's turn, and are then made one after the other.

A write to a socket wakes the process that reads it. With work between writes the reader goes back to sleep, and waking it again costs
this side as much as the write itself (docs/decisions/0009). One turn of the loop often answers requests of many connections, such as
those of one commit; their answers are written together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import structlog

log = structlog.get_logger(__name__)

MOST: Final = 64 * 1024
"""Bytes of one connection that may wait. Beyond them it is flushed at once, so that the real transport can apply back-pressure."""


class WriteCoalescer:
    """The pending writes of one event loop."""

    def __init__(self) -> None:
        self._waiting: list[CoalescingTransport] = []

    def add(self, transport: CoalescingTransport) -> None:
        """Flush a transport at the end of this turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(transport)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            try:
                transport.flush()
            except Exception:  # the other transports must still be flushed
                log.exception("connection_failed")
                transport.abort()


class CoalescingTransport:
    """A transport whose writes wait. Any other use flushes them first and goes to the `real` one; only an abort drops them."""

    __slots__ = ("_coalescer", "_real", "_size", "_waiting", "_written", "is_closing")

    def __init__(self, real: asyncio.Transport, coalescer: WriteCoalescer) -> None:
        self._real = real
        self._coalescer = coalescer
        self._waiting: list[Any] | None = None
        self._size = self._written = 0
        self.is_closing = real.is_closing

    def write(self, data: Any) -> None:
        """As in asyncio."""
        if self._waiting is None:
            self._waiting = [data]
            self._coalescer.add(self)
        else:
            self._waiting.append(data)
        self._size += len(data)
        if self._size > MOST:
            self.flush()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """As in asyncio."""
        self.write(b"".join(list_of_data))

    def flush(self) -> None:
        """Write what waits; drop it if the connection is lost."""
        waiting, self._waiting = self._waiting, None
        size, self._size = self._size, 0
        if waiting is not None and not self.is_closing():
            self._written += size
            self._real.write(waiting[0] if len(waiting) == 1 else b"".join(waiting))

    def get_write_buffer_size(self) -> int:
        """As in asyncio, including what waits."""
        return self._size + self._real.get_write_buffer_size()

    def progress(self) -> tuple[int, int]:
        """Bytes that the kernel has taken, and bytes that it has not, because the peer does not read."""
        waiting = self._real.get_write_buffer_size()
        return self._written - waiting, waiting

    def abort(self) -> None:
        """As in asyncio."""
        self._real.abort()

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self._real, name)
