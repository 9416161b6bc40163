"""E-mail through Postmark: the meaning of its receipts, and how a mail is sent."""

from __future__ import annotations

from typing import Any

import msgspec
import postmark
import pytest
from calls import unhurried
from hypothesis import given
from hypothesis import strategies as st
from postmark import CREDENTIALS, JSON, OURS, parse, receipt

from tertulia.channels.email import channel
from tertulia.core.channels.messages import Faulty, NotSent, Outbound, OutboundFile, Receipt, Sent

MESSAGE_ID = "CAGXpo2WKfxHWZ5UFYCR3H_J9SNMG+5AXUovfEFL6DjWBJSyZaA@mail.customer.example"


# -- receipts


@pytest.mark.parametrize(
    ("body", "status", "at"),
    [
        (postmark.DELIVERY, "delivered", 1754081170123),
        (postmark.OPEN, "read", 1754081400000),
        (postmark.CLICK, "read", 1754081400000),
        (postmark.COMPLAINT, "delivered", 1754081170000),
    ],
)
def test_receipts(body: dict[str, Any], status: Any, at: int) -> None:
    clicked = body["RecordType"] == "Click"
    assert receipt(body) == Receipt(status, (OURS,), "m-1", at=at, clicked=clicked)


@pytest.mark.parametrize("kind", ["HardBounce", "SoftBounce"])
def test_a_bounce_after_which_nothing_is_tried_is_a_failure_with_its_reason(kind: str) -> None:
    found = receipt(postmark.BOUNCE | {"Type": kind})
    detail = "The server was unable to deliver your message (ex: unknown user, mailbox not found)."
    assert (found.status, found.error) == ("failed", {"code": kind, "detail": detail})
    assert (found.provider_ids, found.message_id) == ((OURS,), "m-1")


@pytest.mark.parametrize("kind", ["Transient", "DnsError"])
def test_a_bounce_after_which_postmark_goes_on_trying_changes_nothing(kind: str) -> None:
    assert parse(postmark.BOUNCE | {"Type": kind}) == []


@pytest.mark.parametrize("kind", ["AutoResponder", "AddressChange", "Unsubscribe", "Unknown", "Surprise"])
def test_other_bounces_are_set_aside(kind: str) -> None:
    body = postmark.BOUNCE | {"Type": kind}
    assert parse(body) == [Faulty(f"bounces of the type {kind} are not read", body)]


def test_a_receipt_that_names_no_message_is_nothing_and_a_changed_subscription_is_set_aside() -> None:
    assert parse(postmark.DELIVERY | {"MessageID": None, "Metadata": {}}) == []
    assert parse(postmark.SUBSCRIPTION) == [
        Faulty("the customer's subscription changed", postmark.SUBSCRIPTION)
    ]


# -- mail out

OUT = Outbound(
    "m-1",
    "c-1",
    "sara@customer.example",
    "It is <b>on</b> its way.\n\nYours,\nAcme",
    reply_to=MESSAGE_ID,
    references=("first@x", OURS),
    subject="AW: Where is my order?",
)


def sent(message: Outbound) -> dict[str, Any]:
    (request,) = channel.requests(
        message, CREDENTIALS, "https://api.postmarkapp.com/", "https://desk.example/s"
    )
    assert (request.method, request.url) == ("POST", "https://api.postmarkapp.com/email")
    assert request.headers["X-Postmark-Server-Token"] == CREDENTIALS["server_token"]
    msgspec.json.encode(request.json)
    return request.json


def test_an_answer_is_sent_into_its_thread() -> None:
    assert sent(OUT) == {
        "From": "support@acme.example",
        "To": "sara@customer.example",
        "Subject": "Re: Where is my order?",
        "TextBody": OUT.content,
        "HtmlBody": "<!DOCTYPE html><html><body><p>It is &lt;b&gt;on&lt;/b&gt; its way.</p><p>Yours,<br>Acme</p>"
        "</body></html>",
        "Headers": [
            {"Name": "In-Reply-To", "Value": f"<{MESSAGE_ID}>"},
            {"Name": "References", "Value": f"<first@x> <{OURS}@mtasv.net> <{MESSAGE_ID}>"},
        ],
        "Tag": "conversation",
        "Metadata": {"message_id": "m-1", "conversation_id": "c-1"},
        "TrackOpens": True,
        "TrackLinks": "HtmlOnly",
        "MessageStream": "outbound",
    }


@pytest.mark.parametrize(
    ("subject", "answers", "expected"),
    [
        ("Offer", False, "Offer"),
        ("Offer", True, "Re: Offer"),
        (None, True, "Re: Your message to us"),
        ("", False, "Your message to us"),
        ("Re: ", True, "Re: Your message to us"),
        ("a\r\nBcc: x@y", False, "a Bcc: x@y"),
    ],
)
def test_subjects(subject: str | None, answers: bool, expected: str) -> None:
    changed = {"subject": subject, "reply_to": "a@x" if answers else None, "references": ()}
    assert sent(msgspec.structs.replace(OUT, **changed))["Subject"] == expected


def test_ids_that_no_header_can_hold_are_left_out_and_long_chains_keep_their_ends() -> None:
    changed = {"reply_to": "sha256-" + "0" * 64, "references": ("a b", "bad\r\nBcc: x", "ü@x", "<x>")}
    assert sent(msgspec.structs.replace(OUT, **changed))["Headers"] == []
    many = tuple(f"{n:03}-{'x' * 50}@x" for n in range(60))
    headers = sent(msgspec.structs.replace(OUT, references=many, reply_to=None))["Headers"]
    chain = headers[1]["Value"].split()
    assert (chain[0], chain[-1]) == (f"<{many[0]}>", f"<{many[-1]}>")
    assert headers[0]["Value"] == f"<{many[-1]}>"
    assert 800 < len(headers[1]["Value"]) < 998


def test_files_go_along_while_they_fit_and_as_links_beyond() -> None:
    files = (
        OutboundFile("https://d/1", "a.pdf", "application/pdf", 3, b"abc"),
        OutboundFile("https://d/2", "b.bin", None, 7_000_000, bytes(7_000_000)),
        OutboundFile("https://d/3", None, None, None, None),
        OutboundFile("https://d/4", None, None, 1, b"x"),
    )
    mail_out = sent(msgspec.structs.replace(OUT, files=files, content=""))
    assert [(a["Name"], a["Content"], a["ContentType"]) for a in mail_out["Attachments"]] == [
        ("a.pdf", "YWJj", "application/pdf"),
        ("attachment-2", "eA==", "application/octet-stream"),
    ]
    assert mail_out["TextBody"] == "b.bin: https://d/2\nAttachment: https://d/3"


@pytest.mark.parametrize("name", ["setup.EXE", "a.pdf.lnk", "macro.vbs "])
def test_a_file_for_which_postmark_refuses_the_mail_goes_as_a_link(name: str) -> None:
    files = (OutboundFile("https://d/1", name, None, 3, b"abc"),)
    mail_out = sent(msgspec.structs.replace(OUT, files=files, content="See"))
    assert "Attachments" not in mail_out
    assert mail_out["TextBody"] == f"See\n{name}: https://d/1"


def test_a_channel_may_name_its_sender_stream_and_reply_address() -> None:
    config = {"from_name": 'Acme "Desk"\r\n', "message_stream": "support", "reply_to": "in@acme.example"}
    mail_out = sent(msgspec.structs.replace(OUT, config=config))
    assert mail_out["From"] == "\"Acme 'Desk'\" <support@acme.example>"
    assert (mail_out["MessageStream"], mail_out["ReplyTo"]) == ("support", "in@acme.example")


def test_a_bots_mail_says_that_no_person_wrote_it() -> None:
    by_bot = sent(msgspec.structs.replace(OUT, automatic=True))["Headers"]
    assert by_bot == [*sent(OUT)["Headers"], {"Name": "Auto-Submitted", "Value": "auto-replied"}]


@pytest.mark.parametrize(
    ("given", "used"), [("None", "None"), ("HtmlAndText", "HtmlAndText"), ("all", "HtmlOnly")]
)
def test_a_channel_may_name_its_tag_and_which_links_are_followed(given: str, used: str) -> None:
    mail_out = sent(msgspec.structs.replace(OUT, config={"tag": "refunds", "track_links": given}))
    assert (mail_out["Tag"], mail_out["TrackLinks"]) == ("refunds", used)


def answer(status: int, body: Any, **headers: str) -> Sent | NotSent:
    return channel.outcome(status, headers, body if isinstance(body, bytes) else msgspec.json.encode(body))


def test_outcomes() -> None:
    good = {
        "To": "a@x",
        "SubmittedAt": "2025-08-01T20:46:10Z",
        "MessageID": OURS.upper(),
        "ErrorCode": 0,
        "Message": "OK",
    }
    assert answer(200, good) == answer(200, {"MessageID": OURS}) == Sent(OURS)
    inactive = answer(422, {"ErrorCode": 406, "Message": "You tried to send to an inactive recipient."})
    assert inactive == NotSent("406", "You tried to send to an inactive recipient.")
    assert answer(422, {"ErrorCode": 300, "Message": "Invalid email request"}).retry is False  # type: ignore[union-attr]
    assert answer(401, {"ErrorCode": 10, "Message": "Bad token"}) == NotSent("10", "Bad token")
    slow = answer(429, b"", **{"Retry-After": "7"})
    assert isinstance(slow, NotSent) and slow.retry and slow.slow_down and slow.retry_after == 7
    for status, body in ((500, b"<html>"), (503, {"ErrorCode": 100, "Message": "Maintenance"}), (408, b"")):
        again = answer(status, body)
        assert isinstance(again, NotSent) and again.retry and not again.slow_down
    assert answer(200, b"<html>") == NotSent(
        "unreadable_answer", "the provider took the request, and answered something unknown"
    )


@unhurried
@given(
    st.integers(100, 599), st.dictionaries(st.text(), st.text()), st.binary() | JSON.map(msgspec.json.encode)
)
def test_no_answer_makes_it_raise(status: int, headers: dict[str, str], body: bytes) -> None:
    assert isinstance(channel.outcome(status, headers, body), Sent | NotSent)
