"""Reads Server-Sent Events (the HTML standard, section 9.2.6) as the server sends them. Pure.

A parser of our own, since servers may say why a stream ends in a last comment, `: closed 1013 …`, and libraries drop comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .connections import Closed, NotAnEvent
from .resume import MAX_EVENT

_CLOSED = re.compile(rb": closed (\d{4}) ?(.{0,200})")


class SseParser:
    """Holds the bytes of the event that is not complete yet, at most MAX_EVENT."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of each event that is complete now. Raises Closed at the server's last comment, and NotAnEvent."""
        self._rest += piece
        for line in self._lines() if b"\n" in piece else ():
            if line.startswith(b":"):
                if found := _CLOSED.match(line):
                    raise Closed(int(found[1]), found[2].decode(errors="replace"))
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._size += len(line)
            elif not line and self._data:
                data, self._data, self._size = b"\n".join(self._data), [], 0
                yield data
        if self._size + len(self._rest) > MAX_EVENT:
            raise NotAnEvent(f"an event has more than {MAX_EVENT} bytes")

    def _lines(self) -> list[bytes]:
        """The complete lines, taken out of the rest."""
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return [line.removesuffix(b"\r") for line in lines]
