"""Encodes and decodes everything that travels between actors: msgpack of core structs. The only codec module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from ...core.conversation.commands import Envelope, Outcome
from ...core.conversation.entries import Entry
from ...core.conversation.state import State
from ...core.errors import Overloaded
from .refusals import refusal
from .turns import Announce, TurnRequest, TurnResult

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


Run = Callable[[Sequence[Envelope], Announce | None], Awaitable[list[Outcome | None]]]


class _Addressed(msgspec.Struct, frozen=True, array_like=True):
    """As much of an envelope as every release agrees on."""

    id: str
    account_id: str


_decode_rows = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_addressed = msgspec.msgpack.Decoder(_Addressed).decode
_NEWER = refusal(
    Overloaded(
        "the conversation's host is of an earlier release, and does not know this command", retry_after=5
    )
)


async def run_batch(payload: bytes, run: Run, announce: Announce | None) -> bytes:
    """Run a batch of envelopes; their outcomes, in order. Raises MsgspecError if these are no envelopes of any release."""
    try:
        envelopes = decode_envelopes(payload)
    except msgspec.ValidationError:
        return await _run_readable(payload, run, announce)
    return encode(await run(envelopes, announce))


async def _run_readable(payload: bytes, run: Run, announce: Announce | None) -> bytes:
    """While a release is deployed, gateways may send what hosts do not know yet. It is refused, at no cost to the others of its batch."""
    readable: dict[int, Envelope] = {}
    rows = _decode_rows(payload)
    for place, row in enumerate(rows):
        try:
            readable[place] = decode_envelope(row)
        except msgspec.ValidationError:
            _decode_addressed(row)
    places = list(readable)
    outcomes: list[Outcome | None] = [_NEWER] * len(rows)

    def announce_in_place(number: int, begun: bool) -> None:
        assert announce is not None
        announce(places[number], begun)

    ran = await run(list(readable.values()), announce and announce_in_place)
    for place, outcome in zip(places, ran, strict=True):
        outcomes[place] = outcome
    return encode(outcomes)
