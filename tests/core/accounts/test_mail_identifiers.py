"""E-mail identifiers as people, sheets and programs write them down: one address has one spelling."""

from __future__ import annotations

import pytest

from tertulia.core.accounts.identifiers import normalised
from tertulia.core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Ana <ANA@x.example>", "ana@x.example"), ('"Ruiz, Ana" <ana@x.example>', "ana@x.example"), ("“Ana” <ana@x.example>", "ana@x.example"),
        ("mailto:ana@x.example?subject=hi", "ana@x.example"), ("'ana@x.example'", "ana@x.example"), ("«ana@x.example»", "ana@x.example"), ("ana＠x.example", "ana@x.example"),
        ("ana@x.example (work)", "ana@x.example"), ("ana\u200b@x.example", "ana@x.example"), ("ana@x.example;", "ana@x.example"), ("o'neil@x.example", "o'neil@x.example"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"), ("ana@faß.example", "ana@xn--fa-hia.example"), ("ana@x。example", "ana@x.example"),
        ("анна@почта.example", "анна@xn--80a1acny.example"), ("ana@XN--BCHER-KVA.example", "ana@xn--bcher-kva.example"),
    ],
)  # fmt: skip
def test_one_address_has_one_spelling(text: str, address: str) -> None:
    assert normalised("email", text, "x") == address


@pytest.mark.parametrize(
    "text",
    [
        "ana@x", "ana@x..example", "ana@x.example.", ".ana@x.example", "ana.@x.example", "a@b@x.example", "ana @x.example", "ana@x.example, bob@x.example", "ana@[127.0.0.1]",
        "ana@127.0.0.1", '"a b"@x.example', "ana(at)x.example", "ana@-x.example", "ana@x_y.example", "ana@x,example", "Ana ana@x.example", "@x.example", "ana@" + "ß" * 300,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        normalised("email", text, "x")
