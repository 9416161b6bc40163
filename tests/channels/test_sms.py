"""SMS by Twilio: forms in the shape of its documents, and its published signatures."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from calls import ID, any_text, call, form, junk, must_hold, only, unhurried
from hypothesis import given
from hypothesis import strategies as st

from tertulia.channels.shared import signing
from tertulia.channels.sms import channel
from tertulia.core.channels.messages import (
    Faulty,
    Inbound,
    Media,
    NotSent,
    Outbound,
    OutboundFile,
    Receipt,
    Sender,
    Sent,
)

ACCOUNT = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
CREDENTIALS = {"account_sid": ACCOUNT, "auth_token": "12345", "from_number": "+15017122661"}
SIGNATURE = "x-twilio-signature"
SID = "SMbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
MEDIA = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}/Media/ME1"
TEXT = {
    "ToCountry": "US",
    "MessageSid": SID,
    "SmsSid": SID,
    "SmsMessageSid": SID,
    "AccountSid": ACCOUNT,
    "From": "+14158675309",
    "To": "+15017122661",
    "Body": "Où est ma commande ? 100 % + 1 €",
    "NumMedia": "0",
    "NumSegments": "1",
    "SmsStatus": "received",
    "ApiVersion": "2010-04-01",
}

# https://www.twilio.com/docs/usage/security and the tests of Twilio's own libraries
DOCUMENTED = "https://mycompany.com/myapp.php?foo=1&bar=2"
PUBLISHED = [
    (
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    ),
    ("Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
]


@pytest.mark.parametrize(("body", "signature"), PUBLISHED)
def test_the_published_signatures_hold(body: str, signature: str) -> None:
    called = call(body.encode(), {SIGNATURE: signature}, url=DOCUMENTED)
    assert channel.verify(called, CREDENTIALS)


@pytest.mark.parametrize(("body", "signature"), PUBLISHED)
@pytest.mark.parametrize(
    "change",
    [
        {"url": DOCUMENTED.replace("https", "http")},
        {"url": DOCUMENTED.replace("foo=1&bar=2", "bar=2&foo=1")},
        {"url": DOCUMENTED.replace("?foo=1&bar=2", "")},
        {"url": DOCUMENTED.replace("mycompany", "yourcompany")},
        {"url": DOCUMENTED.replace(".com", ".com:443") + "&"},
        {"body": b""},
        {"body": b"x=y"},
        {"headers": {}},
        {"headers": {SIGNATURE: ""}},
        {"headers": {SIGNATURE: "RSOYDt4T1cUTdK1PDd93/VVr8B9="}},
        {"headers": {SIGNATURE: "é\udcff\0"}},
    ],
)
def test_anything_else_does_not(body: str, signature: str, change: dict[str, Any]) -> None:
    called: dict[str, Any] = {"url": DOCUMENTED, "body": body.encode(), "headers": {SIGNATURE: signature}}
    assert not channel.verify(call(**(called | change)), CREDENTIALS)


def test_another_token_and_none() -> None:
    body, signature = PUBLISHED[0]
    called = call(body.encode(), {SIGNATURE: signature}, url=DOCUMENTED)
    assert not channel.verify(called, {"auth_token": "12346"})
    empty = call(b"", {SIGNATURE: signing.twilio("", DOCUMENTED, [])}, url=DOCUMENTED)
    assert not channel.verify(empty, {"auth_token": ""}) and not channel.verify(empty, {})


@pytest.mark.parametrize(
    ("signed", "seen", "holds"),
    [
        ("https://a.example/x?y", "https://a.example/x?y", True),
        ("https://a.example:443/x?y", "https://a.example/x?y", True),
        ("https://a.example/x?y", "https://a.example:443/x?y", True),
        ("http://a.example:80/x", "http://a.example/x", True),
        ("https://a.example/x", "https://a.example:8443/x", True),
        ("https://a.example:8443/x", "https://a.example:8443/x", True),
        ("https://a.example:80/x", "https://a.example/x", False),
        ("https://u:p@a.example:443/x", "https://u:p@a.example/x", True),
        ("https://[::1]/x", "https://[::1]:443/x", True),
        ("https://a.example:99999/x", "https://a.example:99999/x", True),
    ],
)
def test_the_port_may_be_named_or_not(signed: str, seen: str, holds: bool) -> None:
    signature = signing.twilio("12345", signed, TEXT.items())
    assert channel.verify(form(TEXT, url=seen, headers={SIGNATURE: signature}), CREDENTIALS) is holds


@unhurried
@given(st.text(), st.binary(), st.text(), st.text(min_size=1))
def test_verifying_never_raises(header: str, body: bytes, url: str, token: str) -> None:
    assert not channel.verify(call(body, {SIGNATURE: header}, url=url), {"auth_token": token})


@unhurried
@given(st.lists(st.tuples(st.text(), st.text()), max_size=20))
def test_every_form_can_be_signed(fields: list[tuple[str, str]]) -> None:
    body = urlencode(fields, errors="replace")
    signature = signing.twilio("12345", DOCUMENTED, parse_qsl(body, keep_blank_values=True))
    assert channel.verify(call(body.encode(), {SIGNATURE: signature}, url=DOCUMENTED), CREDENTIALS)


def test_too_many_fields_are_refused() -> None:
    called = call(b"&".join(b"a%d=1" % n for n in range(1001)), {SIGNATURE: "x"})
    assert not channel.verify(called, CREDENTIALS)
    with pytest.raises(ValueError):
        channel.parse(called, {})


def read(fields: Any) -> Any:
    return only(channel.parse(form(fields), {}))


def test_a_text() -> None:
    assert read(TEXT) == Inbound(SID, Sender("+14158675309"), "Où est ma commande ? 100 % + 1 €")


def test_pictures_without_words() -> None:
    files = {"NumMedia": "2", "MediaUrl0": MEDIA, "MediaContentType0": "image/jpeg", "MediaUrl1": MEDIA + "2"}
    found = read(TEXT | {"Body": ""} | files)
    assert (found.content, found.content_type) == ("", "image")
    assert found.media == (
        Media("image", url=MEDIA, content_type="image/jpeg"),
        Media("document", url=MEDIA + "2"),
    )


def test_at_most_ten_files() -> None:
    files = {f"MediaUrl{n}": f"{MEDIA}{n}" for n in range(12)}
    assert len(read(TEXT | files | {"NumMedia": "12"}).media) == 10
    for count in ("", "x", "-1", "٣", "1e3", "9999"):
        assert read(TEXT | files | {"NumMedia": count}).media == ()


def test_an_empty_text_says_so() -> None:
    assert read(TEXT | {"Body": ""}).content == "[empty message]"


@pytest.mark.parametrize(
    ("number", "identifier"),
    [("+14158675309", "+14158675309"), ("+49 (0)171 1234567", "+491711234567"), ("32665", "32665"), ("ACME", "ACME")],
)  # fmt: skip
def test_who_writes(number: str, identifier: str) -> None:
    assert read(TEXT | {"From": number}).sender.identifier == identifier


def test_a_customer_who_wants_no_more() -> None:
    assert read(TEXT | {"Body": "STOP", "OptOutType": "STOP"}).metadata == {"opt_out": "STOP"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("undelivered", "failed"), ("failed", "failed")],
)  # fmt: skip
def test_receipts(status: str, expected: str) -> None:
    fields = {"MessageSid": SID, "SmsSid": SID, "MessageStatus": status, "SmsStatus": status, "To": "+1415"}
    found = read(fields)
    assert (found.status, found.provider_ids) == (expected, (SID,))
    assert (found.error is None) == (expected != "failed")


@pytest.mark.parametrize("status", ["queued", "accepted", "sending", "scheduled"])
def test_what_says_nothing_new(status: str) -> None:
    assert channel.parse(form({"MessageSid": SID, "MessageStatus": status}), {}) == []


def test_a_failure_says_why() -> None:
    fields = {"MessageSid": SID, "MessageStatus": "undelivered"}
    assert read(fields | {"ErrorCode": "30003"}) == Receipt(
        "failed", (SID,), error={"code": "30003", "detail": "Twilio says that the message is undelivered"}
    )
    told = read(fields | {"ErrorCode": "30003", "ErrorMessage": "Unreachable"})
    assert told.error == {"code": "30003", "detail": "Unreachable"}
    assert read(fields).error["code"] == "undelivered"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"From": ""}, "From is missing"),
        ({"From": "+" + "1" * 30}, "no number has 30 digits"),
        ({"NumMedia": "1"}, "MediaUrl0 is missing"),
        ({"MessageSid": "x" * 600}, "MessageSid is longer than 512 characters"),
    ],
)
def test_a_broken_message_is_set_aside(change: dict[str, str], reason: str) -> None:
    assert read(TEXT | change) == Faulty(reason, TEXT | change)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xff", b"Body=hi&From=%2B1", b"MessageSid=&SmsSid="])
def test_a_senseless_form_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        channel.parse(call(body), {})


def test_text_that_cannot_be_stored_is_mended() -> None:
    body = b"MessageSid=SM1&From=%2B14158675309&Body=a%00b%ED%A0%80c%F0%9F%98%80"
    found = only(channel.parse(call(body), {}))
    assert found.content.startswith("a\ufffdb\ufffd") and found.content.endswith("c😀")
    assert found.content.isprintable()


@unhurried
@given(st.dictionaries(st.sampled_from([*TEXT, "MessageStatus", "MediaUrl0", "ErrorCode"]), any_text))
def test_no_form_breaks_the_parser(changes: dict[str, str]) -> None:
    fields = {**TEXT, **changes}
    must_hold(channel, call(urlencode(fields, errors="surrogatepass").encode()))


@unhurried
@given(st.binary())
def test_no_body_breaks_the_parser(body: bytes) -> None:
    must_hold(channel, call(body))
    must_hold(channel, call(b"MessageSid=SM1&From=%2B1&" + body))


def test_twilio_is_told_to_say_nothing() -> None:
    answer = channel.answer()
    assert (answer.status, answer.body, answer.content_type) == (200, b"<Response/>", "text/xml")
    assert channel.challenge(call(method="GET"), CREDENTIALS) is None


def sends(**fields: Any) -> list[Any]:
    given = {"to": "+14158675309", "content": "Hello", **fields}
    found = channel.requests(Outbound(ID, "c", **given), CREDENTIALS, "http://double", "https://desk/status")
    for request in found:
        assert request.url == f"http://double/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        assert (request.method, request.auth, request.json) == ("POST", (ACCOUNT, "12345"), None)
        assert request.form[:2] == (("From", "+15017122661"), ("To", "+14158675309"))
        assert request.form[-1] == ("StatusCallback", "https://desk/status")
    return [request.form[2:-1] for request in found]


def test_a_text_is_sent() -> None:
    assert sends() == [(("Body", "Hello"),)]
    assert [len(parts[0][1]) for parts in sends(content="x" * 1601)] == [1600, 1]


def test_files_are_sent() -> None:
    files = tuple(OutboundFile(f"https://desk/{n}") for n in range(11))
    first, second = sends(files=files)
    assert first == (("Body", "Hello"), *(("MediaUrl", f"https://desk/{n}") for n in range(10)))
    assert second == (("MediaUrl", "https://desk/10"),)
    assert sends(content="", files=files[:1]) == [(("MediaUrl", "https://desk/0"),)]


@pytest.mark.parametrize(
    ("type_", "size", "goes"),
    [
        ("image/jpeg", 5_000_000, True),
        ("image/jpeg", 5_000_001, False),
        ("image/png; q=1", None, True),
        ("image/heic", 3, False),
        ("application/pdf", 500_000, True),
        ("application/pdf", 500_001, False),
        ("application/zip", 3, False),
        (None, 3, True),
    ],
)
def test_a_file_that_mms_does_not_take_is_sent_as_its_address(
    type_: str | None, size: int | None, goes: bool
) -> None:
    (parts,) = sends(files=(OutboundFile("https://desk/1", "a.x", type_, size),))
    linked = (("Body", "Hello\na.x\nhttps://desk/1"),)
    assert parts == ((("Body", "Hello"), ("MediaUrl", "https://desk/1")) if goes else linked)


def test_long_texts_and_addresses_go_apart_and_large_files_in_several_messages() -> None:
    linked = OutboundFile("https://desk/z", "z.zip", "application/zip", 3)
    assert sends(content="x" * 1600, files=(linked,)) == [
        (("Body", "x" * 1600),),
        (("Body", "z.zip\nhttps://desk/z"),),
    ]
    large = tuple(OutboundFile(f"https://desk/{n}", None, "image/png", 2_000_000) for n in range(3))
    assert sends(content="", files=large) == [
        (("MediaUrl", "https://desk/0"), ("MediaUrl", "https://desk/1")),
        (("MediaUrl", "https://desk/2"),),
    ]


def test_nothing_is_asked_for_where_no_receipts_can_go() -> None:
    (request,) = channel.requests(Outbound(ID, "c", "+1", "Hi"), CREDENTIALS, "http://double", "")
    assert request.form == (("From", "+15017122661"), ("To", "+1"), ("Body", "Hi"))


@pytest.mark.parametrize(
    ("http", "code", "retry", "slow_down"),
    [
        (429, 20429, True, True),
        (429, None, True, True),
        (400, 21610, False, False),
        (400, 21211, False, False),
        (401, 20003, False, False),
        (400, 21611, True, True),
        (400, 63018, True, True),
        (503, 20503, True, False),
        (500, None, True, False),
    ],
)
def test_what_a_refusal_means(http: int, code: int | None, retry: bool, slow_down: bool) -> None:
    body = {"code": code, "message": "Because.", "more_info": "https://www.twilio.com/docs", "status": http}
    found = channel.outcome(http, {"Retry-After": "2"}, json.dumps(body).encode())
    wait = 2.0 if retry else None
    assert found == NotSent(str(code or f"http_{http}"), "Because.", retry, wait, slow_down)


def test_what_was_taken() -> None:
    body = {"sid": SID, "status": "queued", "error_code": None}
    assert channel.outcome(201, {}, json.dumps(body).encode()) == Sent(SID)
    assert channel.outcome(201, {}, b"") == Sent(None)


@unhurried
@given(st.integers(100, 599), st.binary() | junk.map(lambda body: json.dumps(body).encode()))
def test_no_answer_breaks_the_reading(http: int, body: bytes) -> None:
    assert isinstance(channel.outcome(http, {}, body), Sent if 200 <= http < 300 else NotSent)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (MEDIA, True),
        (MEDIA.replace("api.twilio.com", "API.twilio.com:443"), True),
        (MEDIA.replace("https", "http"), False),
        (MEDIA.replace("api.twilio.com", "api.twilio.com.evil.example"), False),
        (MEDIA.replace("api.twilio.com", "api.twilio.com:444"), False),
        ("https://api.twilio.com@evil.example/", False),
        ("https://evil.example\\@api.twilio.com/", False),
        ("https://evil.example/?https://api.twilio.com", False),
        ("https://api.twilio.com:99999/", False),
        ("//api.twilio.com/", False),
        ("x", False),
    ],
)
def test_only_twilio_is_told_the_token(url: str, told: bool) -> None:
    step = channel.media_step(Media("image", url=url), CREDENTIALS, channel.base_url, None)
    assert step.last and step.request.url == url
    assert step.request.auth == ((ACCOUNT, "12345") if told else None)


def test_a_double_is_told_its_own_token() -> None:
    step = channel.media_step(
        Media("image", url="http://127.0.0.1:9/m"), CREDENTIALS, "http://127.0.0.1:9/twilio", None
    )
    assert step.request.auth == (ACCOUNT, "12345")


def test_a_status_that_nobody_documents_is_set_aside() -> None:
    assert isinstance(only(channel.parse(form({"MessageSid": SID, "MessageStatus": "what"}), {})), Faulty)


@pytest.mark.parametrize(
    ("fields", "content", "content_type"),
    [
        ({"Latitude": "9.03", "Longitude": "38.74", "Label": "Bole", "Address": "Road 1"}, "Bole\nRoad 1\n9.03, 38.74", "location"),
        ({"ButtonText": "Yes", "ButtonPayload": "y"}, "Yes", "button"),
        ({"ListTitle": "Tuesday", "ListId": "2"}, "Tuesday", "button"),
        ({"ReactionEmoji": "👍", "ReactionMessageSid": "SM1"}, "👍", "reaction"),
        ({"Body": "hi", "ReferralSourceUrl": "https://ad.example"}, "hi", "text"),
        ({"FlowData": '{"size": 4, "gift": true}', "MessageType": "interactive"}, "[form]\nsize: 4\ngift: yes", "form"),
        ({"Body": "Sent", "FlowData": '{"size": 4}'}, "Sent\nsize: 4", "form"),
        ({"ButtonPayload": "yes-7"}, "yes-7", "button"),
    ],
)  # fmt: skip
def test_what_comes_in_place_of_a_body(fields: dict[str, str], content: str, content_type: str) -> None:
    found = only(channel.parse(form({"MessageSid": SID, "From": "+14155550101", "Body": "", **fields}), {}))
    assert (found.content, found.content_type) == (content, content_type)
    assert found.metadata == {key: value for key, value in fields.items() if key != "Body"}


@pytest.mark.parametrize(
    ("sender", "to", "identifier"),
    [
        ("whatsapp:+5511912345678", "whatsapp:+14155238886", "+5511912345678"),
        ("rcs:+14158675309", "rcs:acme_agent", "+14158675309"),
        ("RCS:+14158675309", "rcs:acme_agent", "+14158675309"),
        ("messenger:7777777777", "messenger:1234", "messenger:7777777777"),
    ],
)
def test_an_answer_takes_the_way_by_which_the_message_came(sender: str, to: str, identifier: str) -> None:
    """The number behind a scheme is the same customer's as by SMS; a scheme's addresses answer each other."""
    told = only(channel.parse(form({**TEXT, "From": sender, "To": to}), {}))
    assert told.sender.identifier == identifier
    message = Outbound(ID, "c", identifier, "Hello", answered=told.metadata)
    (request,) = channel.requests(message, CREDENTIALS, "http://double", "")
    assert dict(request.form or ()) == {"From": to, "To": sender, "Body": "Hello"}


@pytest.mark.parametrize(
    "answered",
    [{}, {"address": "x"}, {"address": {"from": "+1", "to": "rcs:x"}}, {"address": {"from": "rcs:+1"}}],
)
def test_otherwise_an_answer_is_an_sms(answered: dict[str, Any]) -> None:
    (request,) = channel.requests(
        Outbound(ID, "c", "+14158675309", "Hello", answered=answered), CREDENTIALS, "http://double", ""
    )
    assert dict(request.form or ())["From"] == CREDENTIALS["from_number"]
