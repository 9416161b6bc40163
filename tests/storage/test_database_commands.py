"""`tertulia db …` and `tertulia bootstrap` on a real server: what they make, what they refuse, what they leave."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from click.testing import Result
from samples import uid
from typer.testing import CliRunner

from tertulia.command_line.app import app
from tertulia.command_line.bootstrap import read_variables, write_variables
from tertulia.storage.postgres import databases, migrate

NEWEST = migrate.read_migrations()[-1].name
ID, SECRET = "CONVERSATION_SERVICE_CLIENT_ID", "CONVERSATION_SERVICE_CLIENT_SECRET"


class Commands:
    """The command line with one database and one environment file, in a thread: it runs a loop of its own."""

    def __init__(self, url: str, file: Path) -> None:
        self.url, self.file = url, file

    async def run(self, *arguments: str, **environment: str) -> Result:
        given = {"DATABASE_URL": self.url, ID: None, SECRET: None, **environment}
        return await asyncio.to_thread(CliRunner().invoke, app, arguments, env=given)

    async def done(self, *arguments: str, **environment: str) -> str:
        result = await self.run(*arguments, **environment)
        assert result.exit_code == 0, result.output
        return result.stdout

    async def refused(self, *arguments: str, **environment: str) -> str:
        result = await self.run(*arguments, **environment)
        assert result.exit_code == 2, result.output
        return result.stderr


@pytest.fixture
def commands(postgres_url: str, tmp_path: Path) -> Commands:
    """Of a database that does not exist yet, whose name needs quotes."""
    return Commands(postgres_url.replace("/postgres?", f"/own%20{uid()}?"), tmp_path / ".env.dev")


async def clients(url: str) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(url)
    try:
        return [
            tuple(row) for row in await connection.fetch("SELECT account_id::text, id::text FROM api_clients")
        ]
    finally:
        await connection.close()


async def test_the_life_of_a_database(commands: Commands) -> None:
    file = ("--env-file", str(commands.file))
    assert "does not exist" in await commands.refused("db", "verify")
    commands.file.write_text("# of the service\nLANGFLOW_FLOW_ID=helper\n")
    made = await commands.done("db", "init", *file)
    assert made.startswith("created database own ") and NEWEST in made
    known = read_variables(commands.file)
    assert known["LANGFLOW_FLOW_ID"] == "helper" and commands.file.stat().st_mode & 0o777 == 0o600
    assert known[SECRET] not in made
    (client,) = await clients(commands.url)
    assert client == (known["CONVERSATION_SERVICE_ACCOUNT_ID"], known[ID])

    before = commands.file.read_bytes()
    again = await commands.done("db", "init", *file)
    assert "up to date" in again and "unchanged" in again
    assert await clients(commands.url) == [client] and commands.file.read_bytes() == before
    await _other_clients(commands, client)
    await _down_and_up(commands)

    assert "--yes" in await commands.refused("db", "recreate", *file)
    assert client in await clients(commands.url), "nothing is deleted before somebody agrees"
    await commands.done("db", "recreate", "--yes", *file)
    (fresh,) = await clients(commands.url)
    assert fresh[0] == client[0] and fresh[1] != client[1], "the account of the file, with a new client"
    await _deleted(commands)


async def _other_clients(commands: Commands, client: tuple[str, str]) -> None:
    """A secret that is not the client's is replaced; an account must be named where there are several."""
    other = commands.file.with_name("other.env")
    write_variables(other, {ID: client[1], SECRET: "x" * 43})
    assert "its secret is in" in await commands.done("bootstrap", "--env-file", str(other))
    assert read_variables(other)[ID] != client[1]
    await commands.done("account", "create", "Second")
    assert "several accounts" in await commands.refused("bootstrap", "--env-file", str(other) + ".none")
    named = ("bootstrap", "--account", client[0], "--env-file", str(other))
    assert "unchanged" in await commands.done(*named)
    known = read_variables(other)
    assert "unchanged" in await commands.done(*named[:3], **{ID: known[ID], SECRET: known[SECRET]})
    assert "must be a UUID" in await commands.refused("bootstrap", "--account", "main")


async def _down_and_up(commands: Commands) -> None:
    undoable = sorted(file.stem for file in (migrate.FOLDER / "undo").glob("*.sql"))
    connection = await asyncpg.connect(commands.url)
    assert "stop the servers first" in await commands.refused("db", "downgrade")
    await connection.close()
    names = [m.name for m in migrate.read_migrations()]
    steps = next(n for n, name in enumerate(reversed(names)) if name not in undoable)
    refused = await commands.refused("db", "downgrade", "-s", str(steps + 1))
    assert f"{names[-steps - 1]} cannot be undone" in refused and "restore a backup" in refused
    assert await commands.done("db", "verify") == "up to date\n", "all or none"
    assert await commands.done("db", "downgrade", "-s", str(steps)) == "".join(
        f"undid {n}\n" for n in reversed(names[-steps:])
    )
    assert (await commands.refused("db", "verify")).endswith("run `tertulia db upgrade`\n")
    assert (await commands.done("db", "upgrade")).split() == names[-steps:]
    assert "has only" in await commands.refused("db", "downgrade", "-s", "9999")


async def _deleted(commands: Commands) -> None:
    assert "--yes" in await commands.refused("db", "delete-db")
    connection = await asyncpg.connect(commands.url)
    assert "is in use: stop the servers first" in await commands.refused("db", "delete-db", "--yes")
    await connection.close()
    assert (await commands.done("db", "delete-db", "--yes")).startswith("deleted database own ")
    assert (await commands.done("db", "delete-db", "-y")).startswith("there is no database own ")
    own = commands.url.replace(databases.name_of(commands.url).replace(" ", "%20"), "postgres")
    assert "stays" in await commands.refused("db", "delete-db", "--yes", DATABASE_URL=own)


async def test_every_undo_belongs_to_a_migration() -> None:
    names = {m.name for m in migrate.read_migrations()}
    assert {file.stem for file in (migrate.FOLDER / "undo").glob("*.sql")} <= names


async def test_create_migration(tmp_path: Path) -> None:
    (tmp_path / "0007_first.sql").write_text("SELECT 1;")
    path = migrate.create_migration("Add new columns!\n", tmp_path)
    assert path.name == "0008_add_new_columns.sql" and path.read_text() == "-- Add new columns!\n\n"
    assert [m.number for m in migrate.read_migrations(tmp_path)] == [7, 8]
    result = await asyncio.to_thread(CliRunner().invoke, app, ["db", "create-migration", "-m", "…"])
    assert result.exit_code == 2 and "needs letters" in result.stderr


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://u:p@db:5432/chat", "chat"),
        ("postgresql://u@db/a%20b?host=x", "a b"),
        ("postgresql://db?dbname=chat", "chat"),
        ("postgresql://own%20er@db", "own er"),
        ("postgresql:///?user=me&host=/run", "me"),
    ],
)
def test_the_database_of_a_url(url: str, name: str) -> None:
    assert databases.name_of(url) == name


def test_an_environment_file_keeps_its_other_lines(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# a comment\n\nexport A='1'\nB=2\nA=3\nnot a variable\n")
    write_variables(file, {"A": "4", "C": "5"})
    assert file.read_text() == "# a comment\n\nA=4\nB=2\nnot a variable\nC=5\n"
    assert read_variables(file) == {"A": "4", "B": "2", "C": "5"} and read_variables(tmp_path / "none") == {}
    link = tmp_path / "link"
    link.symlink_to(file)
    write_variables(link, {"A": "6"})
    assert link.is_symlink() and read_variables(file)["A"] == "6"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["env", "link"], "nothing is left over"
