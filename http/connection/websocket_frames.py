"""The mask of a client's WebSocket frames (RFC 6455 section 5.1), which aiohttp's reader takes or leaves.

Owns nothing but where frames begin. All else that is wrong with a frame (reserved bits, unknown opcodes, control frames that are
long or in fragments) aiohttp's reader refuses itself; so a frame without a mask is replaced by one that it refuses, and the
connection fails with 1002 in the reader's own way, after everything that came before.
"""

from __future__ import annotations

from typing import Any, Final

_MASKED: Final = 0x80
_LENGTH: Final = 0x7F
_MORE: Final = {126: 2, 127: 8}
"""Bytes of the length that follow, by what the second byte says."""
_MASK_BYTES: Final = 4
_REFUSED: Final = b"\xf0\x80"
"""A frame with all reserved bits set, to no extension: 1002."""


class MaskedFrames:
    """Stands before the `reader` of one connection. `frames` counts the frames that began: of data, of control, every fragment."""

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
        if self._held:  # the first byte of a frame, which is its head so far
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
        """How much of `data` may go on: up to a frame whose mask bit has not come, or is not set."""
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
        """The head of a frame, once all of it is there."""
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
