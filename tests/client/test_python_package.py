"""The Python package in fresh environments: alone, and beside the server's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from serving import ROOT

CHECK = """
import sys
import tertulia.client as client
from tertulia.client import AsyncClient, Client, ConversationStateService
import importlib.metadata
names = sorted(d.metadata["Name"].lower() for d in importlib.metadata.distributions())
print(client.__file__, *names)
"""
EMPTY = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    made = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd, env=EMPTY)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of client and server, built from copies so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheels")
    copy = folder / "checkout"
    run("git", "clone", "--quiet", "--no-hardlinks", ROOT, copy)
    for source in (copy / "client/python", copy):
        run(
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            folder,
            source,
        )
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The interpreter of a fresh environment."""
    run(sys.executable, "-m", "venv", tmp_path / "env")
    return tmp_path / "env/bin/python"


def test_the_wheels_share_no_file(wheels: dict[str, Path]) -> None:
    assert set(wheels) == {"tertulia", "tertulia_client"}
    files = {name: set(zipfile.ZipFile(path).namelist()) for name, path in wheels.items()}
    assert files["tertulia"] & files["tertulia_client"] == set()
    assert all(re.match(r"tertulia/client/|tertulia_client-", f) for f in files["tertulia_client"])
    assert "tertulia/client/py.typed" in files["tertulia_client"]
    assert not any(f.startswith("tertulia/client/") for f in files["tertulia"])


def test_the_client_alone_brings_http_and_websockets_only(
    wheels: dict[str, Path], python: Path, tmp_path: Path
) -> None:
    run(python, "-m", "pip", "install", "--quiet", wheels["tertulia_client"])
    where, *names = run(python, "-c", CHECK, cwd=tmp_path).split()
    assert Path(where).is_relative_to(tmp_path)
    allowed = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "pip", "setuptools", "sniffio", "tertulia-client",
               "typing_extensions", "websockets"}  # fmt: skip
    assert set(names) <= allowed


def test_client_and_server_live_together_in_either_order(
    wheels: dict[str, Path], python: Path, tmp_path: Path
) -> None:
    run(python, "-m", "pip", "install", "--quiet", wheels["tertulia_client"])
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheels["tertulia"])
    both = "import tertulia.client, tertulia.core.errors; print(tertulia.__version__)"
    assert run(python, "-c", both, cwd=tmp_path).strip()
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "tertulia")
    assert run(python, "-c", CHECK, cwd=tmp_path)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheels["tertulia"])
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "tertulia-client")
    assert run(python, "-c", "import tertulia.core.errors", cwd=tmp_path) == ""


def test_a_sample_passes_the_strict_type_check_without_a_cast(
    wheels: dict[str, Path], python: Path, tmp_path: Path
) -> None:
    run(python, "-m", "pip", "install", "--quiet", wheels["tertulia_client"])
    sample = tmp_path / "sample.py"
    sample.write_text((ROOT / "client/python/sample.py").read_text())
    assert "cast" not in sample.read_text() and "Any" not in sample.read_text()
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "include": ["sample.py"]}')
    checker = Path(sys.executable).with_name("basedpyright")
    run(checker, "--pythonpath", python, "--project", tmp_path, cwd=tmp_path)
    sample.write_text(sample.read_text() + '\nClient("http://x").get_conversation(5)\n')
    wrong = subprocess.run(
        [checker, "--pythonpath", python, "--project", tmp_path], capture_output=True, cwd=tmp_path
    )
    assert wrong.returncode == 1, "the checker finds nothing wrong in anything"
