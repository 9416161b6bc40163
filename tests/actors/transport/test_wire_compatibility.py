"""A deploy replaces processes one by one, so each release must understand the one before it, and be understood by it."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from rig import Rig
from samples import SERVICE, THREAD, received, to_thread
from wire_shape import LAST_RELEASE, Comparison, Shapes, shape

from tertulia.actors.transport import codec
from tertulia.core.conversation.commands import Done, Refused
from tertulia.core.conversation.entries import EntryData

WHOLE = "the last release writes every field that is needed: see `test_records_of_the_last_release_are_read_and_written_alike`"
NEW: dict[str, str] = {
    f"{where}.explain: map has become struct": WHOLE
    for where in (
        "commands[].Envelope.command:Assign.Assign",
        "commands[].Envelope.command:EndOffer.EndOffer",
        "commands[].Envelope.command:Offer.Offer",
        "entries[].Entry.data:assigned.Assigned",
        "entries[].Entry.data:offered.Offered",
    )
}
"""What one of the two releases cannot read, and why it never meets it while both are at work."""
REFUSED_ALONE = re.compile(r"(queries|commands\[\]\.Envelope\.command): the last release cannot read \w+")
"""Whoever does not know a command or a query refuses it with 503, and nothing else."""


def test_this_release_and_the_last_one_understand_each_other() -> None:
    last, this = json.loads(LAST_RELEASE.read_text()), json.loads(json.dumps(shape()))
    faults = [f for f in Comparison(last, this).faults() if not REFUSED_ALONE.fullmatch(f)]
    assert [fault for fault in faults if fault not in NEW] == [], (
        "read it in one release, and write it in the next"
    )
    assert NEW.keys() <= set(faults), "an exception that is no longer needed"


def test_frames_keep_their_numbers() -> None:
    last, this = json.loads(LAST_RELEASE.read_text()), shape()
    assert this["frames"].items() >= last["frames"].items()
    assert this["handshake"] == last["handshake"], "a peer with another version is refused"


# -- the checker sees each kind of change


def places(**fields: Any) -> type[msgspec.Struct]:
    return msgspec.defstruct("Row", list(fields.items()), array_like=True, tag="Row")


def names(*fields: Any, **options: Any) -> type[msgspec.Struct]:
    return msgspec.defstruct("Named", fields, tag_field="kind", tag="named", **options)


def other() -> type[msgspec.Struct]:
    return msgspec.defstruct("Other", [], array_like=True, tag="Other")


ROW = places(a=int, b=str)
NAMED = names(("a", int), ("b", str, ""))
CHANGES = {
    "a field appended, which may be left out": (
        ROW,
        msgspec.defstruct("Row", [("a", int), ("b", str), ("c", int, 0)], array_like=True, tag="Row"),
        None,
    ),
    "a place renamed": (ROW, places(a=int, z=str), None),
    "a needed field appended": (ROW, places(a=int, b=str, c=int), "needed"),
    "a place gone": (ROW, places(a=int), "places"),
    "places exchanged": (ROW, places(b=str, a=int), "has become"),
    "another type": (NAMED, names(("a", str), ("b", str, "")), "int has become str"),
    "a name that may be left out, added": (NAMED, names(("a", int), ("b", str, ""), ("c", int, 0)), None),
    "a name that was needed, gone": (NAMED, names(("b", str, "")), "gone"),
    "a name that was not needed, gone": (NAMED, names(("a", int)), None),
    "a name that was needed, and may be left out": (
        NAMED,
        names(("a", int, 0), ("b", str, "")),
        "may be left out",
    ),
    "a name added that is refused": (
        names(("a", int), forbid_unknown_fields=True),
        names(("a", int), ("c", int, 0), forbid_unknown_fields=True),
        "refused",
    ),
    "a map whose keys have names and types now": (
        dict[str, Any],
        msgspec.defstruct("Values", [("a", int | msgspec.UnsetType, msgspec.UNSET)]),
        None,
    ),
    "a map, one of whose keys is needed now": (
        dict[str, Any],
        msgspec.defstruct("Values", [("a", int)]),
        "has become",
    ),
    "a map or nothing, with names and types now": (
        dict[str, Any] | None,
        msgspec.defstruct("Values", [("a", int | msgspec.UnsetType, msgspec.UNSET)]) | None,
        None,
    ),
    "a map or nothing, one of whose keys is needed now": (
        dict[str, Any] | None,
        msgspec.defstruct("Values", [("a", int)]) | None,
        "has become",
    ),
    "another tag": (ROW, msgspec.defstruct("Row", [("a", int), ("b", str)], array_like=True, tag="R"), "tag"),
    "one more of a union": (ROW | None, ROW | other() | None, "cannot read Other"),
    "one less of a union": (ROW | other(), ROW, "has become"),
    "deep inside": (dict[str, list[ROW]], dict[str, list[places(a=int)]], "places"),  # type: ignore[valid-type,misc]
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_checker_sees(change: str) -> None:
    last, this, fault = CHANGES[change]
    found = Comparison(Shapes().of({"it": last}), Shapes().of({"it": this})).faults()
    assert Comparison(Shapes().of({"it": last}), Shapes().of({"it": last})).faults() == []
    if fault is None:
        assert found == []
    else:
        assert found and any(fault in line for line in found), found


def test_the_checker_sees_a_shape_that_is_gone() -> None:
    assert Comparison(Shapes().of({"it": ROW}), Shapes().of({})).faults() == ["it: gone"]


# -- what the last release stored and sends


@pytest.mark.parametrize(
    "data",
    [
        """{"kind":"assigned","assignment_id":"a","agent_id":"ana","by":"routing","explain":{"at":5,"conversation_id":"c","need":
        {"channel_type":"webchat","topics":["billing"],"language":null,"teams":[]},"strategy":"least_busy","roster":"d1",
        "passed":{"full":"2"},"sticky":"ana","ranked":[[0,1,5,3,0]],"chosen":"ana"}}""",
        """{"kind":"updated","changes":{"labels":["x"],"subject":null,"metadata":{"a":[1e300]},"strategy":"round_robin"}}""",
    ],
)
def test_records_of_the_last_release_are_read_and_written_alike(data: str) -> None:
    for codec_ in (msgspec.json, msgspec.msgpack):
        sent = codec_.encode(msgspec.json.decode(data))
        read = codec_.decode(sent, type=EntryData)
        assert codec_.decode(codec_.encode(read)) == msgspec.json.decode(data)


# -- what a later release sends


async def test_a_command_of_a_later_release_is_refused_alone() -> None:
    rig = Rig()
    known = [msgspec.to_builtins(to_thread(received(text), THREAD, SERVICE)) for text in ("before", "after")]
    unknown = [known[0][0] + "x", *known[0][1:3], ["Levitate", 3], *known[0][4:]]
    announced: list[tuple[int, bool]] = []
    answer = await rig.host.submit(
        msgspec.msgpack.encode([known[0], unknown, known[1]]), lambda *turn: announced.append(turn)
    )
    first, refused, last = codec.decode_outcomes(answer)
    assert isinstance(first, Done) and isinstance(last, Done)
    assert (
        isinstance(refused, Refused) and refused.code == "overloaded" and "earlier release" in refused.detail
    )
    assert {place for place, _ in announced} <= {0, 2}
    assert rig.messages() == ["before", "after"]
    await rig.stop()


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", msgspec.msgpack.encode([3]), msgspec.msgpack.encode([["id"]])]
)
async def test_what_no_release_sends_is_not_answered(payload: bytes) -> None:
    rig = Rig()
    with pytest.raises(msgspec.MsgspecError):
        await rig.host.submit(payload)
    await rig.stop()
