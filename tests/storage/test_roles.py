"""What a session of the server can reach with any SQL: on the embedded Postgres, and on a managed one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from backends import PostgresBackend, everything, thread
from managed import OWNER, Managed, managed
from samples import Scribe, received, to_thread, uid

from tertulia.core.conversation.entries import Actor
from tertulia.core.errors import Overloaded
from tertulia.core.views.inbox import InboxFilter, Sort
from tertulia.storage.postgres import migrate, roles
from tertulia.storage.postgres.accounts.clients import PostgresClients
from tertulia.storage.postgres.conversations.inbox import PostgresInbox
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.migrate import make_months
from tertulia.storage.postgres.roles import APP_ROLE, SYSTEM_ROLE, RolesError

pytestmark = pytest.mark.server  # by a fixture that asks for others by name

NOBODYS = {
    "schema_migrations",
    "hosts",
    "partitions",
    "pins",
    "supervisors",
    "dispatchers",
    "processes",
    "drained_nodes",
}
"""Tables that hold nothing of an account."""

GRANTS = {
    "account_feeds": {"SELECT"},
    "account_retimings": {"SELECT", "INSERT", "UPDATE"},
    "account_rule_changes": {"SELECT"},
    "accounts": {"SELECT"},
    "agent_preferences": {"SELECT", "INSERT", "UPDATE"},
    "agents": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "api_clients": {"INSERT", "DELETE"},
    "article_chunks": {"SELECT", "INSERT", "DELETE"},
    "article_versions": {"SELECT", "INSERT", "DELETE"},
    "articles": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "assistant_runs": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "attachments": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "audit_log": {"SELECT", "INSERT"},
    "bot_rules": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "canned_responses": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "channels": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "contact_identifiers": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "contacts": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "conversation_recency": {"SELECT"},
    "conversation_sessions": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "conversations": {"SELECT"},
    "drafts": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "early_receipts": {"SELECT", "INSERT", "UPDATE"},
    "entries": {"SELECT"},
    "event_deliveries": {"SELECT", "UPDATE"},
    "event_webhooks": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "inbound_failures": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "model_calls": {"SELECT"},
    "model_usage": {"SELECT"},
    "outbox": {"SELECT", "UPDATE"},
    "outbox_ids": {"SELECT", "DELETE"},
    "report_conversations": {"SELECT"},
    "report_counts": {"SELECT"},
    "routing_entries": {"SELECT"},
    "routing_rosters": {"SELECT"},
    "suggestion_cursors": {"SELECT", "INSERT", "DELETE"},
    "suggestion_jobs": {"SELECT", "DELETE"},
    "suggestions": {"SELECT", "UPDATE"},
    "team_members": {"SELECT", "INSERT", "DELETE"},
    "teams": {"SELECT", "INSERT", "UPDATE", "DELETE"},
}
"""What API requests may do to whole tables. Parts of a month, and every other table: nothing."""
COLUMNS = {("accounts", "UPDATE"): {"name", "settings", "updated_at"}} | {
    ("api_clients", "SELECT"): {"id", "account_id", "name", "created_at", "last_used_at"}
}
FUNCTIONS = {"current_account", "inbox_page", "contacts_matching", "delivery_rank", "receipt_key"} | {
    "search_key",
    "search_fold_unicode",
    "lock_receipts",
    "receive_receipts",
    "lock_attachment_bytes",
    "desk_search",
    "vector_signs",
    "wants_assistance",
}

ESCAPES = (
    "RESET ROLE",
    "SET ROLE NONE",
    "RESET ALL",
    "DISCARD ALL",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET row_security = off",
    f"SET ROLE {SYSTEM_ROLE}",
    f"SET SESSION AUTHORIZATION {SYSTEM_ROLE}",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "ALTER ROLE tertulia_app BYPASSRLS",
    "GRANT {owner} TO tertulia_app",
    "GRANT tertulia_system TO tertulia_app",
    "ALTER TABLE conversations NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE conversations DISABLE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON conversations USING (true)",
    "CREATE FUNCTION public.current_account() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
    "SELECT make_entries_partition('entries_2099_01', gen_random_uuid(), gen_random_uuid())",
    "SELECT tidy_search_indexes()",
    "SELECT * FROM entries_other",
    "SELECT secret_hash FROM api_clients",
    "COPY conversations TO '/tmp/conversations'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
)


@pytest.fixture(scope="session")
async def managed_postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Managed]:
    async with managed(tmp_path_factory.mktemp("managed")) as server:
        await migrate.upgrade(server.url)
        yield server


@pytest.fixture(params=["embedded", "managed"])
def url(request: pytest.FixtureRequest) -> str:
    """The owner's URL at a server with every migration applied."""
    if request.param == "embedded":
        return request.getfixturevalue("postgres_url")
    return request.getfixturevalue("managed_postgres").url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = await Database.connect(url, system=4, app=1, read_timeout=0.5, expensive_timeout=1.0)
    yield database
    await database.close()


@pytest.fixture
async def owner(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


@pytest.fixture
async def account(database: Database, url: str) -> str:
    """An account with one conversation of one message, "hello"."""
    backend = PostgresBackend(database, url)
    key, scribe = await thread(backend), Scribe()
    await backend.journal.commit([scribe.write(to_thread(received("hello"), key))], await backend.epochs())
    return key.account_id


async def rows(connection: Any) -> list[str]:
    """Whose conversations a session sees."""
    return [r[0] for r in await connection.fetch("SELECT account_id::text FROM conversations")]


async def test_every_table_of_accounts_is_behind_row_level_security(owner: asyncpg.Connection) -> None:
    found = await owner.fetch(
        "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition,"
        " (SELECT array_agg(p.polname::text || ' ' || (SELECT string_agg(r::regrole::text, ',')"
        "    FROM unnest(p.polroles) r) ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,"
        " EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'account_id') AS of_account"
        " FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
    )
    tables = {row["relname"]: row for row in found}
    assert tables.keys() >= GRANTS.keys() | NOBODYS
    for name, row in tables.items():
        if name in NOBODYS:
            continue
        assert row["relrowsecurity"] and row["relforcerowsecurity"], name
        wanted = [f"system_work {SYSTEM_ROLE}"]
        if name == "accounts" or (row["of_account"] and not row["relispartition"]):
            wanted.insert(0, f"own_account {APP_ROLE}")
        assert row["policies"] == wanted, name


async def test_a_session_of_requests_is_given_what_it_needs_and_no_more(owner: asyncpg.Connection) -> None:
    found = await owner.fetch(
        "SELECT c.relname, p.privilege FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE',"
        " 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (privilege)"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')"
        f" AND has_table_privilege('{APP_ROLE}', c.oid, p.privilege)"
    )
    grants: dict[str, set[str]] = {}
    for table, privilege in found:
        grants.setdefault(table, set()).add(privilege)
    assert grants == GRANTS
    columns = await owner.fetch(
        "SELECT table_name, privilege_type, array_agg(column_name::text) FROM information_schema.column_privileges"
        f" WHERE grantee = '{APP_ROLE}' AND table_schema = 'public' GROUP BY 1, 2"
    )
    by_column = {(t, p): set(names) for t, p, names in columns if p not in GRANTS.get(t, set())}
    assert by_column == COLUMNS
    functions = await owner.fetch(
        "SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace"
        f" AND has_function_privilege('{APP_ROLE}', p.oid, 'EXECUTE')"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
    )
    assert {row[0] for row in functions} == FUNCTIONS


async def test_public_may_run_no_security_definer_function(owner: asyncpg.Connection) -> None:
    public = await owner.fetch(
        "SELECT p.oid::regprocedure::text FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
        " WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND a.grantee = 0"
    )
    assert public == []


@pytest.mark.parametrize("role", [APP_ROLE, SYSTEM_ROLE])
async def test_the_server_logs_in_as_its_two_roles(
    database: Database, owner: asyncpg.Connection, role: str
) -> None:
    session = database.account(uid()) if role == APP_ROLE else database.system()
    async with session as connection:
        assert await connection.fetchval("SELECT session_user") == role
    row = await owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
    assert row is not None and row["rolcanlogin"]
    assert not any(
        row[f"rol{right}"] for right in ("super", "bypassrls", "createrole", "createdb", "replication")
    )
    reach = "SELECT rolname FROM pg_roles WHERE pg_has_role($1, oid, 'MEMBER') AND rolname <> $1"
    assert await owner.fetch(reach, role) == []


@pytest.mark.parametrize("kind", ["account", "expensive"])
async def test_without_an_account_a_session_sees_nothing(database: Database, account: str, kind: str) -> None:
    async with getattr(database, kind)(account) as connection:
        assert await rows(connection) == [account]
        await connection.execute("RESET tertulia.account")
        assert await rows(connection) == []
    async with getattr(database, kind)(uid()) as connection:  # the same one: the pool has no other
        assert await rows(connection) == []
    async with getattr(database, kind)(account) as connection:
        assert await rows(connection) == [account]


@pytest.mark.parametrize("escape", ESCAPES)
async def test_no_statement_escapes_the_role(
    url: str, account: str, owner: asyncpg.Connection, escape: str
) -> None:
    whole = await owner.fetchval("SELECT session_user")
    login = roles.login(url, APP_ROLE)
    session = await asyncpg.connect(login.url, **login.options)
    try:
        await session.execute("SELECT set_config('tertulia.account', $1, false)", uid())
        try:
            await session.execute(escape.format(owner=whole))
        except asyncpg.PostgresError as error:
            assert isinstance(
                error, (asyncpg.InsufficientPrivilegeError, asyncpg.ActiveSQLTransactionError)
            ), repr(error)
        assert await session.fetchval("SELECT current_user") == APP_ROLE
        try:
            assert await rows(session) == []
            assert await session.fetchval("SELECT count(*) FROM entries") == 0
        except asyncpg.InsufficientPrivilegeError as error:
            assert "row-level security" in str(
                error
            )  # row_security = off: an error where rows would be left out
    finally:
        await session.close()


async def test_the_server_works_for_an_owner_who_is_no_superuser(
    managed_postgres: Managed, scribe: Scribe
) -> None:
    """Journal, search, upkeep, and deletions whose triggers run as the owner."""
    database = await Database.connect(managed_postgres.url, system=2, app=1)
    try:
        backend = PostgresBackend(database, managed_postgres.url)
        key = await thread(backend)
        await backend.journal.commit(
            [scribe.write(to_thread(received("a green parrot"), key))], await backend.epochs()
        )
        assert len(await everything(backend, key.account_id)) == 2
        async with database.system() as connection:
            await connection.execute("SELECT tidy_search_indexes()")
            await make_months(connection)
        sort = Sort.parse("last_message_at:desc")
        page = await PostgresInbox(database).page(
            key.account_id, InboxFilter(q="parrot"), sort, after=None, limit=5
        )
        assert len(page.items) == 1
        clients, client, by = PostgresClients(database), uid(), Actor("agent", "ana")
        await clients.create(key.account_id, client, "x", b"hash", by)
        assert await clients.used(client)
        assert await clients.delete(key.account_id, client, by)
        assert client in [c for c, _ in await clients.revoked(None)]
        assert not await clients.used(client)
    finally:
        await database.close()


async def test_the_months_that_a_server_makes_are_behind_it_too(
    database: Database, owner: asyncpg.Connection
) -> None:
    name = f"entries_{2040 + abs(hash(await owner.fetchval('SELECT session_user'))) % 50}_01"
    async with database.system() as connection:
        low, high = "7fffffff-0000-7000-8000-000000000000", "7fffffff-ffff-7000-8000-000000000000"
        await connection.execute(
            "SELECT make_entries_partition($1, $2::text::uuid, $3::text::uuid)", name, low, high
        )
        with pytest.raises(asyncpg.RaiseError):
            await connection.execute(
                "SELECT make_entries_partition('accounts', $1::text::uuid, $2::text::uuid)", low, high
            )
    try:
        secured = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = $1"
        assert await owner.fetchval(secured, name)
    finally:
        await owner.execute(f"DROP TABLE {name}")


async def test_a_new_password_of_the_owner_is_followed(managed_postgres: Managed) -> None:
    await managed_postgres.superuser.execute(f"ALTER ROLE {OWNER} PASSWORD 'another'")
    try:
        renewed = managed_postgres.of(OWNER, "another")
        await migrate.upgrade(renewed)
        for role in (APP_ROLE, SYSTEM_ROLE):
            await roles.check(roles.login(renewed, role), role)
            with pytest.raises(asyncpg.InvalidPasswordError):
                await roles.check(roles.login(managed_postgres.url, role), role)
    finally:
        await managed_postgres.superuser.execute(f"ALTER ROLE {OWNER} PASSWORD 'p@ss:w/rd'")
        await migrate.upgrade(managed_postgres.url)


@pytest.mark.parametrize(
    ("making", "said"),
    [
        ("SUPERUSER", "could leave row-level security"),
        (f"BYPASSRLS IN ROLE {APP_ROLE}", "could leave row-level security"),
        (f"IN ROLE {APP_ROLE}, {SYSTEM_ROLE}", SYSTEM_ROLE),
        (f"IN ROLE {APP_ROLE}, {OWNER}", OWNER),
        (f"IN ROLE {APP_ROLE}, pg_read_all_data", "pg_read_all_data"),
        ("", f"lacks the rights of {APP_ROLE}"),
    ],
)
async def test_a_login_with_too_many_rights_or_too_few_is_refused(
    managed_postgres: Managed, making: str, said: str
) -> None:
    user = "u" + uid().replace("-", "")
    await managed_postgres.superuser.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'x' {making}")
    try:
        with pytest.raises(RolesError, match=said):
            await migrate.upgrade(managed_postgres.url, app_url=managed_postgres.of(user, "x"))
    finally:
        await managed_postgres.superuser.execute(f"DROP ROLE {user}")


async def test_an_operators_own_logins_are_used(managed_postgres: Managed) -> None:
    suffix = uid().replace("-", "")
    users = {APP_ROLE: f"a{suffix}", SYSTEM_ROLE: f"s{suffix}"}
    for role, user in users.items():
        await managed_postgres.superuser.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'x' IN ROLE {role}")
    urls = {
        "app_url": managed_postgres.of(users[APP_ROLE], "x"),
        "system_url": managed_postgres.of(users[SYSTEM_ROLE], "x"),
    }
    await migrate.upgrade(managed_postgres.url, **urls)  # type: ignore[arg-type]
    database = await Database.connect(managed_postgres.url, system=1, app=1, **urls)  # type: ignore[arg-type]
    try:
        key = await thread(PostgresBackend(database, managed_postgres.url))
        async with database.account(key.account_id) as connection:
            assert await connection.fetchval("SELECT session_user") == users[APP_ROLE]
            assert await connection.fetchval("SELECT count(*) FROM accounts") == 1
        async with database.system() as connection:
            assert await connection.fetchval("SELECT session_user") == users[SYSTEM_ROLE]
    finally:
        await database.close()
        for user in users.values():
            await managed_postgres.superuser.execute(f"DROP ROLE {user}")


async def test_an_owner_who_may_not_alter_roles_gets_instructions(managed_postgres: Managed) -> None:
    """The owner lost CREATEROLE, and the role its password: nobody falls back to the owner's connection."""
    superuser = managed_postgres.superuser
    await superuser.execute(f"ALTER ROLE {APP_ROLE} NOLOGIN; ALTER ROLE {OWNER} NOCREATEROLE")
    try:
        with pytest.raises(RolesError, match="TERTULIA_APP_DATABASE_URL"):
            await migrate.upgrade(managed_postgres.url)
    finally:
        await superuser.execute(f"ALTER ROLE {OWNER} CREATEROLE")
        await migrate.upgrade(managed_postgres.url)


async def test_a_statement_that_takes_too_long_is_ended(database: Database, account: str) -> None:
    for kind in ("account", "expensive"):
        with pytest.raises(Overloaded, match="too long") as refused:
            async with getattr(database, kind)(account) as connection:
                await connection.execute("SELECT pg_sleep(30)")
        assert refused.value.retry_after
        async with getattr(database, kind)(account) as connection:
            assert await rows(connection) == [account]


async def test_a_request_waits_for_a_lock_in_bounds(
    database: Database, account: str, owner: asyncpg.Connection
) -> None:
    async with owner.transaction():
        await owner.execute("SELECT 1 FROM accounts WHERE id = $1::text::uuid FOR UPDATE", account)
        with pytest.raises(Overloaded):
            async with database.account(account) as connection:
                await connection.execute("UPDATE accounts SET name = 'x' WHERE id = $1::text::uuid", account)


async def test_a_cheap_read_does_not_wait_for_expensive_ones(database: Database, account: str) -> None:
    """All connections for expensive reads are taken; one for cheap reads is free."""
    entered, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.expensive(account):
            entered.set()
            await leave.wait()

    held = asyncio.create_task(hold())
    await entered.wait()
    async with asyncio.timeout(30), database.account(account) as connection:
        assert await rows(connection) == [account]
    leave.set()
    await held
