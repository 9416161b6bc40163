"""Writes the generated parts of the clients from the server's OpenAPI document; `make clients` runs it.

`tests/client/test_generated.py` checks that they are up to date.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from generator.events import npm_event_names, npm_events, python_events  # noqa: E402
from generator.operations import calls, methods, operations  # noqa: E402
from generator.schemas import NOTE, Json, models  # noqa: E402

from tertulia import __version__  # noqa: E402
from tertulia.http.documents import openapi  # noqa: E402
from tertulia.http.routes import ALL  # noqa: E402

PYTHON = ROOT / "client/python/tertulia/client/generated"
NPM = ROOT / "client/npm"


def document() -> Json:
    """The document as a server gives it."""
    return json.loads(msgspec.json.encode(openapi.document(ALL, __version__)))


def formatted(source: str) -> str:
    """As ruff formats it, without imports that are not used."""
    name = "client/python/tertulia/client/generated/module.py"
    for command in (["check", "--quiet", "--fix", "--select", "F401,I"], ["format", "--quiet"]):
        ruff = [str(Path(sys.executable).with_name("ruff")), *command, "--stdin-filename", name, "-"]
        source = subprocess.run(
            ruff, input=source, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
    return source


def files(doc: Json) -> dict[Path, str]:
    """Every file that is generated here, with its text."""
    found = calls(doc)
    return {
        PYTHON / "models.py": formatted(models(doc)),
        PYTHON / "events.py": formatted(python_events(doc)),
        NPM / "events.d.ts": npm_events(doc),
        NPM / "event_types.js": npm_event_names(doc),
        PYTHON / "operations.py": formatted(operations(found)),
        PYTHON / "blocking.py": formatted(methods(found, asynchronous=False)),
        PYTHON / "nonblocking.py": formatted(methods(found, asynchronous=True)),
    }


def stamp(doc: Json) -> str:
    """The first line of the TypeScript types: which document they were made from."""
    digest = hashlib.sha256(json.dumps(doc, sort_keys=True).encode()).hexdigest()
    return f"// {NOTE} sha256:{digest}\n"


def write_types(doc: Json) -> None:
    """Write the TypeScript types with openapi-typescript, which npm installs first."""
    if not (NPM / "node_modules/openapi-typescript").exists():
        subprocess.run(
            ["npm", "install", "--no-fund", "--no-audit", "--no-package-lock"], check=True, cwd=NPM
        )
    (NPM / "openapi.json").write_text(json.dumps(doc))
    subprocess.run(["npm", "run", "--silent", "types"], check=True, cwd=NPM, stdout=subprocess.DEVNULL)
    types = NPM / "openapi.d.ts"
    types.write_text(stamp(doc) + types.read_text())


def stale_files(doc: Json) -> list[Path]:
    """The generated files that are out of date."""
    found = [path for path, text in files(doc).items() if not path.exists() or path.read_text() != text]
    types = NPM / "openapi.d.ts"
    if not types.exists() or not types.read_text().startswith(stamp(doc)):
        found.append(types)
    return found


def main() -> None:
    doc = document()
    stale = stale_files(doc)
    for path, text in files(doc).items():
        path.write_text(text)
    if NPM / "openapi.d.ts" in stale:
        write_types(doc)


if __name__ == "__main__":
    main()
