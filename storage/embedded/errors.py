"""Errors of embedded servers: one sentence for the operator, and the last lines of the server's log."""

from __future__ import annotations


class ServerError(Exception):
    """An embedded server could not be started or stopped; `log` may be empty."""

    def __init__(self, sentence: str, log: str = "") -> None:
        super().__init__(f"{sentence}\n{log}" if log else sentence)
        self.sentence = sentence
        self.log = log


class FolderInUse(ServerError):
    """Another running server holds the data folder."""
