"""Archives of Markdown files: their unpacked size is bounded before anything is unpacked."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import pytest

from tertulia.core.assistance.articles import passages_of
from tertulia.core.assistance.markdown_files import MAX_DIRECTORY, MAX_FILES, unpacked
from tertulia.core.assistance.site_files import markdown_of
from tertulia.core.errors import Invalid


def _archive(count: int, name: str = "{}.md") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for n in range(count):
            archive.writestr(name.format(n), f"# Article {n}\nText")
    return packed.getvalue()


def test_as_many_files_as_may_be() -> None:
    files, skipped = unpacked(_archive(MAX_FILES, "help/" + "x" * 200 + "/{}.md"))
    assert (len(files), skipped) == (MAX_FILES, [])


@pytest.mark.parametrize("count", [MAX_FILES + 1, 20_000])
def test_more_are_refused_without_a_list_of_them(count: int) -> None:
    archive = _archive(count)
    tracemalloc.start()
    try:
        with pytest.raises(Invalid) as refused:
            unpacked(archive)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused.value.errors == (("file", f"at most {MAX_FILES} files"),)
    assert peak < 2 * len(archive) + MAX_DIRECTORY


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"no archive", b"PK\x05\x06" + bytes(16)])
def test_what_is_no_archive(content: bytes) -> None:
    with pytest.raises(Invalid):
        unpacked(content)


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>secret</p>",
        "<div STYLE='display:none'>a <div>secret</div> b</div>",
        '<span style="font-size: 0px">secret</span>',
        "<ul hidden=''><li>secret</ul>",
        "<!-- secret -->",
    ],
)
def test_what_a_page_does_not_show_is_not_read(hidden: str) -> None:
    title, body = markdown_of(
        f"<title>İstanbul</title><main><p>İ kept</p>{hidden}<p>there</p><input hidden>end</main>"
    )
    assert title == "İstanbul" and "secret" not in body
    assert [word for word in body.split() if word in ("kept", "there", "end")] == ["kept", "there", "end"]


def test_comments_are_in_no_passage() -> None:
    (passage,) = passages_of("# Returns\nWithin <!-- tell\neverybody --> 30 days. <!-- not closed")
    assert (
        "everybody" not in passage.content
        and passage.content.startswith("Within")
        and "not closed" in passage.content
    )
