"""Zip archives of articles, as they are uploaded."""

from __future__ import annotations

import io
import zipfile


def archive(files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for path, content in files.items():
            out.writestr(path, content)
    return packed.getvalue()
