"""The data folder belongs to its owner alone, however it was created."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tertulia.storage.data_folder import DataFolderError, prepare

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make another user's files")


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o002)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    paths = [folder, *folder.rglob("*")]
    return {str(p.relative_to(folder)): f"{stat.S_IMODE(p.lstat().st_mode):o}" for p in paths}


def old_data(folder: Path) -> Path:
    """A data folder as earlier versions made it."""
    (folder / "attachments/account/ab").mkdir(parents=True)
    (folder / "attachments/account/ab/cdef").write_text("a customer's file")
    (folder / "valkey").mkdir(mode=0o700)
    (folder / "valkey/appendonly.aof").write_text("x")
    return folder


def test_a_new_data_folder_is_private(tmp_path: Path) -> None:
    assert not prepare(tmp_path / "above/data")
    assert modes(tmp_path / "above/data") == {".": "700"}
    assert not prepare(tmp_path / "above/data")


def test_an_older_versions_folder_is_made_private_once(tmp_path: Path) -> None:
    data = old_data(tmp_path / "data")
    assert prepare(data)
    found = modes(data)
    assert set(found.values()) == {"700", "600"} and found["attachments/account/ab/cdef"] == "600"
    assert not prepare(data)


def test_an_opened_subfolder_is_made_private_again(tmp_path: Path) -> None:
    data = old_data(tmp_path / "data")
    prepare(data)
    (data / "attachments").chmod(0o755)
    assert prepare(data)
    assert modes(data)["attachments"] == "700"


def test_the_target_of_a_link_keeps_its_mode(tmp_path: Path) -> None:
    data = old_data(tmp_path / "data")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not ours to change")
    elsewhere.chmod(0o644)
    (data / "link").symlink_to(elsewhere)
    assert prepare(data)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644


def test_a_folder_into_which_everybody_may_write_is_refused(tmp_path: Path) -> None:
    data = old_data(tmp_path / "data")
    data.chmod(0o777)
    with pytest.raises(DataFolderError, match=r"everybody may write.*chmod"):
        prepare(data)
    assert modes(data)["."] == "777"


def test_a_folder_that_everybody_may_replace_is_refused(tmp_path: Path) -> None:
    data = old_data(tmp_path / "above/data")
    (tmp_path / "above").chmod(0o777)
    with pytest.raises(DataFolderError, match="everybody may replace"):
        prepare(data)
    (tmp_path / "above").chmod(0o1777)
    assert prepare(data)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(DataFolderError, match="TERTULIA_DATA"):
        prepare(tmp_path / "data")


@as_root
def test_another_user_s_folder_is_refused(tmp_path: Path) -> None:
    data = old_data(tmp_path / "data")
    os.chown(data, NOBODY, -1)
    with pytest.raises(DataFolderError, match=f"another user .uid {NOBODY}"):
        prepare(data)


@as_root
def test_a_link_of_another_user_to_our_folder_is_refused(tmp_path: Path) -> None:
    old_data(tmp_path / "data")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert prepare(tmp_path / "link")
    os.lchown(tmp_path / "link", NOBODY, -1)
    with pytest.raises(DataFolderError, match="another user"):
        prepare(tmp_path / "link")


@as_root
@pytest.mark.parametrize("planted", ["secrets", "attachments/account/ab/cdef"])
def test_another_users_file_in_the_folder_is_refused(planted: str, tmp_path: Path) -> None:
    data = old_data(tmp_path / "data")
    (data / planted).parent.mkdir(parents=True, exist_ok=True)
    (data / planted).touch()
    os.chown(data / planted, NOBODY, -1)
    with pytest.raises(DataFolderError, match=planted):
        prepare(data)


@as_root
def test_a_database_that_runs_as_another_user_stays_its_own(tmp_path: Path) -> None:
    data = old_data(tmp_path / "data")
    (data / "postgres").mkdir()
    (data / "postgres/PG_VERSION").touch()
    os.chown(data / "postgres", NOBODY, -1)
    os.chown(data / "postgres/PG_VERSION", NOBODY, -1)
    assert prepare(data)
    assert (data / "postgres/PG_VERSION").stat().st_uid == NOBODY
    assert modes(data)["postgres"] == "700"
