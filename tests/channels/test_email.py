"""E-mail through Postmark: who may call, and how mails become messages."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import postmark
import pytest
from calls import must_hold, unhurried, wrecked
from hypothesis import given
from hypothesis import strategies as st
from postmark import CREDENTIALS, JSON, OURS, attachment, basic, call, inbound, mail, parse

from tertulia.channels.email import channel
from tertulia.core.channels.messages import Faulty, Inbound, Media

MESSAGE_ID = "CAGXpo2WKfxHWZ5UFYCR3H_J9SNMG+5AXUovfEFL6DjWBJSyZaA@mail.customer.example"


# -- who may call


@pytest.mark.parametrize(
    ("authorization", "credentials", "holds"),
    [
        (basic("postmark", "päss:word"), CREDENTIALS, True),
        (basic("postmark", "päss:word").replace("Basic", "basic"), CREDENTIALS, True),
        (basic("postmark", "wrong"), CREDENTIALS, False),
        (basic("other", "päss:word"), CREDENTIALS, False),
        (basic("postmark", "päss"), CREDENTIALS, False),
        (basic("postmark", "päss:word").replace("Basic", "Bearer"), CREDENTIALS, False),
        (None, CREDENTIALS, False),
        ("Basic", CREDENTIALS, False),
        ("Basic ***", CREDENTIALS, False),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), CREDENTIALS, False),
        ("Basic \udcff", CREDENTIALS, False),
        (basic("", ""), {}, False),
        (basic("", ""), {"webhook_user": "", "webhook_password": ""}, False),
        (basic("postmark", ""), {"webhook_user": "postmark"}, False),
    ],
)
def test_verify(authorization: str | None, credentials: dict[str, str], holds: bool) -> None:
    assert channel.verify(call(b"{}", authorization), credentials) is holds


@unhurried
@given(st.text(), st.dictionaries(st.sampled_from(["webhook_user", "webhook_password"]), st.text()))
def test_verify_never_raises(authorization: str, credentials: dict[str, str]) -> None:
    assert channel.verify(call(b"", authorization), credentials) is False


def test_a_get_proves_nothing() -> None:
    assert channel.challenge(call(b""), CREDENTIALS) is None


# -- mail in


def test_a_mail_becomes_a_message() -> None:
    found = inbound(mail())
    assert found.provider_id == "73e6d360-66eb-11e1-8e72-a8904824019b"
    assert (found.sender.identifier, found.sender.name) == ("sara@customer.example", "Sara Bekele")
    assert found.content == "It was due on Monday.\n\nSara"
    assert (found.content_type, found.media) == ("text", ())
    assert (found.subject, found.topic) == ("Where is my order?", "where is my order?")
    assert found.at == 1754081132000
    assert found.references == ()
    assert found.metadata == {
        "message_id": MESSAGE_ID,
        "answer_to": {"to": ["sara@customer.example"], "cc": ["firstcc@customer.example"]},
        "to": [{"email": "hash@inbound.postmarkapp.com", "name": "Acme Support"}],
        "cc": [{"email": "firstcc@customer.example", "name": "First Cc"}],
        "html": "<p>It was due on <b>Monday</b>.</p><p>Sara</p>",
    }


def test_postmarks_own_id_is_the_key_and_the_message_id_only_threads() -> None:
    same = [inbound(mail(MessageID=f"{n:08}-66EB-11e1-8e72-a8904824019b")) for n in range(2)]
    assert [m.provider_id for m in same] == [f"{n:08}-66eb-11e1-8e72-a8904824019b" for n in range(2)]
    assert {m.metadata["message_id"] for m in same} == {MESSAGE_ID}
    assert inbound(mail(MessageID=None)).provider_id == MESSAGE_ID


def test_a_message_id_too_long_for_a_key_is_its_hash_wherever_it_is_named() -> None:
    long = f"<{'x' * 500}@customer.example>"
    known = inbound(mail({"Message-ID": long})).metadata["message_id"]
    assert len(known) < 80
    assert inbound(mail({"In-Reply-To": long})).references == (known,)


def test_references_are_nearest_first_and_our_own_mail_is_named_as_postmark_does() -> None:
    headers = {
        "In-Reply-To": f"<{OURS.upper()}@mtasv.net>",
        "References": f"<first@x>\r\n <second@x>\t<{OURS}@mtasv.net>",
    }
    assert inbound(mail(headers)).references == (OURS, "second@x", "first@x")
    assert inbound(mail({"References": "a@x b@x"})).references == ("b@x", "a@x")
    assert inbound(mail({"In-Reply-To": f"<{OURS}@acme.example>"})).references == (
        f"{OURS}@acme.example",
        OURS,
    )


@pytest.mark.parametrize(
    "subject",
    [
        "Offer 5",
        "Re: Offer 5",
        "RE: AW: Offer  5",
        "Fwd: WG: offer 5",
        "SV: Re[2]: Offer 5",
        "Re (3): Offer 5",
        "Antw.: Offer 5".replace(".", ""),
        "回复：Offer 5",
        "TR : Offer 5",
        "  re:re:RE:  OFFER\t5 ",
        "İLT: Offer 5",
    ],
)
def test_a_topic_is_the_subject_without_what_answers_add(subject: str) -> None:
    assert inbound(mail(Subject=subject)).topic == "offer 5"


@pytest.mark.parametrize(
    ("subject", "topic"),
    [
        ("", ""),
        (None, ""),
        ("Re:", ""),
        ("Research: plan", "research: plan"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
    ],
)
def test_other_topics(subject: str | None, topic: str) -> None:
    assert inbound(mail(Subject=subject)).topic == topic


@unhurried
@given(st.text(max_size=80))
def test_an_answers_topic_is_its_subjects(subject: str) -> None:
    def topic(of: str) -> str:
        return inbound(mail(Subject=of)).topic

    assert topic("Re: " + subject) == topic("AW: Fwd: " + subject) == topic(subject)


ANSWERS = {"In-Reply-To": f"<{OURS}@mtasv.net>"}
QUOTES = {
    "english": "Thanks!\n\nOn Fri, Aug 1, 2025 at 4:45 PM Acme <support@acme.example> wrote:\n\n> It is on its way.\n",
    "german": "Thanks!\n\nAm 01.08.2025 um 16:45 schrieb Acme <support@acme.example>:\n\n> Es kommt.\n",
    "outlook": "Thanks!\n\nFrom: Acme <support@acme.example>\nSent: Friday\nTo: Sara\nSubject: RE: x\n\nIt is on its way.",
    "bare": "Thanks!\n\n> It is on its way.\n> Acme\n",
    "below": "On Fri, Aug 1, 2025 at 4:45 PM Acme <a@acme.example> wrote:\n> It is on its way.\n> Acme\n\nThanks!",
}


@pytest.mark.parametrize("quote", sorted(QUOTES))
def test_quotes_are_kept_aside(quote: str) -> None:
    found = inbound(mail(ANSWERS, TextBody=QUOTES[quote]))
    assert found.content == "Thanks!"
    assert found.metadata["original"] == QUOTES[quote].strip()


def test_postmarks_stripped_reply_counts_first() -> None:
    found = inbound(mail(TextBody="Yes\n\n-- Acme --\nquoted", StrippedTextReply="Yes\r\n"))
    assert (found.content, found.metadata["original"]) == ("Yes", "Yes\n\n-- Acme --\nquoted")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: x", "On Fri, Aug 1, 2025 Acme wrote:\n> Size?\nL\n> Colour?\nBlue"),
        ("Fwd: x", "See:\n\nFrom: Shop\nDate: Friday\nSubject: x\n\nYour order"),
        ("x", "> only a quote"),
    ],
)
def test_what_makes_no_sense_without_its_quotes_stays_whole(subject: str, text: str) -> None:
    found = inbound(mail(Subject=subject, TextBody=text))
    assert found.content == text
    assert "original" not in found.metadata


def test_html_alone_is_read_as_text() -> None:
    html = (
        "<style>p{color:red}</style><p>Hello&nbsp;Acme,<br>two   things:</p><ul><li>one</li><li>two &lt;3</li></ul>"
        "<img src='cid:x' alt='a picture'><div>Bye</div>"
        "<div>On Fri, Aug 1, 2025 Acme wrote:</div><blockquote>old</blockquote>"
    )
    found = inbound(mail(ANSWERS, TextBody="", HtmlBody=html))
    assert found.content == "Hello\xa0Acme,\ntwo things:\n\n- one\n- two <3\n\n[a picture]\nBye"


def test_attachments_come_along_and_the_inline_ones_are_noted() -> None:
    picture = attachment(b"\x89PNG", Name="logo.png", ContentType="image/png", ContentID="<logo@x>")
    found = inbound(mail(TextBody="", HtmlBody="<img src='cid:logo@x'>", Attachments=[attachment(), picture]))
    assert found.media == (
        Media("document", data=b"%PDF-1.4", name="receipt.pdf", content_type="application/pdf", size=8),
        Media("image", data=b"\x89PNG", name="logo.png", content_type="image/png", size=4),
    )
    assert (found.content, found.content_type) == ("", "document")
    assert found.metadata["inline"] == {"logo@x": 1}
    assert found.metadata["html"] == '<img src="cid:logo@x">'


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("=?UTF-8?B?w4RuZGVydW5nLnBkZg==?=", "Änderung.pdf"),
        ("=?iso-8859-1?Q?caf=E9=5F1.pdf?=", "café_1.pdf"),
        ("=?ISO-2022-JP?B?GyRCQEE1YT1xGyhC?=.pdf", "請求書.pdf"),
        ("UTF-8''%C3%84nderung%20%282%29.pdf", "Änderung (2).pdf"),
        ("utf-8'de'%C3%84.pdf", "Ä.pdf"),
        ("=?x-unknown?B?w4Q=?=", "=?x-unknown?B?w4Q=?="),
        ("it's 'fine' 100%.pdf", "it's 'fine' 100%.pdf"),
        ("=?a?q?" * 500, ("=?a?q?" * 500)[:255]),
    ],
)
def test_names_that_are_still_encoded_are_read(given: str, name: str) -> None:
    """RFC 2047 and RFC 2231, where mail programs use them wrongly and Postmark passes them on."""
    assert inbound(mail(Attachments=[attachment(Name=given)])).media[0].name == name


def test_a_broken_attachment_is_set_aside_and_the_rest_goes_on() -> None:
    listed = [attachment(Content="%%%"), attachment(), "x", *[attachment()] * 60]
    message, *faults = parse(mail(Attachments=listed))
    assert isinstance(message, Inbound) and len(message.media) == 50
    assert len(faults) == 2 + 11 and all(isinstance(fault, Faulty) for fault in faults)
    assert "Content" not in faults[0].payload and faults[0].payload["Name"] == "receipt.pdf"  # type: ignore[union-attr]


def test_a_mail_with_nothing_in_it_says_so() -> None:
    empty: dict[str, Any] = {"TextBody": "", "HtmlBody": "<p> </p>"}
    assert inbound(mail(**empty)).content == "Where is my order?"
    assert inbound(mail(**empty, Subject="")).content == "[empty message]"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "auto-generated; owner-email=x"},
        {"X-Autoreply": "yes"},
        {"Precedence": "bulk"},
        {"Return-Path": "<>"},
        {"Content-Type": "multipart/report; report-type=delivery-status"},
    ],
)
def test_a_machines_mail_is_kept_and_marked(headers: dict[str, str]) -> None:
    assert inbound(mail(headers)).metadata["auto_reply"] is True


def test_a_bounce_by_mail_is_a_machines() -> None:
    full = {"Email": "MAILER-DAEMON@mx.example", "Name": "Mail Delivery System"}
    assert inbound(mail(FromFull=full)).metadata["auto_reply"] is True


@pytest.mark.parametrize(
    ("author", "reply_to", "is_persons"),
    [
        ("wordpress@acme.example", "ana@mail.example", True),
        (
            "acme.forms@gmail.com",
            "ana.gil@gmail.com",
            True,
        ),  # anybody's domain: a form and its customer are two
        ("desk@vendor.example", "desk+4711@vendor.example", False),  # one house: its ticket system
        ("desk@vendor.example", "", False),
    ],
)
def test_what_a_form_generates_is_a_persons(author: str, reply_to: str, is_persons: bool) -> None:
    full = {"Email": author, "Name": "Form"}
    found = inbound(mail({"Auto-Submitted": "auto-generated"}, FromFull=full, ReplyTo=reply_to))
    assert found.sender.identifier == (reply_to or author)
    assert ("auto_reply" not in found.metadata) is is_persons


@pytest.mark.parametrize(
    ("reply_to", "answered"),
    [
        ("Team: g1@x.example, Bo <g2@x.example>;", ["g1@x.example", "g2@x.example"]),
        ('"Sales, EU":g1@x.example; g2@x.example', ["g1@x.example", "g2@x.example"]),
        ("mailto:g1@x.example, Re: Bo <g2@x.example>", ["g1@x.example", "g2@x.example"]),
        ("undisclosed-recipients:;", ["ana@mail.example"]),
        ("http://g1@x.example", ["ana@mail.example"]),
    ],
)
def test_groups_of_addresses_are_answered_whole(reply_to: str, answered: list[str]) -> None:
    full = {"Email": "ana@mail.example", "Name": "Ana"}
    assert inbound(mail(FromFull=full, ReplyTo=reply_to)).metadata["answer_to"]["to"] == answered


def test_a_persons_mail_is_not_marked() -> None:
    assert (
        "auto_reply"
        not in inbound(
            mail(
                {"Auto-Submitted": "no (a person)", "X-Autoreply": "no", "X-Auto-Response-Suppress": "DR, RN"}
            )
        ).metadata
    )


def test_a_long_mail_is_cut_and_says_so() -> None:
    found = inbound(mail(TextBody="x" * 70_000, HtmlBody=""))
    assert (len(found.content), found.metadata["truncated"]) == (65_536, True)
    assert (len(found.metadata["original"]), found.metadata["original_truncated"]) == (10_000, True)


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f600", '"', "\x01", "<", "&"])
def test_metadata_fits_whatever_is_in_it(letter: str) -> None:
    addresses = [{"Email": letter * 200 + "@x", "Name": letter * 200}] * 99
    pictures = [attachment(ContentID=f"{letter * 180}{n}") for n in range(50)]
    text = "ok\n\nOn Fri, Aug 1, 2025 Acme wrote:\n" + letter * 20_000
    full = mail(TextBody=text, HtmlBody="<div><b>ab</b>" * 200 + letter * 100_000, Attachments=pictures)
    metadata = inbound(full | {"ToFull": addresses, "CcFull": addresses, "ReplyTo": letter * 900}).metadata
    assert len(msgspec.json.encode(metadata)) <= 16_384
    assert metadata["html_truncated"] is True


def test_html_gives_way_first() -> None:
    text = "ok\n\nOn Fri, Aug 1, 2025 Acme wrote:\n" + "y" * 8_000
    metadata = inbound(mail(ANSWERS, TextBody=text, HtmlBody="<p>" + "<b>xy</b>" * 5_000)).metadata
    assert metadata["html_truncated"] and 3_000 < len(metadata["html"]) < 8_000
    assert metadata["html"].startswith("<p><b>xy</b>") and metadata["html"].endswith("</p>")
    assert metadata["original"] == text
    assert "original_truncated" not in metadata


def test_text_that_cannot_be_stored_is_replaced() -> None:
    body = msgspec.json.encode(mail(TextBody="@@")).replace(b"@@", rb"a\u0000b\ud800c")
    assert inbound(body).content == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON"),
        (b"[1]", "object"),
        (b"[" * 100_000, "JSON"),
        ({"RecordType": "Surprise"}, "Surprise"),
        ({}, "FromFull.Email is missing"),
        (mail(FromFull={"Email": "two words@x"}), "FromFull.Email"),
        (mail(FromFull={"Email": "x" * 300 + "@x"}), "FromFull.Email"),
        (mail({"Message-ID": ""}, MessageID=None), "MessageID"),
        (mail(Subject=5), "Subject"),
    ],
)
def test_what_makes_no_sense_is_a_value_error(body: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(body)


RECORDS = [
    postmark.DELIVERY,
    postmark.OPEN,
    postmark.CLICK,
    postmark.BOUNCE,
    postmark.COMPLAINT,
    postmark.SUBSCRIPTION,
]


@unhurried
@given(st.sampled_from([mail(), mail(Attachments=[attachment()]), *RECORDS]).flatmap(wrecked))
def test_a_payload_with_anything_anywhere_gives_events_or_a_value_error(payload: Any) -> None:
    for event in must_hold(channel, call(json.dumps(payload).encode())):
        if isinstance(event, Inbound):
            assert len(event.content) <= 65_536 and len(event.topic) <= 200
            assert len(msgspec.json.encode(event.metadata)) <= 16_384


@unhurried
@given(st.binary() | JSON.map(msgspec.json.encode))
def test_any_body_gives_events_or_a_value_error(body: bytes) -> None:
    try:
        parse(body)
    except ValueError:
        pass
