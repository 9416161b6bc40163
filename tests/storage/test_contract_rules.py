"""What hosts read of accounts, in memory and on Postgres: settings, with a version that rises with each change."""

from __future__ import annotations

from backends import Backend
from samples import uid


async def test_accounts_that_do_not_exist_are_left_out(backend: Backend) -> None:
    account, nobody = await backend.add_account(), uid()
    assert list(await backend.rules.load([account, nobody])) == [account]
    assert await backend.rules.load([]) == await backend.rules.versions([]) == {}
    assert (await backend.rules.versions([nobody])) == {nobody: 0}


async def test_a_change_raises_the_version_and_is_read_with_it(backend: Backend) -> None:
    changed, still = await backend.add_account(), await backend.add_account()
    before = await backend.rules.load([changed, still])
    assert await backend.rules.versions([changed, still]) == {a: r.version for a, r in before.items()}
    await backend.set_expiry(changed, hours=3)
    after = await backend.rules.load([changed, still])
    assert after[still] == before[still]
    assert after[changed].version > before[changed].version
    assert after[changed].settings.expiry_hours == 3 != before[changed].settings.expiry_hours
    assert await backend.rules.versions([changed, still]) == {a: r.version for a, r in after.items()}
