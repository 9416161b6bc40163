"""Finding words in what people write, in their scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.text.text_matching import Text, fold


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("I want a REFUND!", "refund"),
        ("Refund?", "refund"),
        ("my order-number is 5", "order number"),
        ("please speak to   human\nnow", "speak to human"),
        ("Quiero una devolución", "devolucion"),
        ("devolucion", "devolución"),
        ("devolucio\u0301n", "devolución"),
        ("Ich möchte die STRASSE wechseln", "straße"),
        ("parler à l'agent", "agent"),
        ("İade istiyorum", "iade"),
        ("ｒｅｆｕｎｄ", "refund"),
        ("ገንዘቤን፡ይመልሱልኝ።", "ይመልሱልኝ"),
        ("ሰው ማናገር እፈልጋለሁ", "ሰው ማናገር"),
        ("أريد اِسترداد المبلغ", "استرداد"),
        ("أريد اســترداد المبلغ", "استرداد"),
        ("می‌خواهم", "میخواهم"),
        ("我要退款，谢谢", "退款"),
        ("注文をキャンセルしたい", "キャンセル"),
        ("返品したいです", "返品"),
        ("ต้องการคืนเงินค่ะ", "คืนเงิน"),
        ("환불 해주세요", "환불"),
        ("मुझे रिफंड चाहिए", "रिफंड"),
        ("love it 👍🏽", "👍"),
        ("c++ please", "C++"),
        ("снег идёт", "идет"),
    ],
)
def test_found(text: str, phrase: str) -> None:
    assert Text(text).has(phrase)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("refunded", "refund"),
        ("prerefund", "refund"),
        ("humanity", "human"),
        ("speak to a human", "speak to human"),
        ("human to speak", "speak to human"),
        ("ይመልሱልኝም", "ይመልሱልኝ"),
        ("कुल", "कल"),
        ("キャンセラー", "キャンセル"),
        ("退了款", "退款"),
        ("anything", ""),
        ("anything", " ?! "),
        ("c+", "c++"),
        ("", "x"),
    ],
)
def test_not_found(text: str, phrase: str) -> None:
    assert not Text(text).has(phrase)


@given(st.text(max_size=60))
def test_folding_is_done_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_phrase_between_blanks_is_found(before: str, phrase: str, after: str) -> None:
    text = Text(f"{before} {phrase} {after}")
    assert text.has(phrase) or Text(phrase).empty


def test_the_first_phrase_that_is_there() -> None:
    assert Text("a manager or a human").first_of(["person", "human", "manager"]) == "human"
    assert Text("hello").first_of(["human"]) is None
