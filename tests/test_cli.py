"""The command line: it does what is asked, or prints one clear sentence and exits with code 2."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import jwt
import pytest

from tertulia.command_line.app import read_settings
from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.postgres import migrate

pytestmark = pytest.mark.server  # each test runs the command line, most with Ray
ACCOUNT = "00000000-0000-0000-0000-000000000001"


def tertulia(*arguments: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, in an environment without the server's settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TERTULIA_", "RAY_"))}
    for name in ("DATABASE_URL", "REDIS_URL"):
        clean.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "tertulia", *arguments],
        env=clean | {"TERTULIA_DATA": str(data)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("variable", "type"),
    [
        ("WHATSAPP", "whatsapp"), ("MESSENGER", "messenger"), ("TELEGRAM", "telegram"),
        ("SMS", "sms"), ("TWILIO", "sms"), ("EMAIL", "email"), ("POSTMARK", "email"),
    ],
)  # fmt: skip
def test_a_provider_s_api_is_set_by_its_name_or_its_channels(
    monkeypatch: pytest.MonkeyPatch, variable: str, type: str
) -> None:
    monkeypatch.setenv(f"TERTULIA_{variable}_URL", "http://127.0.0.1:9")
    assert read_settings().provider_urls() == {type: "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TERTULIA_HOSTS": "many"}, ["TERTULIA_HOSTS is wrong", "many"]),
        ({"TERTULIA_PORT": "70000"}, ["TERTULIA_PORT is wrong"]),
        ({"TERTULIA_PLACEMENT": "nowhere"}, ["TERTULIA_PLACEMENT is wrong", "shared"]),
        ({"TERTULIA_JWT_SECRET": "short"}, ["TERTULIA_JWT_SECRET is wrong", "32 bytes"]),
        ({"TERTULIA_CREDENTIALS_KEYS": "x"}, ["TERTULIA_CREDENTIALS_KEYS is wrong"]),
        ({"TERTULIA_ALLOWED_ORIGINS": "*"}, ["TERTULIA_ALLOWED_ORIGINS is wrong"]),
        ({"TERTULIA_ATTACHMENTS_URL": "ftp://x"}, ["TERTULIA_ATTACHMENTS_URL is wrong", "s3://"]),
        ({"TERTULIA_ALLOWED_NETWORKS": "10.0.0.0/33"}, ["TERTULIA_ALLOWED_NETWORKS is wrong", "10.0.0.0/33"]),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, ["DATABASE_URL", "cannot be used"]),
        ({"RAY_ADDRESS": "127.0.0.1:1"}, ["Ray (127.0.0.1:1) cannot be used"]),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_code_2(
    tmp_path: Path, environment: dict[str, str], words: list[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    result = tertulia("serve", data=tmp_path, **({"TERTULIA_PORT": port} | environment))
    assert result.returncode == 2, result.stdout + result.stderr
    sentences = [line for line in result.stderr.splitlines() if line.startswith("tertulia: ")]
    assert len(sentences) == 1, result.stderr
    assert all(word in sentences[0] for word in words), sentences[0]
    assert "Traceback" not in result.stdout + result.stderr


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        result = tertulia("serve", "--port", str(port), data=tmp_path)
    assert result.returncode == 2
    assert f"127.0.0.1:{port}" in result.stderr
    assert "postgres" not in result.stdout


def test_a_data_folder_that_others_may_change_is_told_before_anything_starts(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    result = tertulia("serve", data=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"tertulia: everybody may write into the data folder {tmp_path}")
    assert result.stderr.count("\n") == 1 and not list(tmp_path.iterdir())


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    result = tertulia(
        "serve", data=tmp_path, TERTULIA_JWT_SECRET="canary", TERTULIA_CREDENTIALS_KEYS="canary"
    )
    assert result.returncode == 2 and "canary" not in result.stdout + result.stderr


def test_a_secret_that_another_user_has_put_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "elsewhere").write_text("a secret that somebody else knows, long enough")
    (tmp_path / "secrets/jwt_secret").symlink_to(tmp_path / "elsewhere")
    result = tertulia("token", "--account", ACCOUNT, "--user", "u1", data=tmp_path)
    assert result.returncode == 2 and result.stderr.startswith("tertulia: the secret in the data folder")
    assert "Traceback" not in result.stderr


def test_a_token_is_signed_with_the_servers_secret(tmp_path: Path) -> None:
    result = tertulia("token", "--account", ACCOUNT, "--role", "lead", "--user", "u1", data=tmp_path)
    secret = (tmp_path / "secrets" / "jwt_secret").read_text().strip()
    claims = jwt.decode(
        result.stdout.strip(), secret, algorithms=["HS256"], audience="tertulia", issuer="tertulia"
    )
    assert (claims["sub"], claims["accounts"]) == ("u1", {ACCOUNT: "lead"})


@pytest.mark.parametrize(
    "arguments",
    [("--account", "x", "--user", "u"), ("--account", ACCOUNT), ("--account", ACCOUNT, "--role", "boss")],
)
def test_a_token_for_nobody_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = tertulia("token", *arguments, data=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("tertulia: ")


async def test_database_and_account_commands(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    await server.start()
    try:
        environment = {"DATABASE_URL": server.url}
        missing = tertulia("db", "verify", data=tmp_path, **environment)
        assert missing.returncode == 2
        assert "run `tertulia db upgrade`" in missing.stderr
        upgraded = tertulia("db", "upgrade", data=tmp_path, **environment)
        assert upgraded.stdout.split() == [m.name for m in migrate.read_migrations()]
        assert tertulia("db", "verify", data=tmp_path, **environment).stdout.strip() == "up to date"
        created = tertulia("account", "create", "Acme", data=tmp_path, **environment)
        connection = await asyncpg.connect(server.url)
        name = await connection.fetchval("SELECT name FROM accounts WHERE id = $1", created.stdout.strip())
        await connection.close()
        assert name == "Acme"
        again = tertulia(
            "account", "create", "Acme", "--id", created.stdout.strip(), data=tmp_path, **environment
        )
        assert (again.returncode, "already exists" in again.stderr) == (2, True)
    finally:
        await server.stop()


def test_commands_that_need_a_database_say_so(tmp_path: Path) -> None:
    result = tertulia("db", "upgrade", data=tmp_path)
    assert (result.returncode, "DATABASE_URL is not set" in result.stderr) == (2, True)
