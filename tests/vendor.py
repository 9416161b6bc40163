"""`make vendor`: fetch the pages' libraries from the npm registry at their pinned versions, and write their hash manifest.

Libraries are used as published, except that bare import specifiers become paths, since the pages have no build step.
`tests/http/framework/test_openapi.py` holds the files equal to the manifest.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

VENDOR = Path(__file__).parents[1] / "http/static/vendor"


class Package(NamedTuple):
    """`files`: path in the package → path below `vendor/`. `rewrite`: text to replace in its scripts."""

    name: str
    version: str
    license: str
    files: dict[str, str]
    rewrite: Mapping[str, str] = MappingProxyType({})
    append: str = ""


IMPORTS = {
    '"preact/hooks"': '"./hooks.js"',
    '"preact"': '"./preact.js"',
    '"@preact/signals-core"': '"./signals-core.js"',
}
PACKAGES = [
    Package("swagger-ui-dist", "5.35.0", "Apache-2.0", {
        name: f"swagger-ui/{name}" for name in ("LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui.css")
    }),
    Package("preact", "11.2.0", "MIT", {
        "LICENSE": "preact/LICENSE", "dist/preact.mjs": "preact/preact.js", "hooks/dist/hooks.mjs": "preact/hooks.js",
    }, IMPORTS),
    Package("@preact/signals-core", "1.14.5", "MIT", {
        "LICENSE": "preact/LICENSE.signals-core", "dist/signals-core.mjs": "preact/signals-core.js",
    }, IMPORTS),
    Package("@preact/signals", "2.11.4", "MIT", {
        "LICENSE": "preact/LICENSE.signals", "dist/signals.mjs": "preact/signals.js",
    }, IMPORTS),
    Package("htm", "3.1.1", "Apache-2.0", {"LICENSE": "htm/LICENSE", "dist/htm.module.js": "htm/htm.js"}),
    Package("uplot", "1.6.32", "MIT", {
        "LICENSE": "uplot/LICENSE", "dist/uPlot.iife.min.js": "uplot/uplot.js", "dist/uPlot.min.css": "uplot/uplot.css",
    }, append="\nexport default uPlot;\n"),
]  # fmt: skip
"""`append`: what makes a module of a script."""
SOURCE_MAP = "\n//# sourceMappingURL="


def fetch(package: Package, folder: Path) -> dict[str, bytes]:
    """The package's files by their path below `vendor/`."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    made = {}
    with tarfile.open(fileobj=io.BytesIO((folder / packed.stdout.split()[-1]).read_bytes())) as archive:
        for inside, name in package.files.items():
            member = archive.extractfile(f"package/{inside}")
            assert member is not None
            made[name] = _as_module(package, name, member.read())
    return made


def _as_module(package: Package, name: str, body: bytes) -> bytes:
    if not name.endswith(".js") or not (package.rewrite or package.append or SOURCE_MAP.encode() in body):
        return body
    text = body.decode().split(SOURCE_MAP)[0]
    for bare, path in package.rewrite.items():
        text = text.replace(f"from{bare}", f"from{path}")
    return f"{text.rstrip()}\n{package.append.lstrip()}".encode()


def main() -> None:
    listed = []
    with tempfile.TemporaryDirectory() as folder:
        fetched = [(package, fetch(package, Path(folder))) for package in PACKAGES]
    shutil.rmtree(VENDOR)
    for package, files in fetched:
        for name, body in files.items():
            (VENDOR / name).parent.mkdir(parents=True, exist_ok=True)
            (VENDOR / name).write_bytes(body)
        listed.append(
            {
                "name": package.name,
                "version": package.version,
                "license": package.license,
                "source": "npm",
                "files": {name: hashlib.sha256(body).hexdigest() for name, body in sorted(files.items())},
            }
        )
    (VENDOR / "MANIFEST.json").write_text(json.dumps({"packages": listed}, indent=2) + "\n")


if __name__ == "__main__":
    if shutil.which("npm") is None:
        sys.exit("npm was not found; install it: sudo apt-get install npm")
    main()
