"""Providers' calls, good ones with hostile text anywhere in them: events that can be stored, or a ValueError; nothing else."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from calls import call, junk, must_hold, wrecked
from fuzzing import fuzzed
from hostile import JSON
from hostile_text import header, html, texts
from hypothesis import given
from hypothesis import strategies as st
from postmark import attachment, mail
from provider_calls import telegram_message, whatsapp_said, whatsapp_value

from tertulia.channels import CHANNELS
from tertulia.channels.email import channel as email
from tertulia.channels.meta import messenger, whatsapp
from tertulia.channels.sms import channel as sms
from tertulia.channels.telegram import channel as telegram


def _messenger(text: str) -> Any:
    said = {"mid": "m1", "text": text, "attachments": [{"type": "image", "payload": {"url": "https://a"}}]}
    event = {"sender": {"id": "1"}, "recipient": {"id": "2"}, "timestamp": 1_760_000_000_000, "message": said}
    return {"object": "page", "entry": [{"id": "2", "messaging": [event]}]}


@fuzzed
@given(texts, texts, st.data())
def test_whatsapp(text: str, name: str, data: st.DataObject) -> None:
    person = {"profile": {"name": name}, "wa_id": "1"}
    good = whatsapp_value(messages=[whatsapp_said("w1", text, phone="6281", user=name)], contacts=[person])
    must_hold(whatsapp, call(good))
    must_hold(whatsapp, call(data.draw(wrecked(good))))


@fuzzed
@given(texts, texts, st.data())
def test_telegram(text: str, name: str, data: st.DataObject) -> None:
    good = telegram_message(7, 1, text, **{"from": {"id": 7, "first_name": name, "username": name}})
    must_hold(telegram, call(good))
    must_hold(telegram, call(data.draw(wrecked(good))))


@fuzzed
@given(texts, st.data())
def test_messenger(text: str, data: st.DataObject) -> None:
    must_hold(messenger, call(_messenger(text)))
    must_hold(messenger, call(data.draw(wrecked(_messenger(text)))))


@fuzzed
@given(texts, texts, texts)
def test_sms(text: str, number: str, url: str) -> None:
    fields = {"MessageSid": "SM1", "From": number, "Body": text, "NumMedia": "1", "MediaUrl0": url}
    must_hold(sms, call(urlencode(fields, errors="surrogatepass").encode()))
    signed = call(b"MessageSid=SM1", url=url, headers={"x-twilio-signature": text})
    assert not sms.verify(signed, {"auth_token": "x"})


@fuzzed
@given(texts, html, header, header, st.data())
def test_email(text: str, body: str, named: str, subject: str, data: st.DataObject) -> None:
    headers = dict.fromkeys(
        ("Message-ID", "References", "In-Reply-To", "Auto-Submitted", "Precedence"), named
    )
    good = mail(headers, Subject=subject, TextBody=text, Date=named, Attachments=[attachment(Name=subject)])
    sender = {"From": named, "FromFull": {"Email": "", "Name": subject}}
    for fields in ({}, {"HtmlBody": body, "TextBody": ""}, {"HtmlBody": body, **sender}):
        must_hold(email, call({**good, **fields}))
    must_hold(email, call(data.draw(wrecked(good))))


@pytest.mark.parametrize("channel", sorted(CHANNELS))
@fuzzed
@given(junk, st.binary(max_size=200), st.sampled_from(sorted(JSON)), st.integers(0, 3_000))
def test_any_body(channel: Any, value: Any, raw: bytes, name: str, n: int) -> None:
    kind = CHANNELS[channel]
    for body in (json.dumps(value).encode(), raw, JSON[name](n).encode("utf-8", "surrogateescape")):
        must_hold(kind, call(body))
