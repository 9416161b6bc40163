"""The list of commands that were set aside, in memory and on Postgres."""

from __future__ import annotations

from backends import Backend
from samples import answered, conversation_id, to_conversation, uid

from tertulia.core.conversation.poison import MAX_LISTED, set_aside


async def test_what_was_set_aside_is_listed_once(backend: Backend) -> None:
    account = await backend.add_account()
    envelope = to_conversation(answered("poison \0", key="k"), conversation_id(), account=account)
    command = set_aside(envelope)
    for _ in range(2):
        await backend.poison.add(command)
    mine = [list(digests) for listed, digests in await backend.poison.listed() if listed == account]
    assert mine == [list(command.digests)] and len(command.digests) == 2


async def test_commands_of_a_deleted_account_are_not_recorded(backend: Backend) -> None:
    await backend.poison.add(set_aside(to_conversation(answered("x"), conversation_id(), account=uid())))


async def test_the_newest_commands_are_listed(backend: Backend) -> None:
    account = await backend.add_account()
    commands = [
        set_aside(to_conversation(answered(f"{n}"), conversation_id(), account=account))
        for n in range(MAX_LISTED + 5)
    ]
    for command in commands:
        await backend.poison.add(command)
    listed = [tuple(digests) for _, digests in await backend.poison.listed()]
    assert sorted(listed) == sorted(command.digests for command in commands[5:])
