"""Settings of the connections to hosts: a private folder on one machine, certificates in a cluster."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tertulia.composition.host_links import LONGEST_SOCKET, choose_folder, socket_of, tls_of
from tertulia.serving.start_checks import StartError, check_settings
from tertulia.settings import Settings
from tertulia.storage.credentials import new_key

INCARNATION = "01890000-0000-4000-8000-000000000000"


def settings(**fields: object) -> Settings:
    given = {"attachments_url": "file:///tmp/attachments", **fields}
    return Settings(jwt_secret="s" * 32, credentials_keys=new_key(), **given)  # type: ignore[arg-type]


def test_on_one_machine_hosts_have_a_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = choose_folder(settings(data=Path("data")))
    assert folder == tmp_path / "data/run" and stat.S_IMODE(folder.stat().st_mode) == 0o700
    path = socket_of(settings(link_folder=folder), "host:7", INCARNATION)
    assert path == folder / "host-7.01890000.sock" and len(path.name) <= len(LONGEST_SOCKET)


def test_a_folder_that_others_can_enter_is_closed(tmp_path: Path) -> None:
    given = tmp_path / "open"
    given.mkdir()
    given.chmod(0o755)
    assert choose_folder(settings(data=tmp_path, link_folder=given)) == given
    assert stat.S_IMODE(given.stat().st_mode) == 0o700


def test_a_path_too_long_for_a_socket_is_not_used(tmp_path: Path) -> None:
    folder = choose_folder(settings(data=tmp_path / ("x" * 100)))
    assert folder is not None and len(str(folder / LONGEST_SOCKET)) <= 107
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()


def test_on_a_cluster_there_is_no_socket(tmp_path: Path) -> None:
    assert choose_folder(settings(data=tmp_path, ray_address="10.0.0.1:6379", link_folder=tmp_path)) is None
    assert socket_of(settings(data=tmp_path), "host:0", INCARNATION) is None
    assert tls_of(settings()).digest != tls_of(settings()).digest, "each host has a key of its own"


def test_a_wrong_certificate_is_found_before_anything_starts(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    for fields, said in (
        ({"link_cert": wrong}, "must be set together"),
        ({"link_key": wrong}, "must be set together"),
        ({"link_cert": wrong, "link_key": wrong}, "not a certificate and its key"),
        ({"link_cert": tmp_path / "none", "link_key": wrong}, "TERTULIA_LINK_CERT is wrong"),
        ({"link_ca": wrong}, "TERTULIA_LINK_CA is wrong"),
    ):
        with pytest.raises(StartError, match=said):
            check_settings(settings(data=tmp_path, **fields))
