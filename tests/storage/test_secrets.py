"""Generated secrets: one permanent value, whichever process comes first."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tertulia.storage.secrets import load_or_create

ROOT = Path(__file__).parents[2]


def test_a_secret_is_created_once_and_kept_private(tmp_path: Path) -> None:
    assert load_or_create(tmp_path, "jwt", lambda: "first\n") == "first"
    assert load_or_create(tmp_path, "jwt", lambda: "second") == "first"
    assert load_or_create(tmp_path, "other", lambda: "second") == "second"
    assert stat.S_IMODE((tmp_path / "secrets/jwt").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert sorted(p.name for p in (tmp_path / "secrets").iterdir()) == ["jwt", "other"]


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    script = (
        "import sys, uuid; from pathlib import Path; from tertulia.storage.secrets import load_or_create;"
        "print(load_or_create(Path(sys.argv[1]), 'jwt', lambda: uuid.uuid4().hex))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(8)
    ]
    assert len({process.communicate()[0] for process in started}) == 1
    assert [p.name for p in (tmp_path / "secrets").iterdir()] == ["jwt"]


def test_the_loser_of_a_race_gets_the_winners_secret(tmp_path: Path) -> None:
    def make() -> str:
        load_or_create(tmp_path, "jwt", lambda: "winner")
        return "loser"

    assert load_or_create(tmp_path, "jwt", make) == "winner"


def test_an_empty_secret_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty"):
        load_or_create(tmp_path, "jwt", lambda: " ")
    (tmp_path / "secrets/jwt").touch()
    with pytest.raises(ValueError, match="restore the secret"):
        load_or_create(tmp_path, "jwt", lambda: "x")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_a_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        load_or_create(tmp_path, name, lambda: "x")
