"""Telephone numbers: how they are written down, and the other spellings of the same subscriber."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.accounts import phones
from tertulia.core.accounts.identifiers import normalised, spellings
from tertulia.core.errors import Invalid


@pytest.mark.parametrize(
    "text",
    [
        "+447700900123", "00447700900123", "447700900123", "+44 (0)7700 900123", "\u202a+44 7700 900123\u202c", "\u200e+447700900123",
        "\ufeff+44\u20117700\u2011900123", "＋４４７７００９００１２３", "+٤٤٧٧٠٠٩٠٠١٢٣", "tel:+447700900123", "whatsapp:00447700900123", "\u2066+447700900123\u2069",
        "+44\u00a07700\u00a0900123", "+44.7700.900.123", "00 44 7700 900123", "011 44 7700 900123", "0011 44 7700 900123", "(+44) 7700 900123", "+44_7700_900123",
        "+44\u22127700\u2212900123", "+44 • 7700 • 900123", "https://wa.me/447700900123", "wa.me/447700900123?text=hi", "https://api.whatsapp.com/send?phone=447700900123",
        "447700900123@s.whatsapp.net", "447700900123@c.us", "callto:+447700900123", "sms:+447700900123?body=hi", "tel:+44-7700-900123;phone-context=x",
        "+00 44 7700 900123", "+0044 7700 900123", "rcs:+447700900123",
    ],
)  # fmt: skip
def test_one_number_has_one_spelling(text: str) -> None:
    assert normalised("whatsapp", text, "x") == normalised("sms", text, "x") == "+447700900123"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@ana",
        "ana",
        "+",
        "0044770",
        "12",
        "+44 7700 900123 ext",
        "+447700900123;ext=5",
        "sip:ana@x.example",
        "wa.me/message/ABC",
        "\u200e",
        "1" * 300,
    ],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        normalised("whatsapp", text, "x")


@pytest.mark.parametrize("name", ["@ana_gil", "https://t.me/ana_gil", "t.me/ana_gil"])
def test_a_user_name_is_no_identifier(name: str) -> None:
    with pytest.raises(Invalid):
        normalised("telegram", name, "x")
    assert normalised("telegram", "7777777777", "x") == "7777777777"


@pytest.mark.parametrize(
    "text", ["+54 9 11 15 2345-6789", "+54 11 15 2345-6789", "0054 9 11 15-2345-6789", "+54 9 11 2345-6789"]
)
def test_the_marks_of_an_argentine_mobile_number_are_one(text: str) -> None:
    assert normalised("whatsapp", text, "x") == "+5491123456789"


PAIRS = [
    ("+5511987808080", "+551187808080"),
    ("+5585991234567", "+558591234567"),
    ("+5215512345678", "+525512345678"),
    ("+5491123456789", "+541123456789"),
    ("+2290197123456", "+22997123456"),
    ("+2250707123456", "+22507123456"),
    ("+2250544123456", "+22544123456"),
    ("+2250102123456", "+22502123456"),
]


@pytest.mark.parametrize(("new", "old"), PAIRS)
def test_a_national_plan_s_spellings_lead_to_one_another(new: str, old: str) -> None:
    assert phones.variants(new) == (old,) and phones.variants(old) == (new,)
    assert (
        spellings("whatsapp", [new]) == spellings("sms", [new]) == [old]
        and spellings("telegram", [new]) == []
    )
    for number in (new, old):
        assert normalised("whatsapp", number, "x") == number


@pytest.mark.parametrize(
    "number",
    ["+551133334444", "+5511933334444", "+447700900123", "+14155550101", "+52551234", "+22520123456"],
)
def test_other_numbers_have_one_spelling(number: str) -> None:
    """A landline of Brazil is nobody's mobile number without its 9."""
    assert phones.variants(number) == ()


@given(st.sampled_from(["+55", "+52", "+54", "+229", "+225", "+1", ""]), st.text("0123456789", max_size=12))
def test_a_spelling_s_spelling_is_the_number(code: str, rest: str) -> None:
    for other in phones.variants(code + rest):
        assert code + rest in phones.variants(other)


@given(st.text(max_size=300))
def test_reading_never_raises(text: str) -> None:
    found = phones.digits(text)
    assert found is None or (found.isascii() and (found.isdecimal() or not found))
