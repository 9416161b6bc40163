"""Architecture tests, on the source: layers, purity, relative imports, sizes, docstrings.

The checker comes first, then its own tests on sample source, then the product.
"""

from __future__ import annotations

import ast
import functools
import gc
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {
    "core": {"core"},
    "storage": {"storage", "core", "settings"},
    "channels": {"channels", "core", "settings"},
    "actors": {"actors", "core", "settings"},
    "http": {"http", "actors", "core", "settings", "logs"},
    "simulator": {"simulator", "client"},
}
"""Folder → what it may import of the package. Files of `tertulia/` itself compose, and may import anything."""

LINKS = {name: name for name in LAYERS} | {"client": "client/python/tertulia/client"}
"""What `tertulia/` links to. The client has rules of its own: `tests/client/test_client_rooms.py`."""

IMPURE_MODULES = {
    "aiohttp", "asyncio", "asyncpg", "concurrent", "logging", "multiprocessing", "os", "random", "ray", "redis",
    "requests", "secrets", "signal", "socket", "structlog", "subprocess", "threading", "uvloop",
}  # fmt: skip
IMPURE_NAMES = re.compile(
    r"time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|sleep|localtime|gmtime)"
    r"|(datetime\.)?(datetime|date)\.(now|utcnow|today)"
    r"|uuid\.uuid[1-8]|(msgspec|stamina)\.\w*sleep"
)
"""What `core/` may not touch: time, randomness and ids are passed in."""

LONGEST = 400


@functools.cache  # several tests read the same sources
def parse(source: str) -> ast.Module:
    """The tree of a source, to be read only. CPython 3.11 fails when its garbage collector runs something that parses meanwhile (gh-106905)."""
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute or a name, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (left := dotted(node.value)):
        return f"{left}.{node.attr}"
    return ""


@functools.cache
def statements(tree: ast.Module) -> list[ast.stmt]:
    """Every statement. Most of a tree are expressions, and walking through them takes most of the time."""
    found: list[ast.stmt] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            found.append(node)
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inside = getattr(node, name, ())
            if isinstance(inside, list):
                waiting += inside
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def imports(tree: ast.Module) -> Iterator[tuple[ast.stmt, int, str, str]]:
    """Every import as (statement, level, module, name); `import a.b` has no name."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from ((node, 0, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, node.level, node.module or "", alias.name) for alias in node.names)


def layer_faults(path: str, tree: ast.Module) -> Iterator[str]:
    """Imports that leave the layer's bounds, or that are absolute; `path` is relative to the root."""
    folder, *rest = Path(path).parts
    package = ["tertulia", *([] if folder == "tertulia" else [folder]), *rest[:-1]]
    for node, level, module, name in imports(tree):
        where = f"{path}:{node.lineno}"
        if level == 0:
            if module.split(".")[0] in {"tertulia", "core", "actors", "channels", "storage"}:
                yield f"{where} imports {module} absolutely"
            continue
        if level > len(package):
            yield f"{where} imports from beyond the package"
            continue
        target = package[: len(package) - level + 1] + [part for part in (*module.split("."), name) if part]
        if folder != "tertulia" and target[1] not in LAYERS[folder]:
            yield f"{where} {folder} imports {target[1]}"


def purity_faults(path: str, tree: ast.Module) -> Iterator[str]:
    """Clocks, randomness, input and output, and async code in `core/`. A port may *say* that a call waits."""
    known: dict[str, str] = {}
    for node, level, module, name in imports(tree):
        if level:
            continue
        full = f"{module}.{name}" if name else module
        if module.split(".")[0] in IMPURE_MODULES or IMPURE_NAMES.fullmatch(full):
            yield f"{path}:{node.lineno} imports {full}"
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if alias.asname or name:
                known[alias.asname or alias.name] = f"{module}.{alias.name}" if name else alias.name
    signatures = set(port_signatures(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            if node in signatures:
                continue
            yield f"{path}:{node.lineno} is async"
        if isinstance(node, ast.Attribute | ast.Name) and (name := dotted(node)):
            first, dot, rest = name.partition(".")
            name = known.get(first, first) + dot + rest
            if IMPURE_NAMES.fullmatch(name) and isinstance(node, ast.Attribute):
                yield f"{path}:{node.lineno} uses {name}"
        if isinstance(node, ast.Call) and dotted(node.func) in {"open", "input", "print", "__import__"}:
            yield f"{path}:{node.lineno} calls {dotted(node.func)}"


def port_signatures(tree: ast.Module) -> Iterator[ast.AST]:
    """The methods of Protocols that have no body but a docstring and `...`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "Protocol" in map(dotted, node.bases):
            for method in node.body:
                if isinstance(method, ast.AsyncFunctionDef) and all(
                    isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
                    for part in method.body
                ):
                    yield method


def ray_uses(tree: ast.Module) -> set[str]:
    """Of `ray.remote` (making actors) and `.remote()` (calling their methods), which the source does.

    `ray.remote(cls).options(…).remote(…)` is one expression that makes an actor. A plain `name.remote` that is not called
    is something else: aiohttp's `request.remote`, a client's address.
    """
    names = {"ray"} | {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "ray"
    }
    found = set()
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "remote":
            if any(dotted(part) in {f"{name}.remote" for name in names} for part in chain(node)):
                found.add("ray.remote")
            elif id(node) in called or not isinstance(node.value, ast.Name):
                found.add(".remote()")
        if isinstance(node, ast.ImportFrom) and node.module == "ray" and not node.level:
            found |= {"ray.remote" for alias in node.names if alias.name == "remote"}
    return found


def chain(node: ast.expr) -> Iterator[ast.expr]:
    """The links of `a.b(…).c`, from the last to the first."""
    while True:
        yield node
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return


def form_faults(path: str, source: str, tree: ast.Module) -> Iterator[str]:
    if (lines := source.count("\n")) > LONGEST:
        yield f"{path} has {lines} lines"
    if not ast.get_docstring(tree) and source.strip():
        yield f"{path} has no docstring"


@functools.cache
def product() -> dict[str, str]:
    folders = [ROOT / name for name in LAYERS]
    files = [p for folder in folders if folder.is_dir() for p in folder.rglob("*.py")]
    own = [p for p in (ROOT / "tertulia").iterdir() if not p.is_symlink()]
    files += [p for path in own for p in ([path] if path.suffix == ".py" else path.rglob("*.py"))]
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(files)}


def faults_in(
    check: Callable[[str, ast.Module], Iterator[str]], source: str, path: str = "core/x.py"
) -> list[str]:
    return list(check(path, parse(source)))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/x.py", "from ..storage import journal"),
        ("core/x.py", "from .. import storage"),
        ("core/x.py", "from ..settings import Settings"),
        ("storage/x.py", "from ..actors.host import Host"),
        ("storage/embedded/x.py", "from ...actors import host"),
        ("actors/x.py", "def f():\n    from ..storage import journal"),
        ("channels/x.py", "from ..storage.secrets import load_or_create"),
        ("http/x.py", "from ..storage import journal"),
        ("http/x.py", "from ..compose import server"),
        ("http/x.py", "from tertulia.core import errors"),
        ("tertulia/x.py", "import storage.journal"),
        ("core/x.py", "from ...x import y"),
        (
            "core/x.py",
            "try:\n    pass\nexcept A:\n    match x:\n        case 1:\n            from ..storage import y",
        ),
        ("core/x.py", "if x:\n    pass\nelse:\n    with x:\n        from ..storage import y"),
        ("core/x.py", "class A:\n    try:\n        pass\n    finally:\n        from ..storage import y"),
    ],
)
def test_the_checker_sees_a_broken_layer(path: str, source: str) -> None:
    assert faults_in(layer_faults, source, path)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/x.py", "from .errors import Invalid\nfrom . import errors\nimport msgspec, http.client"),
        (
            "storage/embedded/x.py",
            "from .errors import A\nfrom ...core import errors\nfrom .. import secrets",
        ),
        ("http/api/x.py", "from ...actors.ports import P\nfrom ...settings import Settings"),
        ("actors/x.py", "from .. import settings"),
        ("tertulia/compose.py", "from .storage import a\nfrom .http import b\nfrom . import settings"),
    ],
)
def test_the_checker_lets_a_good_layer_pass(path: str, source: str) -> None:
    assert faults_in(layer_faults, source, path) == []


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio",
        "from aiohttp import web",
        "import random as r",
        "import time\ntime.time()",
        "import time as t\nt.monotonic()",
        "from time import time",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "from datetime import datetime as dt\ncall = dt.now",
        "from datetime import date\ndate.today()",
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid4",
        "import os\nos.urandom(8)",
        "import secrets",
        "async def f(): ...",
        "class A:\n    async def f(self): ...",
        "class A(Protocol):\n    async def f(self): await g()",
        "open('x')",
    ],
)
def test_the_checker_sees_an_impurity(source: str) -> None:
    assert faults_in(purity_faults, source)


def test_the_checker_lets_the_pure_pass() -> None:
    source = "import uuid\nfrom datetime import datetime, timedelta, UTC\nuuid.UUID(int=1)\ndatetime(2026, 1, 1)\nx.time()"
    assert faults_in(purity_faults, source) == []
    port = 'class Port(Protocol):\n    async def f(self) -> int:\n        """Waits."""\n        ...'
    assert faults_in(purity_faults, port) == []


def test_the_checker_tells_making_actors_from_calling_them() -> None:
    assert ray_uses(ast.parse("import ray\nray.remote(Host)")) == {"ray.remote"}
    assert ray_uses(ast.parse("import ray as r\n@r.remote\nclass A: ...")) == {"ray.remote"}
    assert ray_uses(ast.parse("from ray import remote")) == {"ray.remote"}
    assert ray_uses(ast.parse("handle.turn.remote(1)")) == {".remote()"}
    assert ray_uses(ast.parse("handle.turn.options(x=1).remote(1)")) == {".remote()"}
    assert ray_uses(ast.parse("call = handle.turn.remote")) == {".remote()"}
    assert ray_uses(ast.parse("getattr(handle, name).remote(1)")) == {".remote()"}
    assert ray_uses(ast.parse("import ray\nmake = ray.remote(Host).options(x=1).remote")) == {"ray.remote"}
    assert ray_uses(ast.parse("import ray\nremote(1); request.remote_address; request.remote")) == set()


def test_the_checker_sees_bad_form() -> None:
    def faults(source: str) -> list[str]:
        return list(form_faults("x.py", source, parse(source)))

    assert faults("x = 1\n") and faults('"""Doc."""\n' + "x = 1\n" * LONGEST)
    assert faults("") == [] and faults('"""Doc."""\nx = 1\n') == []


def test_layers() -> None:
    assert [fault for path, source in product().items() for fault in layer_faults(path, parse(source))] == []


def test_core_is_pure() -> None:
    sources = {path: source for path, source in product().items() if path.startswith("core/")}
    assert sources
    assert [fault for path, source in sources.items() for fault in purity_faults(path, parse(source))] == []


@pytest.mark.parametrize(
    ("use", "module"),
    [("ray.remote", "actors/actor_options.py"), (".remote()", "actors/transport/ray_calls.py")],
)
def test_one_module_makes_actors_and_one_calls_them(use: str, module: str) -> None:
    """Of the server; the simulator, which is none of it, has a module of its own for its workers."""
    sources = {path: source for path, source in product().items() if "remote" in source}
    users = [path for path, source in sources.items() if use in ray_uses(parse(source))]
    assert users == [module, "simulator/run/ray_workers.py"]


def test_form() -> None:
    faults = [f for path, source in product().items() for f in form_faults(path, source, parse(source))]
    assert faults == []


@pytest.mark.parametrize("name", sorted(LINKS))
def test_the_package_is_links_to_the_folders(name: str) -> None:
    link = ROOT / "tertulia" / name
    assert link.is_symlink() and str(link.readlink()) == f"../{LINKS[name]}"


def test_the_type_checker_reads_every_folder() -> None:
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]["include"]
    assert set(included) == {"tertulia", *(f"tertulia/{name}" for name in LINKS)}


def test_http_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "http/__init__.py").exists(), (
        "any process with the root on its path would import it as http"
    )
    program = "import sys; sys.path.insert(0, sys.argv[1]); import http.client; print(http.client.__file__)"
    command = [sys.executable, "-c", program, str(ROOT)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not Path(found).is_relative_to(ROOT / "http")


def normalizes(tree: ast.Module) -> bool:
    """Whether a source calls `unicodedata.normalize`, by whatever name, or takes it to hand on."""
    names = {"unicodedata"} | {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "unicodedata"
    }
    taken = {(module, name) for _, level, module, name in imports(tree) if not level}
    return ("unicodedata", "normalize") in taken or any(
        isinstance(node, ast.Attribute) and node.attr == "normalize" and dotted(node.value) in names
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import unicodedata\nunicodedata.normalize('NFC', x)", True),
        ("import unicodedata as u\nf = u.normalize", True),
        ("from unicodedata import normalize as n", True),
        ("import unicodedata\nunicodedata.category(x)", False),
        ("from .normalization import normalized", False),
    ],
)
def test_the_checker_sees_who_normalizes(source: str, found: bool) -> None:
    assert normalizes(parse(source)) is found


def test_one_module_normalizes_text() -> None:
    """It bounds runs of combining marks first, without which normalising is quadratic."""
    sources = {path: source for path, source in product().items() if "unicodedata" in source}
    users = {path for path, source in sources.items() if normalizes(parse(source))}
    assert users == {"core/text/normalization.py"}
