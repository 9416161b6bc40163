"""Encodes and decodes everything that travels between actors: msgpack of core structs. The only codec module."""

from __future__ import annotations

import msgspec

from ...core.conversation.commands import Envelope, Outcome
from ...core.conversation.entries import Entry
from ...core.conversation.state import State
from .turns import TurnRequest, TurnResult

_encoder = msgspec.msgpack.Encoder()
encode = _encoder.encode

decode_envelopes = msgspec.msgpack.Decoder(list[Envelope]).decode
decode_outcomes = msgspec.msgpack.Decoder(list[Outcome]).decode
decode_entries = msgspec.msgpack.Decoder(list[Entry]).decode
decode_turn_results = msgspec.msgpack.Decoder(list[TurnResult]).decode
decode_turn_requests = msgspec.msgpack.Decoder(list[TurnRequest]).decode
decode_state = msgspec.msgpack.Decoder(State).decode
decode_names = msgspec.msgpack.Decoder(list[str]).decode
decode_envelope = msgspec.msgpack.Decoder(Envelope).decode
decode_outcome = msgspec.msgpack.Decoder(Outcome).decode
