"""A WebSocket client on a plain socket, for attacks: it sends prebuilt bytes as fast as the kernel accepts them.

A client library would spend more time on each frame than the server does.
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field

TEXT, CONTINUATION, CLOSE, PING, PONG = 1, 0, 8, 9, 10
CLOSE_CODE = struct.Struct("!H")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """One masked frame (RFC 6455 section 5.2). The mask is zero, which leaves the payload as it is."""
    head = bytes([(0x80 if fin else 0) | opcode])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", size)
    return head + b"\0\0\0\0" + payload


@dataclass
class Outcome:
    """What happened to a connection. `code`: of the server's close frame, or None if it sent none."""

    sent: int = 0
    received: bytearray = field(default_factory=bytearray)
    code: int | None = None
    reason: str = ""
    ended: bool = False


class RawWebSocket:
    """An open WebSocket whose bytes are the caller's own. Blocking: use it in a thread."""

    def __init__(
        self,
        port: int,
        token: str,
        query: str = "",
        *,
        path: str = "/v1/ws",
        receive_buffer: int = 0,
        timeout: float = 30,
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            got = self.socket.recv(4096)
            if not got:
                break
            head += got
        self.head, _, self._early = head.partition(b"\r\n\r\n")
        self.status = int(self.head.split(b" ", 2)[1]) if self.head else 0

    def __enter__(self) -> RawWebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flood(self, blob: bytes, seconds: float, *, read: bool = True, once: bool = False) -> Outcome:
        """Send `blob` over and over (or `once`) for `seconds`, or until the server ends the connection.

        With `read`, also read responses, and wait for the server's close frame if there is one.
        """
        outcome = Outcome(received=bytearray(self._early))
        self.socket.setblocking(False)
        until = time.monotonic() + seconds
        view = memoryview(blob)
        at = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_WRITE | (selectors.EVENT_READ if read else 0))
            while (left := until - time.monotonic()) > 0 and not outcome.ended:
                for _, events in selector.select(min(left, 0.1)):
                    if events & selectors.EVENT_READ and not self._read(outcome):
                        break
                    if events & selectors.EVENT_WRITE:
                        try:
                            sent = self.socket.send(view[at:])
                        except OSError:
                            outcome.ended = True
                            break
                        outcome.sent += sent
                        at = (at + sent) % len(blob)
                        if once and not at:
                            selector.modify(self.socket, selectors.EVENT_READ)
        if read:
            self._find_close(outcome)
        return outcome

    def _read(self, outcome: Outcome) -> bool:
        """Read what the server sent. Returns whether to continue writing."""
        try:
            got = self.socket.recv(1 << 20)
        except BlockingIOError:
            return True
        except OSError:
            got = b""
        outcome.received += got
        if not got:
            outcome.ended = True
        elif len(outcome.received) < 1 << 16 or got[-256:].find(b"\x88") >= 0:
            self._find_close(outcome)
            outcome.ended = outcome.code is not None
        return not outcome.ended

    @staticmethod
    def _find_close(outcome: Outcome) -> None:
        for opcode, payload in frames(outcome.received):
            if opcode == CLOSE and len(payload) >= 2:
                outcome.code = CLOSE_CODE.unpack(payload[:2])[0]
                outcome.reason = payload[2:].decode()
                return


def frames(data: bytes | bytearray) -> list[tuple[int, bytes]]:
    """The complete frames of a server, as opcode and payload."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while len(data) - at >= 2:
        opcode, size, head = data[at] & 0xF, data[at + 1] & 0x7F, 2
        if size == 126:
            size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        elif size == 127:
            size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
        if len(data) < at + head + size:
            break
        found.append((opcode, bytes(data[at + head : at + head + size])))
        at += head + size
    return found
