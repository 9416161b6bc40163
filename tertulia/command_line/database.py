"""`tertulia db`: the schema of the database, and the database itself.

What destroys data asks first, or needs --yes. What creates or destroys needs DATABASE_URL: `tertulia serve` looks after its embedded
database itself.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .bootstrap import ENV_FILE, bootstrap
from .common import database_url, fail, read_settings, say
from .database_access import own_database_url, run, with_database

db = typer.Typer(help="Manage the database of DATABASE_URL and its schema.", no_args_is_help=True)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask whether to delete the database")]
NoBootstrap = Annotated[
    bool, typer.Option("--no-bootstrap", help="create no API client (`tertulia bootstrap` does it later)")
]
EnvFile = Annotated[Path, typer.Option("--env-file", help="file that gets the API client's id and secret")]


@db.command()
def init(env_file: EnvFile = ENV_FILE, no_bootstrap: NoBootstrap = False) -> None:
    """Create the database unless it exists, apply missing migrations, and run `tertulia bootstrap`. Can be repeated."""
    from ..storage.postgres import databases

    url = own_database_url(read_settings())
    run(
        url,
        databases.create(url),
        lambda made: [f"created database {databases.name_of(url)}"] if made else [],
    )
    _upgrade_and_bootstrap(env_file, no_bootstrap)


@db.command()
def recreate(yes: Yes = False, env_file: EnvFile = ENV_FILE, no_bootstrap: NoBootstrap = False) -> None:
    """Delete the database with all its data, then do what `init` does."""
    _delete(yes)
    init(env_file, no_bootstrap)


@db.command("delete-db")
def delete_db(yes: Yes = False) -> None:
    """Delete the database with all its data. Migrations and logins stay."""
    _delete(yes)


@db.command()
def upgrade() -> None:
    """Apply missing migrations, and create the logins of the server's two roles."""
    from ..storage.postgres import migrate

    settings = read_settings()
    url = database_url(settings)
    work = migrate.upgrade(url, app_url=settings.app_database_url, system_url=settings.system_database_url)
    run(url, work, lambda names: names or ["up to date"])


@db.command()
def downgrade(
    steps: Annotated[int, typer.Option("--steps", "-s", min=1, help="how many migrations to undo")] = 1,
) -> None:
    """Undo the newest migrations. Those whose undoing would lose data are refused, and then none is undone.

    Stop the servers first. `tertulia serve` applies missing migrations when it starts.
    """
    from ..storage.postgres import migrate

    url = own_database_url(read_settings())
    run(url, migrate.downgrade(url, steps), lambda names: [f"undid {name}" for name in names])


@db.command()
def verify() -> None:
    """List migrations that are missing or were changed after they were applied. Exits with code 2 if there are any."""
    from ..storage.postgres import migrate

    url = database_url(read_settings())
    missing = run(url, migrate.verify(url), lambda names: names or ["up to date"])
    if missing:
        fail(f"{len(missing)} migrations are missing; run `tertulia db upgrade`")


@db.command("create-migration")
def create_migration(
    message: Annotated[str, typer.Option("--message", "-m", help="what changes; the file is named after it")],
) -> None:
    """Write an empty migration with the next free number, for contributors, and print its path. Its SQL is written by hand."""
    from ..storage.postgres import migrate

    try:
        say(str(migrate.create_migration(message)))
    except (OSError, ValueError) as error:
        fail(f"the migration cannot be written: {error}")


@db.command()
def recount() -> None:
    """Recount the figures of all accounts' reports, from the first entry on. The server may keep running."""
    from ..storage.postgres.reports.report_counters import ReportCounters

    settings = read_settings()
    url = database_url(settings)
    work = with_database(settings, lambda database: ReportCounters(database).recount())
    run(url, work, lambda counted: [f"{counted:,} entries counted"])


def _upgrade_and_bootstrap(env_file: Path, no_bootstrap: bool) -> None:
    upgrade()
    if not no_bootstrap:
        bootstrap(env_file=env_file)


def _delete(yes: bool) -> None:
    from ..storage.postgres import databases

    url = own_database_url(read_settings())
    try:
        name = databases.name_of(url)
    except databases.DatabaseError as error:
        fail(str(error))
    if not yes:
        if not sys.stdin.isatty():
            fail(f"this deletes the database {name} with all its data; say --yes")
        typer.confirm(f"Delete the database {name} with all its data?", abort=True)
    run(
        url,
        databases.drop(url),
        lambda gone: [f"deleted database {name}" if gone else f"there is no database {name}"],
    )
