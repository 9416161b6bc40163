"""The command line: it does what is asked, or prints one clear sentence and exits with code 2."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import msgspec
import pytest

from tertulia import older_environment
from tertulia.command_line.app import read_settings
from tertulia.serving.running_servers import RunningServer, listed, running
from tertulia.settings_environment import forget_secrets
from tertulia.storage.credentials import new_key
from tertulia.storage.embedded import EmbeddedPostgres
from tertulia.storage.postgres import migrate
from tertulia.storage.secrets import load_or_create

pytestmark = pytest.mark.server  # each test runs the command line, most with Ray
ACCOUNT = "00000000-0000-0000-0000-000000000001"


def tertulia(
    *arguments: str, data: Path | None, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, in an environment without the server's settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TERTULIA_", "RAY_"))}
    for name in ("DATABASE_URL", "REDIS_URL"):
        clean.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "tertulia", *arguments],
        env=clean | ({"TERTULIA_DATA": str(data)} if data else {}) | environment,
        cwd=cwd,
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


def test_variables_of_the_crm_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERTULIA_PORT", "DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    crm = {
        "NODE_ENV": "development", "PORT": "3004", "DB_HOST": "localhost", "DB_PORT": "5433", "DB_NAME": "crm_dev",
        "DB_USER": "crm_user", "DB_PASSWORD": "p/ss", "REDIS_HOST": "::1", "REDIS_PORT": "6380",
    }  # fmt: skip
    for name, value in crm.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.port == 3004
    assert settings.database_url == "postgresql://crm_user:p%2Fss@localhost:5433/crm_dev"
    assert settings.redis_url == "redis://[::1]:6380/0"
    for name, value in {
        "TERTULIA_PORT": "81",
        "DATABASE_URL": "postgresql://own/x",
        "REDIS_URL": "redis://own",
    }.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert (settings.port, settings.database_url) == (81, "postgresql://own/x")
    assert settings.redis_url == "redis://own" and read_settings(port=82).port == 82


def test_variables_of_the_omnichannel_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERTULIA_JWKS_URL", "TERTULIA_JWT_ISSUER", "TERTULIA_PORT", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    compose = {
        "RABBITMQ_URL": "amqp://guest:guest@rabbitmq:5672", "REDIS_URL": "redis://redis:6379",
        "COGNITO_USER_POOL_ID": "eu-west-1_Ab12", "AWS_REGION": "eu-west-1", "PORT": "3200",
    }  # fmt: skip
    for name, value in compose.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12"
    assert (settings.jwt_issuer, settings.jwks_url) == (pool, f"{pool}/.well-known/jwks.json")
    assert (settings.rabbitmq_url, settings.rabbitmq_exchange) == (compose["RABBITMQ_URL"], "messaging")
    assert (settings.port, settings.redis_url) == (3200, compose["REDIS_URL"])
    assert "guest" not in repr(settings)
    monkeypatch.setenv("TERTULIA_JWT_ISSUER", "own")
    monkeypatch.delenv("AWS_REGION")
    assert (read_settings().jwt_issuer, read_settings().jwks_url) == ("own", f"{pool}/.well-known/jwks.json")


def test_variables_of_the_assistant_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    runtime = {
        "CONVERSATION_SERVICE_ENVIRONMENT": "development", "CONVERSATION_SERVICE_LOGGING_LEVEL": "WARNING",
        "CONVERSATION_SERVICE_ROOT_PATH": "/api/v1", "CONVERSATION_SERVICE_CORS_ALLOW_ORIGINS": '["https://a.example", "https://b.example"]',
        "CONVERSATION_SERVICE_DATABASE_URL": "postgresql+psycopg://postgres:postgres@db:5432/conversation_dev_db",
        "CONVERSATION_SERVICE_M2M_JWT_SECRET_KEY": "m" * 32, "CONVERSATION_SERVICE_M2M_JWT_ALGORITHM": "HS256",
        "CONVERSATION_SERVICE_M2M_JWT_ISSUER": "auth", "CONVERSATION_SERVICE_M2M_JWT_AUDIENCE": "authenticated",
        "CONVERSATION_SERVICE_USER_JWT_SECRET_KEY": "u" * 32, "CONVERSATION_SERVICE_USER_JWT_ALGORITHM": "HS384",
        "CONVERSATION_SERVICE_USER_JWT_ISSUER": "auth", "CONVERSATION_SERVICE_USER_JWT_AUDIENCE": "users",
        "CONVERSATION_SERVICE_CLIENT_ID": "id", "CONVERSATION_SERVICE_CLIENT_SECRET": "hunter2",
        "LANGFLOW_RUNTIME_URL": "https://flow.example", "AUTH_SERVICE_URL": "http://auth_service:8000/api/v1",
        "INITIAL_ADMIN_EMAIL": "admin@admin.com", "INITIAL_ADMIN_PASSWORD": "admin",
    }  # fmt: skip
    for name, value in runtime.items():
        monkeypatch.setenv(name, value)
    s = read_settings()
    assert s.database_url == "postgresql://postgres:postgres@db:5432/conversation_dev_db"
    assert (s.log_level, s.origins()) == ("warning", {"https://a.example", "https://b.example"})
    assert (s.m2m_jwt_secret_key, s.m2m_jwt_issuer, s.m2m_jwt_audience) == ("m" * 32, "auth", "authenticated")
    assert (s.user_jwt_algorithm, s.user_jwt_audience, s.langflow_runtime_url) == (
        "HS384",
        "users",
        "https://flow.example",
    )
    assert older_environment.ignored(runtime) == [
        "CONVERSATION_SERVICE_ENVIRONMENT", "CONVERSATION_SERVICE_ROOT_PATH", "AUTH_SERVICE_URL", "INITIAL_ADMIN_EMAIL",
        "INITIAL_ADMIN_PASSWORD",
    ]  # fmt: skip
    assert "mmm" not in repr(s) and s.langflow_fault() == "langflow needs LANGFLOW_FLOW_ID"
    forget_secrets(s)
    assert not {name for name, value in os.environ.items() if value in ("hunter2", "admin", "m" * 32)}
    any_page = {"CONVERSATION_SERVICE_CORS_ALLOW_ORIGINS": '["*"]'}
    assert older_environment.settings_of(any_page) == {}
    assert older_environment.ignored(any_page) == [
        "CONVERSATION_SERVICE_CORS_ALLOW_ORIGINS (name the origins)"
    ]


def test_variables_that_mean_nothing_are_named() -> None:
    environment = {
        "NODE_ENV": "production",
        "FIREBASE_PROJECT_ID": "x",
        "FIREBASE_CREDENTIALS_PATH": "",
        "HOME": "/",
    }
    assert older_environment.ignored(environment) == ["NODE_ENV", "FIREBASE_PROJECT_ID"]
    assert older_environment.settings_of(environment) == {}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TERTULIA_HOSTS": "many"}, ["TERTULIA_HOSTS is wrong", "many"]),
        ({"TERTULIA_JWT_SECRET": "short"}, ["TERTULIA_JWT_SECRET is wrong", "32 bytes"]),
        (
            {"DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:1/x"},
            ["the database (DATABASE_URL) cannot be used: 127.0.0.1:1 refused the connection"],
        ),
        ({"DATABASE_URL": "postgresql://nobody@nowhere.invalid/x"}, ["DATABASE_URL", "nowhere.invalid:5432"]),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, ["Valkey (REDIS_URL) cannot be used: 127.0.0.1:1 refused"]),
        (
            {"RAY_ADDRESS": "127.0.0.1:1"},
            ["Ray (RAY_ADDRESS) cannot be used: 127.0.0.1:1 refused the connection"],
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_code_2(  # `test_settings.py` has every setting
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
    assert "hunter2" not in sentences[0]
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


def test_a_data_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for data, words in (
        (tmp_path / "file", "is not a folder"),
        (tmp_path / "file/data", "a file is above it"),
    ):
        result = tertulia("serve", data=data)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1 and str(data) in result.stderr
        assert words in result.stderr and "TERTULIA_DATA" in result.stderr


def test_a_data_folder_without_room_or_rights_is_told(tmp_path: Path) -> None:
    """On file systems of their own: root may write everywhere else."""
    for options, words in (("ro", "read-only"), ("size=4k", "disk is full")):
        mount = ["mount", "-t", "tmpfs", "-o", f"mode=700,{options}", "tertulia-test", str(tmp_path)]
        if (done := subprocess.run(mount, capture_output=True, text=True, timeout=10)).returncode != 0:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        try:
            if options != "ro":
                (tmp_path / "ballast").write_bytes(b"x" * 4096)
            result = tertulia("serve", data=tmp_path)
        finally:
            subprocess.run(["umount", "--lazy", str(tmp_path)], check=True, timeout=10)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1
        assert words in result.stderr and "TERTULIA_DATA" in result.stderr


@pytest.mark.parametrize(("version", "fits"), [((16, 4), False), ((17, 0), True), ((18, 1), True)])
def test_an_old_postgres_is_told(version: tuple[int, int], fits: bool) -> None:
    server = asyncpg.ServerVersion(*version, 0, "final", 0)
    if fits:
        migrate.check_version(server)
    else:
        with pytest.raises(
            migrate.MigrationError, match=r"PostgreSQL 16\.4; PostgreSQL 17 or newer is needed"
        ):
            migrate.check_version(server)


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


def keep_secret(data: Path) -> str:
    return load_or_create(data, "jwt_secret", new_key)


def signed_by(result: subprocess.CompletedProcess[str], secret: str) -> dict[str, Any]:
    assert result.returncode == 0, result.stderr
    return jwt.decode(
        result.stdout.strip(), secret, algorithms=["HS256"], audience="tertulia", issuer="tertulia"
    )


TOKEN = ("token", "--account", ACCOUNT, "--role", "lead", "--user", "u1")


def test_a_token_is_signed_with_the_servers_secret(tmp_path: Path) -> None:
    secret = keep_secret(tmp_path)
    claims = signed_by(tertulia(*TOKEN, data=tmp_path), secret)
    assert (claims["sub"], claims["accounts"]) == ("u1", {ACCOUNT: "lead"})


def test_a_token_needs_a_server_s_secret_and_makes_none(tmp_path: Path) -> None:
    result = tertulia(*TOKEN, data=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"tertulia: there is no server's secret in {tmp_path}: ")
    assert not list(tmp_path.iterdir())


def elsewhere(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder without data, which no variable names either."""
    other = tmp_path / "other"
    other.mkdir()
    return tertulia(*arguments, data=None, cwd=other, XDG_RUNTIME_DIR=str(tmp_path), **environment)


@pytest.fixture
def own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.mark.usefixtures("own_list")
def test_a_token_in_another_folder_is_the_running_server_s(tmp_path: Path) -> None:
    data = tmp_path / "data"
    secret = keep_secret(data)
    with listed(RunningServer("http://127.0.0.1:9", str(data), own_secret=False)):
        result = elsewhere(tmp_path, *TOKEN)
    assert signed_by(result, secret)["sub"] == "u1"
    assert result.stderr == f"tertulia: signed for the server at http://127.0.0.1:9 (data folder {data})\n"


@pytest.mark.usefixtures("own_list")
def test_a_token_is_refused_when_the_server_was_given_its_secret(tmp_path: Path) -> None:
    with listed(RunningServer("http://127.0.0.1:9", str(tmp_path), own_secret=True)):
        result = elsewhere(tmp_path, *TOKEN)
    assert (result.returncode, result.stdout) == (2, "")
    assert "was given TERTULIA_JWT_SECRET; set it here too" in result.stderr


@pytest.mark.usefixtures("own_list")
def test_a_token_from_a_folder_of_another_server_is_remarked(tmp_path: Path) -> None:
    secret = keep_secret(tmp_path / "mine")
    with listed(RunningServer("http://127.0.0.1:9", str(tmp_path / "theirs"), own_secret=False)):
        result = tertulia(*TOKEN, data=tmp_path / "mine", XDG_RUNTIME_DIR=str(tmp_path))
    signed_by(result, secret)
    assert f"the server at http://127.0.0.1:9 uses {tmp_path / 'theirs'}" in result.stderr


@pytest.mark.usefixtures("own_list")
def test_a_killed_server_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "tertulia/servers").mkdir(parents=True)
    left = tmp_path / "tertulia/servers/1.json"
    left.write_bytes(msgspec.json.encode(RunningServer("http://127.0.0.1:9", str(tmp_path), False)))
    assert running() == [] and not left.exists()


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
