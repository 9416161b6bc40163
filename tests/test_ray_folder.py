"""Ray's folder is private, has paths short enough for sockets, and drops old sessions."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from tertulia.serving.ray_folder import KEPT_SESSIONS, LONGEST_SOCKET, RayFolder


def session(folder: Path, second: int) -> Path:
    made = folder / f"session_2026-01-01_00-00-{second:02}_000000_77"
    for below in ("logs", "sockets"):
        (made / below).mkdir(parents=True)
        (made / below).chmod(0o777)  # as Ray makes them
    return made


@pytest.mark.parametrize("name", ["d", "long" * 30, "a, 'b\" c%20?#é"])
def test_its_sockets_fit_whatever_the_data_folder_is_called(name: str, tmp_path: Path) -> None:
    data = tmp_path / name
    data.mkdir(mode=0o700)
    folder = RayFolder(data)
    try:
        path = folder.path / LONGEST_SOCKET
        path.parent.mkdir(parents=True)
        assert (data / "ray" / LONGEST_SOCKET).parent.is_dir()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
        assert RayFolder(data).path == folder.path
    finally:
        if folder.path != data / "ray":
            assert stat.S_IMODE(folder.path.parent.stat().st_mode) == 0o700
            shutil.rmtree(folder.path.parent)


def test_a_link_that_points_elsewhere_is_put_right(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30)
    data.mkdir(mode=0o700)
    folder = RayFolder(data)
    try:
        folder.path.unlink()
        folder.path.symlink_to(tmp_path)
        assert RayFolder(data).path.readlink() == data / "ray"
    finally:
        shutil.rmtree(folder.path.parent)


def test_the_last_sessions_and_the_live_ones_are_kept(tmp_path: Path) -> None:
    folder = RayFolder(tmp_path).folder
    sessions = [session(folder, number) for number in range(KEPT_SESSIONS + 3)]
    (folder / "session_latest").symlink_to(sessions[-1])
    other = folder / "somebody's own"
    other.mkdir()
    before = Path.cwd()
    os.chdir(sessions[0] / "sockets")  # a path of pytest's may be too long for a socket
    try:
        with socket.socket(socket.AF_UNIX) as raylet:
            raylet.bind("raylet")
            raylet.listen(1)
            RayFolder(tmp_path)
            assert sessions[0].exists() and not sessions[1].exists() and not sessions[2].exists()
            assert all(kept.exists() for kept in sessions[-KEPT_SESSIONS:])
    finally:
        os.chdir(before)
    RayFolder(tmp_path)
    assert not sessions[0].exists() and other.exists() and (folder / "session_latest").exists()


def test_what_ray_opens_to_all_is_closed(tmp_path: Path) -> None:
    folder = RayFolder(tmp_path)
    made = session(folder.folder, 1)
    folder.folder.chmod(0o777)
    folder.tighten()
    for path in (folder.folder, made, made / "logs", made / "sockets"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
