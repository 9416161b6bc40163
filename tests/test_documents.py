"""What the documents say of this tree is true: files, names in files, links, make targets, commands and settings.

The checkers come first, then their tests on a sample, then the documents, and the paths in the product's docstrings.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import PurePath

import pytest
from test_architecture import ROOT, product
from test_rooms import ROOMS
from typer.main import get_command

from tertulia.__main__ import main  # noqa: F401  adds every command
from tertulia.command_line.app import app
from tertulia.settings import Settings
from tertulia.settings_environment import variables

MADE_UP = {
    "channels/double/line.py": "the example of a new channel",
    "channels/line/channel.py": "the example of a new channel",
    "tests/channels/test_line.py": "the example of a new channel",
    ".tertulia/": "made by `make serve`",
    "report.json": "made by `tertulia simulate`",
}
"""Paths that name no file of this tree, each with its reason."""
OTHERS_VARIABLES = {"TERTULIA_URL": "of the simulator", "TERTULIA_IMPORT_FROM": "of `tertulia import`"}
ENDINGS = r"\.(?:py|md|sql|js|toml|yaml|yml|json|service|css|lua)"
PATH = re.compile(rf"`([\w.@{{}}*-]+(?:/[\w.{{}}*-]+)*(?:{ENDINGS}|/))`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TARGET = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)
VARIABLE = re.compile(r"\bTERTULIA_[A-Z0-9_]+[A-Z0-9]\b")
COMMAND = re.compile(r"(?:`|^|bin/)tertulia ((?:[a-z-]+ ?)+)", re.MULTILINE)
NAMED = re.compile(rf"`([\w./-]+{ENDINGS})`((?:,? `\.?(?:[A-Za-z_]+\.)?(?!(?:py|sql|xml)`)[A-Za-z_]+`)+)")
FENCED = re.compile(r"```.*?```", re.DOTALL)


@cache
def tracked() -> frozenset[str]:
    """Every file of the tree; where git is not at hand, every file there is."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = found.stdout.split("\n") if found.returncode == 0 else []
    return frozenset(filter(None, names)) or frozenset(
        path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()
    )


@cache
def endings() -> frozenset[str]:
    """Each file and folder by every end of its path: `core/errors.py`, `errors.py`; folders end with a slash."""
    folders = {f"{folder.as_posix()}/" for name in tracked() for folder in PurePath(name).parents}
    return frozenset(
        "/".join(parts[at:]) + "/" * path.endswith("/")
        for path in tracked() | folders
        for parts in [path.rstrip("/").split("/")]
        for at in range(len(parts))
    )


@cache
def targets() -> frozenset[str]:
    made = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    folders = (path.name for path in (ROOT / "tests").iterdir() if path.is_dir())
    return frozenset([*made, *(f"test-{name}" for name in folders)])


@cache
def known_variables() -> frozenset[str]:
    return frozenset(name for field in Settings.model_fields for name in variables(field))


def anchors(document: str) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", document, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def unknown_command(words: list[str]) -> str | None:
    """The first word that names no command, of a call of `tertulia`."""
    at = get_command(app)
    for word in words:
        known = getattr(at, "commands", None)
        if known is None:
            return None
        if word not in known:
            return word
        at = known[word]
    return None


def unknown_names(text: str) -> Iterator[str]:
    """Names that stand behind a file's path and are not in the file."""
    for path, names in NAMED.findall(text):
        sources = [
            (ROOT / name).read_text() for name in tracked() if name == path or name.endswith(f"/{path}")
        ]
        for name in re.findall(r"(\w+)`", names):
            if not any(re.search(rf"\b{name}\b", source) for source in sources):
                yield f"{path} has no {name}"


def faults(document: str, text: str) -> Iterator[str]:
    """What a document says that is not so. `document`: its path from the root."""
    prose = FENCED.sub("", text)
    yield from (path for path in PATH.findall(prose) if path not in endings() and path not in MADE_UP)
    for link in LINK.findall(prose):
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target.read_text())
        ):
            yield link
    yield from (f"make {name}" for name in TARGET.findall(text) if name not in targets())
    yield from (
        name for name in VARIABLE.findall(text) if name not in known_variables() | OTHERS_VARIABLES.keys()
    )
    for words in COMMAND.findall(text):
        if (word := unknown_command(words.split())) is not None:
            yield f"tertulia {words.strip()}: {word}"
    yield from unknown_names(prose)


SAMPLE = """
`core/errors.py` `TertuliaError`, `core/error.py`, `core/errors.py` `BY_CODES`, [a](README.md#quick-start), [b](README.md#quick), [c](gone.md)
`make check`, `make checks`, `TERTULIA_HOSTS`, `TERTULIA_HOST_COUNT`, `tertulia cluster drain NODE`, `tertulia cluster drane NODE`
"""


def test_the_checker_sees_what_is_not_so() -> None:
    assert set(faults("README.md", SAMPLE)) == {
        "core/error.py",
        "core/errors.py has no BY_CODES",
        "README.md#quick",
        "gone.md",
        "make checks",
        "TERTULIA_HOST_COUNT",
        "tertulia cluster drane: drane",
    }


DOCUMENTS = sorted(name for name in tracked() if name.endswith(".md") and name != "CHANGELOG.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_right(name: str) -> None:
    assert list(faults(name, (ROOT / name).read_text())) == []


def test_files_that_docstrings_name_exist() -> None:
    """Addresses of the API begin with a slash; migrations keep the names of their day, and may never be changed."""
    named = {
        f"{source}: {path}"
        for source, text in product().items()
        for path in PATH.findall(text)
        if path not in endings() and path not in MADE_UP
    }
    assert named == set()


def test_every_path_that_is_made_up_is_in_a_document() -> None:
    texts = [(ROOT / name).read_text() for name in DOCUMENTS]
    assert {path for path in MADE_UP if not any(f"`{path}`" in text for text in texts)} == set()


@pytest.mark.parametrize("folder", ROOMS)
def test_the_map_shows_every_room(folder: str) -> None:
    """A room within a room may be left out: its folder shows it."""
    (row,) = re.findall(rf"^\| `{folder}/` \|(.*)$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    rooms = {room for level in ROOMS[folder] for room in level if (ROOT / folder / room).is_dir() and room}
    shown = set(re.findall(r"`([\w/]+)`", row))
    assert {room for room in rooms if room.partition("/")[0] not in shown} == set()
