"""Errors of embedded servers: one sentence for the operator, and the last lines of the server's log."""

from __future__ import annotations

import re

_REASON = re.compile(r"FATAL|PANIC|ERROR|error|fatal|could not|cannot|not found|denied", re.ASCII)

_FULL = "No space left on device"


class ServerError(Exception):
    """An embedded server could not be started or stopped; `log` may be empty."""

    def __init__(self, sentence: str, log: str = "") -> None:
        super().__init__(f"{sentence}\n{log}" if log else sentence)
        self.sentence = sentence
        self.log = log

    def in_one_line(self) -> str:
        """One line: the sentence, and the reason that the server's log gives last, or what to do on a full disk."""
        if _FULL in self.log:
            what = "the disk is full; make room, or name a data folder on another disk with TERTULIA_DATA"
            return f"{self.sentence.rstrip('.')}: {what}"
        reasons = [line.strip() for line in self.log.splitlines() if _REASON.search(line)]
        return f"{self.sentence} It says: {reasons[-1]}" if reasons else self.sentence


class FolderInUse(ServerError):
    """Another running server holds the data folder."""
