"""Requires clients to mask WebSocket frames (RFC 6455 section 5.1), which aiohttp's reader does not.

It only finds where frames begin. aiohttp's reader refuses all other faults of frames (reserved bits, unknown opcodes, long or fragmented
control frames); so an unmasked frame is replaced by one that the reader refuses, and the connection fails with 1002 after
everything that came before.
"""

from __future__ import annotations

from typing import Any, Final

_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_MORE: Final = {126: 2, 127: 8}
"""Value of the second byte → bytes of extended length that follow."""
_MASK_BYTES: Final = 4
_REFUSED: Final = b"\xf0\x80"
"""A frame with all reserved bits set, without an extension that would define them: 1002."""


class MaskedFrames:
    """Wraps the `reader` of one connection. `frames` counts frames that began: data and control frames, every fragment."""

    __slots__ = ("_failed", "_head", "_held", "_reader", "_skip", "_wanted", "frames")

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._head = b""
        self._wanted = 2
        self._skip = 0
        self._held = b""
        self._failed = False
        self.frames = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """As in aiohttp."""
        if self._failed:
            return True, b""
        if self._held:  # the first byte of a frame header
            data, self._head = self._held + data, b""
        good = self._good(data)
        passed, self._held = bytes(data[:good]), b""
        if self._failed:
            passed += _REFUSED
        else:
            self._held = bytes(data[good:])
        return self._reader.feed_data(passed) if passed else (False, b"")

    def feed_eof(self) -> None:
        """As in aiohttp."""
        self._reader.feed_eof()

    def _good(self, data: bytes) -> int:
        """The number of bytes of `data` that may be passed on: up to a frame whose mask bit is unset, or has not arrived."""
        at, size, began = 0, len(data), 0
        while at < size:
            if self._skip:
                step = min(self._skip, size - at)
                self._skip -= step
                at += step
                continue
            if not self._head:
                began = at
            piece = data[at : at + self._wanted - len(self._head)]
            self._head += piece
            at += len(piece)
            if len(self._head) == 2 and self._wanted == 2 and not self._head[1] & _MASKED:
                self._failed = True
                return began
            self._frame()
        return began if len(self._head) == 1 else size

    def _frame(self) -> None:
        """Process the header of a frame once it is complete."""
        head = self._head
        if len(head) < self._wanted:
            return
        flag = head[1] & _LENGTH
        if self._wanted == 2 and flag in _MORE:
            self._wanted += _MORE[flag]
            return
        self._skip = (int.from_bytes(head[2:]) if flag in _MORE else flag) + _MASK_BYTES
        self._head, self._wanted = b"", 2
        self.frames += 1
