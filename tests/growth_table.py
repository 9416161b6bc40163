"""Every function that reads untrusted input, with the inputs to measure it; `test_growth_table.py` runs them.

A row names the function as `module.function`. `n` is a fourth of what reaches it: of a message's 65,536 characters, of a header,
of a body. Functions in `EXEMPT` read no untrusted input, or only what a row's function passes on.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sized
from typing import Any
from urllib.parse import urlencode

import msgspec
import orjson
from calls import call
from growth import SMALL_BASE
from hostile import HTML, JSON, MAIL, TEXTS, repeated
from postmark import attachment, mail
from provider_calls import telegram_message, whatsapp_said, whatsapp_value

from tertulia.channels.email import channel as email
from tertulia.channels.email import correspondents, html, quotes
from tertulia.channels.email import text as mail_text
from tertulia.channels.meta import graph, messenger, whatsapp, whatsapp_contents
from tertulia.channels.outgoing import guard
from tertulia.channels.shared import forms, payloads, phones, provider_answers, signing, text
from tertulia.channels.sms import channel as sms
from tertulia.channels.telegram import channel as telegram
from tertulia.channels.telegram import contents, rich_messages
from tertulia.core import url_policy
from tertulia.core.accounts import agents_and_teams, email_addresses, identifiers
from tertulia.core.accounts import phones as phones_of
from tertulia.core.accounts.agents_and_teams import Agent
from tertulia.core.assistance import analysis as assistance_analysis
from tertulia.core.assistance import answers, articles, assist, markdown_files, prompts, rules, site_files
from tertulia.core.assistance.suggestions import Read, Source
from tertulia.core.channels import file_types, signed_urls
from tertulia.core.channels.messages import Media, Outbound, OutboundFile, Sender
from tertulia.core.conversation import mentions
from tertulia.core.errors import Invalid
from tertulia.core.text import (
    email_subjects,
    field_errors,
    languages,
    normalization,
    templates,
    text_matching,
    visible,
)
from tertulia.core.turn import account_rules, assisting, csat, form_filling, handoff, message_analysis
from tertulia.core.turn.bot_rules import Assist
from tertulia.core.webhooks import delivery

MODULES = {
    "whatsapp": "meta.whatsapp",
    "messenger": "meta.messenger",
    "telegram": "telegram.channel",
    "sms": "sms.channel",
    "email": "email.channel",
}
MESSAGE, HEADER, PAGE, BODY = 16_384, 16_384, 25_000, 65_536
FOLDED, SUBJECT = normalization.MAX_FOLDED // 4, email_subjects.MAX_SUBJECT // 4
"""Of functions that read no more: at a larger n a quadratic one would cost the same at n and at 4 n."""
ASKED = Read(1, (prompts.Line("customer", "It is Ana"),), (), None)
KNOWN = [(Source("article", "a", "A"), prompts.Passage("a", "A", "Within 30 days."))]
SECRETS = {
    "bot_token": "1:a", "secret_token": "s", "auth_token": "s", "account_sid": "AC1", "from_number": "+1", "app_secret": "s",
    "verify_token": "s", "access_token": "s", "page_access_token": "s", "page_id": "1", "phone_number_id": "1",
    "server_token": "s", "from_address": "a@b.c", "webhook_user": "u", "webhook_password": "p",
}  # fmt: skip


class Row(msgspec.Struct, frozen=True):
    """`function` is given what each of `makers` makes; it may raise one of `refuses`."""

    function: Callable[[Any], object]
    makers: Mapping[str, Callable[[int], Sized]]
    n: int
    memory: float = 64.0
    """Bytes at a time for each character: a compatibility form becomes 18 characters of two bytes, in several copies."""
    base: int = SMALL_BASE
    """Bytes that any input may cost."""


REFUSES = (ValueError, Invalid, guard.OutgoingRefused, file_types.Unsatisfiable, KeyError)
"""What the functions may raise. KeyError: a channel without credentials."""
CALL = 300.0
"""The same, where a character is six bytes of JSON (`\\u0000`) first."""
MAILED = 600.0
"""The same of a mail, which repeats the text in up to five places; the call is made within what is measured."""
HEADERS = {**TEXTS, **MAIL}
PAGES = {**TEXTS, **HTML}
BODIES: dict[str, Callable[[int], Sized]] = {
    name: (lambda n, make=make: make(n).encode("utf-8", "surrogateescape")) for name, make in JSON.items()
} | {name: (lambda n, make=make: make(n).encode("utf-8", "replace")) for name, make in TEXTS.items()}


def _many(make: Callable[[int], Any]) -> dict[str, Callable[[int], Sized]]:
    return {"many": lambda n: [make(number) for number in range(n)]}


def _outbound(said: str, **more: Any) -> Outbound:
    return Outbound("m", "c", "+6281", said, **more)


def _sent(kind: Any) -> Callable[[Any], object]:
    def send(said: str) -> object:
        file = OutboundFile("https://a/b", said[:255], said[:100])
        return kind.requests(
            _outbound(said, files=(file,), subject=said, reply_to=said), SECRETS, "https://a", "https://b"
        )

    return send


def _answered(kind: Any) -> Callable[[Any], object]:
    return lambda body: kind.outcome(400, {"Retry-After": "1"}, body)


def _media(kind: Any) -> Callable[[Any], object]:
    return lambda said: kind.media_step(Media("image", id=said, url=said), SECRETS, "https://a", None)


def _challenge(kind: Any) -> Callable[[Any], object]:
    query = {"hub.mode": "subscribe", "hub.verify_token": "s"}
    return lambda said: kind.challenge(call(query={**query, "hub.challenge": said}), SECRETS)


def _verify(kind: Any, header: str) -> Callable[[Any], object]:
    return lambda said: kind.verify(call(said.encode("utf-8", "replace"), {header: said}), SECRETS)


def _provider(
    name: str,
    kind: Any,
    said: Callable[[str], Any],
    header: str,
    listed: Callable[[Any], Any],
    one: Any,
    memory: float = CALL,
) -> dict[str, Row]:
    """The rows that every provider has."""

    def parse(text: str) -> object:
        return kind.parse(call(orjson.dumps(said(text.encode("utf-8", "replace").decode()))), {})

    return {
        f"channels.{MODULES[name]}.parse": Row(parse, TEXTS, MESSAGE, memory),
        f"channels.{MODULES[name]}.parse of any body": Row(
            lambda body: kind.parse(call(body), {}), BODIES, 32_768, CALL
        ),
        f"channels.{MODULES[name]}.parse of a list": Row(
            lambda parts: kind.parse(call(orjson.dumps(listed(parts))), {}), _many(one), 1_000, 20_000
        ),
        f"channels.{MODULES[name]}.verify": Row(_verify(kind, header), TEXTS, MESSAGE, 100),
        f"channels.{MODULES[name]}.challenge": Row(_challenge(kind), TEXTS, MESSAGE),
        f"channels.{MODULES[name]}.requests": Row(_sent(kind), TEXTS, MESSAGE, 200),
        f"channels.{MODULES[name]}.outcome": Row(_answered(kind), BODIES, MESSAGE),
        f"channels.{MODULES[name]}.media_step": Row(_media(kind), TEXTS, 1_024),
    }


def _page(said: str) -> Any:
    event = {"sender": {"id": "1"}, "timestamp": 1_760_000_000_000, "message": {"mid": "m", "text": said}}
    return {"object": "page", "entry": [{"messaging": [event]}]}


def _photo(sizes: list[Any]) -> Any:
    update = telegram_message(7, 1, "")
    del update["message"]["text"]
    update["message"]["photo"] = sizes
    return update


def _form(said: str) -> bytes:
    fields = {"MessageSid": "SM1", "From": "+6281", "Body": said, "ProfileName": said}
    return urlencode(fields, errors="replace").encode()


def _contact(number: int) -> Any:
    return whatsapp_said(f"w{number}", "hi", phone=str(6_281_000_000 + number)), {
        "wa_id": str(6_281_000_000 + number),
        "profile": {"name": "Ana"},
    }


def _mailed(**fields: Callable[[str], Any]) -> Callable[[Any], object]:
    """Parses a mail with hostile text in these of its fields."""

    def parse(said: str) -> object:
        said = said.encode("utf-8", "replace").decode()
        return email.parse(
            call(orjson.dumps(mail(**{name: make(said) for name, make in fields.items()}))), {}
        )

    return parse


def _same(said: str) -> str:
    return said


PROVIDERS: dict[str, Row] = {
    **_provider(
        "whatsapp",
        whatsapp,
        lambda said: whatsapp_value(messages=[whatsapp_said("w", said, phone="6281")]),
        "x-hub-signature-256",
        lambda pairs: whatsapp_value(messages=[m for m, _ in pairs], contacts=[c for _, c in pairs]),
        _contact,
    ),
    **_provider(
        "telegram",
        telegram,
        lambda said: telegram_message(7, 1, said, **{"from": {"id": 7, "first_name": said}}),
        "x-telegram-bot-api-secret-token",
        lambda sizes: _photo(sizes),
        lambda number: {"file_id": str(number), "width": number, "height": 1},
    ),
    **_provider(
        "messenger",
        messenger,
        _page,
        "x-hub-signature-256",
        lambda events: {"object": "page", "entry": [{"messaging": events}]},
        lambda number: {"sender": {"id": "1"}, "timestamp": 1, "message": {"mid": str(number), "text": "hi"}},
    ),
    **_provider(
        "email",
        email,
        lambda said: mail(TextBody=said, Subject=said),
        "authorization",
        lambda listed: mail(Headers=listed, Attachments=[attachment(b"x") for _ in listed], ToFull=listed, CcFull=listed),
        lambda number: {"Name": f"X-{number}", "Value": "x", "Email": f"a{number}@b.c"},
        MAILED,
    ),
    **_provider("sms", sms, lambda said: {}, "x-twilio-signature", lambda parts: {}, lambda number: number),
    "channels.sms.channel.parse": Row(lambda said: sms.parse(call(_form(said)), {}), TEXTS, 2_048, 1_000),
    "channels.sms.channel.parse of a form": Row(
        lambda said: sms.parse(call(said.encode("utf-8", "replace")), {}),
        {**TEXTS, "fields": repeated("a=b&"), "one": lambda n: "MessageSid=" + "%41" * (n // 3)},
        32_768, 128,
    ),
    "channels.sms.channel.verify of a url": Row(
        lambda url: sms.verify(call(b"a=b", url=url, headers={"x-twilio-signature": "x"}), SECRETS), TEXTS, 2_048
    ),
    "channels.meta.graph.not_sent": Row(
        lambda body: graph.not_sent(400, {}, {"error": {"message": body, "code": body}}), TEXTS, MESSAGE
    ),
    "channels.meta.graph.entries": Row(lambda body: graph.entries(body, "page"), BODIES, BODY),
    "channels.email.inbound.received": Row(_mailed(Headers=lambda said: [
        {"Name": name, "Value": said} for name in ("Message-ID", "References", "In-Reply-To", "Auto-Submitted", "Return-Path")
    ]), HEADERS, HEADER, MAILED),
    "channels.email.inbound.received from": Row(
        _mailed(From=_same, FromFull=lambda said: {"Email": "", "Name": said}), HEADERS, HEADER, MAILED
    ),
    "channels.email.inbound.received at": Row(_mailed(Date=_same, Subject=_same), HEADERS, HEADER, MAILED),
    "channels.email.inbound.received as html": Row(_mailed(HtmlBody=_same, TextBody=lambda _: ""), PAGES, PAGE, MAILED),
    "channels.email.inbound.received as text": Row(_mailed(TextBody=_same, HtmlBody=lambda _: ""), HEADERS, BODY, MAILED),
    "channels.email.inbound.received files": Row(
        _mailed(Attachments=lambda said: [attachment(Content=said), attachment(base64.b64encode(said.encode()), Name=said)]),
        TEXTS, BODY, MAILED,
    ),
}  # fmt: skip

CHANNELS: dict[str, Row] = {
    "channels.email.html.sanitised": Row(html.sanitised, PAGES, PAGE),
    "channels.email.html.as_text": Row(html.as_text, PAGES, PAGE, 100),
    "channels.email.html.as_text of clean": Row(lambda page: html.as_text(html.sanitised(page)), PAGES, PAGE, 100),
    "channels.email.html.as_text of links": Row(
        lambda parts: html.as_text("".join(parts)), _many(lambda n: f'<a href="https://a.example/{n}"><b>b</b> <a href="c">'), 1_000, 6_000
    ),
    "channels.email.html.shortened": Row(
        lambda page: html.shortened(clean := html.sanitised(page), len(clean) // 2), PAGES, 8_192
    ),
    "channels.email.html.paragraphs": Row(html.paragraphs, TEXTS, MESSAGE, 100),
    "channels.email.text.message_id": Row(mail_text.message_id, HEADERS, HEADER),
    "channels.email.text.references": Row(lambda said: mail_text.references(said, said), HEADERS, HEADER, 100),
    "channels.email.text.wire_id": Row(mail_text.wire_id, HEADERS, HEADER),
    "channels.email.text.new_part": Row(mail_text.new_part, HEADERS, BODY, 100),
    "channels.email.quotes.start": Row(lambda said: quotes.start(said.splitlines()), HEADERS, BODY, 100),
    "channels.email.quotes.is_rule": Row(quotes.is_rule, HEADERS, BODY),
    "channels.email.correspondents.read": Row(
        _mailed(To=_same, Cc=_same, ReplyTo=_same, ToFull=lambda _: [], CcFull=lambda _: []), HEADERS, HEADER, MAILED
    ),
    "channels.email.correspondents.named": Row(
        lambda said: correspondents.named({"ToFull": [{"Email": said, "Name": said}]}, "To"), HEADERS, HEADER
    ),
    "channels.email.text.is_automatic of a sender": Row(lambda said: mail_text.is_automatic({}, said), HEADERS, HEADER),
    "channels.email.text.is_automatic": Row(
        lambda said: mail_text.is_automatic(dict.fromkeys(("auto-submitted", "content-type", "precedence"), said), said),
        HEADERS, HEADER,
    ),
    "channels.shared.text.clean": Row(text.clean, TEXTS, BODY),
    "channels.shared.text.content": Row(text.content, TEXTS, BODY),
    "channels.shared.text.short": Row(text.short, TEXTS, BODY),
    "channels.shared.text.length": Row(text.length, TEXTS, MESSAGE),
    "channels.shared.text.utf8_length": Row(text.utf8_length, TEXTS, MESSAGE),
    "channels.shared.text.pieces": Row(lambda said: text.pieces(said, 160), TEXTS, MESSAGE, 100),
    "channels.shared.text.pieces by bytes": Row(lambda said: text.pieces(said, 160, text.utf8_length), TEXTS, MESSAGE, 100),
    "channels.shared.phones.e164": Row(phones.e164, {**TEXTS, "digits, then none": lambda n: "1" * n + "x"}, MESSAGE),
    "channels.shared.payloads.document": Row(payloads.document, BODIES, 32_768, 100),
    "channels.shared.payloads.kept": Row(lambda said: payloads.kept({"a": said.replace("\ud800", "")}), TEXTS, MESSAGE),
    "channels.shared.payloads.kind_of": Row(payloads.kind_of, TEXTS, MESSAGE),
    "channels.shared.payloads.milliseconds": Row(payloads.milliseconds, TEXTS, MESSAGE),
    "channels.shared.payloads.identifier": Row(lambda said: payloads.identifier({"a": said}, "a"), TEXTS, MESSAGE),
    "channels.shared.payloads.message": Row(lambda said: payloads.message("a", Sender("b"), said), TEXTS, MESSAGE),
    "channels.shared.payloads.unsupported": Row(lambda said: payloads.unsupported(said, {}), TEXTS, MESSAGE),
    "channels.telegram.contents.content_of": Row(
        lambda said: contents.content_of({"poll": {"question": said, "options": [{"text": said}]}}),
        {name: (lambda n, make=make: make(n).replace("\ud800", "")) for name, make in TEXTS.items()}, MESSAGE, 100,
    ),
    "channels.telegram.contents.with_links": Row(
        lambda said: contents.with_links(said, [{"url": said, "offset": n, "length": 2} for n in range(50)]), TEXTS, MESSAGE, 200, 2_500_000
    ),
    "channels.telegram.rich_messages.lines": Row(
        lambda said: list(rich_messages.lines([{"text": [said, {"text": said, "url": said}]}, {"items": [{"label": said}]}])),
        TEXTS, MESSAGE, 400,
    ),
    "channels.telegram.rich_messages.lines of a tree": Row(
        lambda parts: list(rich_messages.lines(parts)),
        _many(lambda _: {"blocks": [{"cells": [[{"text": "a"}] * 4], "caption": {"text": "b", "credit": "c"}}] * 4, "text": ["d"] * 4}),
        1_000, 20_000,
    ),
    "channels.telegram.rich_messages.files": Row(
        lambda parts: list(rich_messages.files(parts)), _many(lambda _: {"blocks": [{"voice_note": {"file_id": "a"}}] * 4}), 1_000, 20_000
    ),
    "channels.telegram.contents.content_of a card": Row(
        lambda said: contents.content_of({"contact": {"vcard": said.replace("\ud800", "")}}), TEXTS, 4_096, 400
    ),
    "channels.meta.whatsapp_contents.person_line": Row(
        lambda said: whatsapp_contents.person_line({"name": said, "emails": [{"email": said}], "addresses": [{"street": said}]}),
        TEXTS, MESSAGE,
    ),
    "channels.meta.whatsapp_contents.content_of": Row(
        lambda said: whatsapp_contents.content_of({"type": "image", "image": {"id": "a", "caption": said, "filename": said}}),
        TEXTS, MESSAGE,
    ),
    "channels.shared.forms.answers": Row(lambda said: forms.answers(json.dumps({"a": said, said: [said]})), TEXTS, 4_096, 300),
    "channels.shared.provider_answers.answer_of": Row(provider_answers.answer_of, BODIES, 16_384, 100),
    "channels.shared.provider_answers.provider_id": Row(provider_answers.provider_id, TEXTS, MESSAGE),
    "channels.shared.provider_answers.seconds": Row(provider_answers.seconds, TEXTS, HEADER),
    "channels.shared.provider_answers.asked_for": Row(lambda said: provider_answers.asked_for({"retry-after": said, "date": said}), HEADERS, 2_048),
    "channels.shared.provider_answers.refused": Row(lambda said: provider_answers.refused(400, {}, said, said), TEXTS, MESSAGE),
    "channels.shared.signing.same": Row(lambda said: signing.same(said, "secret"), TEXTS, MESSAGE),
    "channels.shared.signing.sha256_hex": Row(lambda said: signing.sha256_hex("s", said.encode("utf-8", "replace")), TEXTS, MESSAGE),
    "channels.shared.signing.twilio": Row(lambda said: signing.twilio("s", "https://a", [(said, said)]), TEXTS, MESSAGE),
    "channels.outgoing.guard.origin": Row(guard.origin, TEXTS, 2_048),
    "channels.outgoing.guard.checked": Row(lambda url: guard.checked(url, url_policy.AddressRules()), TEXTS, 2_048),
    "channels.outgoing.guard.checked host": Row(
        lambda host: guard.checked(f"https://{host}/", url_policy.AddressRules()), TEXTS, 2_048
    ),
}  # fmt: skip


def _invalid(channel: Any) -> Callable[[Any], object]:
    return lambda said: identifiers.normalised(channel, said, "a")


CORE: dict[str, Row] = {
    "core.text.normalization.normalized": Row(lambda said: normalization.normalized("NFKC", said), TEXTS, MESSAGE, 200),
    "core.text.normalization.stream_safe": Row(normalization.stream_safe, TEXTS, MESSAGE, 128),
    "core.text.text_matching.fold": Row(text_matching.fold, TEXTS, FOLDED, 400),
    "core.text.text_matching.Text": Row(lambda said: text_matching.Text(said).has("a a a"), TEXTS, FOLDED, 400),
    "core.accounts.agents_and_teams.folded": Row(agents_and_teams.folded, TEXTS, FOLDED, 400),
    "core.text.email_subjects.topic": Row(email_subjects.topic, HEADERS, SUBJECT, 1_500),
    "core.text.email_subjects.without_prefixes": Row(email_subjects.without_prefixes, HEADERS, HEADER),
    "core.text.email_subjects.is_forward": Row(email_subjects.is_forward, HEADERS, SUBJECT, 1_500),
    "core.text.email_subjects.is_automatic": Row(email_subjects.is_automatic, HEADERS, SUBJECT, 1_500),
    "core.text.email_subjects.is_answer": Row(email_subjects.is_answer, HEADERS, SUBJECT, 1_500),
    "core.accounts.email_addresses.parsed": Row(email_addresses.parsed, HEADERS, HEADER),
    "core.accounts.email_addresses.listed": Row(lambda said: email_addresses.listed(said, 50), HEADERS, HEADER),
    "core.accounts.email_addresses.without_tag": Row(email_addresses.without_tag, HEADERS, HEADER),
    "core.accounts.identifiers.email_address": Row(lambda said: identifiers.email_address(said, "to"), HEADERS, HEADER),
    "core.turn.account_rules.asks_for_human": Row(
        lambda said: account_rules.asks_for_human(said, ("human", "a a a a", "speak to a person")), TEXTS, FOLDED, 400
    ),
    "core.turn.handoff.asked_in_words": Row(lambda said: handoff.asked_in_words(text_matching.Text(said, without=handoff.ARTICLES), ("a", "b c")), TEXTS, FOLDED, 400),
    "core.turn.form_filling.fits": Row(
        lambda said: [form_filling.fits(field, said) for field in (*form_filling.SHAPES, "x")], TEXTS, FOLDED, 400
    ),
    "core.turn.form_filling.answer": Row(
        lambda said: form_filling.answer(form_filling.start({}, ("email",)).context, said), TEXTS, FOLDED, 400
    ),
    "core.accounts.phones.digits": Row(phones_of.digits, TEXTS, 63, 400),
    "core.accounts.phones.readable": Row(phones_of.readable, TEXTS, 63, 400),
    "core.accounts.phones.variants": Row(phones_of.variants, TEXTS, MESSAGE),
    "core.accounts.identifiers.spellings": Row(lambda said: identifiers.spellings("sms", [said, "+55" + said]), TEXTS, MESSAGE),
    "core.turn.csat.score_of": Row(csat.score_of, TEXTS, MESSAGE),
    "core.conversation.mentions.words_of": Row(mentions.words_of, TEXTS, MESSAGE),
    "core.conversation.mentions.mentioned": Row(lambda said: mentions.mentioned(said, [Agent("a", "b c")]), TEXTS, MESSAGE),
    "core.text.templates.render": Row(lambda said: templates.render(said, {"a": "b"}), TEXTS, MESSAGE),
    "core.text.languages.primary": Row(languages.primary, TEXTS, MESSAGE, 100),
    "core.turn.message_analysis.by_script": Row(message_analysis.by_script, TEXTS, MESSAGE, 128),
    "core.turn.message_analysis.has_words": Row(message_analysis.has_words, TEXTS, MESSAGE),
    "core.turn.message_analysis.scored": Row(message_analysis.scored, TEXTS, MESSAGE),
    "core.turn.message_analysis.is_english": Row(message_analysis.is_english, TEXTS, MESSAGE, 100),
    "core.channels.file_types.plain_type": Row(file_types.plain_type, TEXTS, MESSAGE),
    "core.channels.file_types.safe_name": Row(file_types.safe_name, TEXTS, MESSAGE, 100),
    "core.channels.file_types.disposition": Row(lambda said: file_types.disposition(said.replace("\ud800", ""), inline=True), TEXTS, MESSAGE, 100),
    "core.channels.file_types.byte_range": Row(lambda said: file_types.byte_range(said, 1_000), TEXTS, MESSAGE),
    "core.channels.file_types.sniffed": Row(file_types.sniffed, {**BODIES, "blanks": lambda n: b" " * n + b"<"}, 1_024),
    "core.channels.file_types.refusal": Row(lambda said: file_types.refusal(said, b"GIF89a", ("image/*",)), TEXTS, MESSAGE),
    "core.channels.file_types.settled_type": Row(lambda said: file_types.settled_type(said, b"GIF89a"), TEXTS, MESSAGE),
    "core.channels.file_types.allowed": Row(lambda said: file_types.allowed(said, ("image/*",)), TEXTS, MESSAGE),
    "core.channels.file_types.is_active": Row(file_types.is_active, TEXTS, MESSAGE, 100),
    "core.channels.file_types.is_inline": Row(file_types.is_inline, TEXTS, MESSAGE),
    "core.text.field_errors.field_error": Row(field_errors.field_error, TEXTS, MESSAGE),
    "core.text.field_errors.quoted": Row(field_errors.quoted, TEXTS, MESSAGE),
    "core.accounts.identifiers.normalised": Row(_invalid("email"), HEADERS, MESSAGE),
    "core.accounts.identifiers.normalised whatsapp": Row(_invalid("whatsapp"), HEADERS, MESSAGE),
    "core.accounts.identifiers.normalised sms": Row(_invalid("sms"), HEADERS, MESSAGE),
    "core.channels.signed_urls.id_of": Row(lambda said: signed_urls.id_of(signed_urls.BASE + said), TEXTS, MESSAGE),
    "core.url_policy.parsed": Row(url_policy.parsed, TEXTS, 2_048),
    "core.url_policy.is_numeric_host": Row(url_policy.is_numeric_host, TEXTS, 2_048),
    "core.assistance.analysis.read": Row(assistance_analysis.read, TEXTS, assistance_analysis.MAX_ANSWER // 4, 400),
    "core.assistance.analysis.read braces": Row(
        assistance_analysis.read, {mark: (lambda n, mark=mark: mark * (n // len(mark))) for mark in ("{", "{}", "{a{", "{{}", "}{")}, 2_048
    ),
    "core.assistance.prompts.since_answered": Row(
        lambda said: prompts.since_answered(tuple(prompts.Line("customer", said[n : n + 40]) for n in range(0, len(said), 40))),
        TEXTS, MESSAGE // 4, 400,
    ),
    "core.assistance.prompts.rendered": Row(
        lambda said: prompts.rendered(
            prompts.Prompt(said, (prompts.Passage("a", said, said),), (prompts.Line("customer", said),), said, said), "fence"
        ),
        {name: (lambda n, make=make: make(n).replace("\ud800", "")) for name, make in TEXTS.items()}, MESSAGE,
    ),
    "core.assistance.articles.passages_of": Row(articles.passages_of, TEXTS, articles.MAX_BODY // 4, 400),
    "core.assistance.articles.without_comments": Row(
        articles.without_comments, {**TEXTS, "opened": lambda n: "<!--" * (n // 4), "closed": lambda n: "<!---->" * (n // 7)},
        articles.MAX_BODY // 4, 400),
    "core.text.visible.visible": Row(
        visible.visible, {**TEXTS, "tags": lambda n: "\U000e0041" * n, "joiners": lambda n: "\u200d\ufe0f" * (n // 2),
                          "flags": lambda n: "\U0001f3f4\U000e0067" * (n // 2)}, 16_384, 400),
    "core.assistance.articles.terms": Row(articles.terms, TEXTS, articles.MAX_QUESTION // 4, 400),
    "core.assistance.articles.coverage": Row(
        lambda said: articles.coverage(articles.terms(said), said), TEXTS, articles.PASSAGE // 4, 400
    ),
    "core.assistance.markdown_files.file_of": Row(
        lambda said: markdown_files.file_of("a/b.md", said.encode("utf-8", "replace")), TEXTS, articles.MAX_BODY // 4, 400
    ),
    "core.assistance.markdown_files.page_of": Row(
        lambda said: markdown_files.page_of("https://a.example/b", said.encode("utf-8", "replace")), PAGES, PAGE, 400
    ),
    "core.assistance.site_files.markdown_of": Row(site_files.markdown_of, PAGES, PAGE, 400),
    "core.assistance.site_files.language_of": Row(site_files.language_of, PAGES, PAGE),
    "core.assistance.site_files.addresses": Row(
        lambda said: site_files.addresses(f"<urlset><url><loc>{said}</loc></url>".encode("utf-8", "replace")),
        {**PAGES, "addresses": lambda n: "https://a.example/b</loc><loc>" * (n // 30)}, PAGE, 400,
    ),
    "core.assistance.site_files.placed": Row(
        lambda said: site_files.placed([f"https://a.example/{said[:300]}"], [said[at : at + 300] for at in range(0, len(said), 300)]),
        {"folders": lambda n: "a/" * (n // 2), "words": lambda n: "abc " * (n // 4)}, MESSAGE, 400,
    ),
    "core.assistance.answers.read": Row(
        lambda said: answers.read(json.dumps({"reply": said, "confidence": 1}), KNOWN), TEXTS, assist.MAX_ANSWER // 8, 400
    ),
    "core.assistance.assist.cited": Row(
        lambda said: assist.cited(said, 4), {**TEXTS, "citations": lambda n: "[1]" * (n // 3)}, MESSAGE, 400
    ),
    "core.assistance.rules.intent_of": Row(rules.intent_of, TEXTS, rules.MAX_READ // 4, 400),
    "core.assistance.rules.entities_of": Row(rules.entities_of, TEXTS, rules.MAX_READ // 4, 400),
    "core.assistance.rules.reply": Row(
        lambda said: (
            rules.reply(prompts.Prompt("", draft=said)),
            rules.reply(prompts.Prompt("", (prompts.Passage("a", "b", said),), (prompts.Line("customer", said),))),
        ),
        TEXTS, MESSAGE,
    ),
    "core.assistance.rules.assisted": Row(
        lambda said: rules.assisted(prompts.Prompt("", (), (prompts.Line("customer", said),), wanted=("order_number", "name"))), TEXTS, MESSAGE,
    ),
    "core.assistance.assist.answer_of": Row(
        lambda said: assist.answer_of(said, "r", ASKED, (Source("article", "a", "A"),), ("name",), "m"), TEXTS, assist.MAX_ANSWER // 4, 400
    ),
    "core.assistance.assist.answer_of json": Row(
        lambda said: assist.answer_of(json.dumps({"reply": said, "fields": {"name": said}}), "r", ASKED, (Source("article", "a", "A"),), ("name",), "m"),
        {**TEXTS, "citations": lambda n: "[1]" * (n // 3)}, assist.MAX_ANSWER // 8, 400,
    ),
    "core.turn.assisting.sensitive": Row(lambda said: assisting.sensitive(said, Assist()), TEXTS, FOLDED, 400),
    "core.turn.assisting.begun": Row(lambda said: assisting.begun({}, "r", said), TEXTS, MESSAGE),
    "core.assistance.rules.vector": Row(rules.vector, TEXTS, rules.MAX_EMBEDDED // 4, 400),
    "core.webhooks.delivery.excerpt_of": Row(lambda said: delivery.excerpt_of(said.encode("utf-8", "replace")), TEXTS, MESSAGE),
}  # fmt: skip
ROWS = {**PROVIDERS, **CHANNELS, **CORE}

_TAKEN_BY_PARSE = "reads one part of a document that `document` has read; the rows of `parse` go through it"
EXEMPT: dict[str, str] = {
    "channels.models.calling.decoded": "msgspec on at most MAX_ANSWER bytes; the operator chose the provider",
    "channels.models.calling.plausible": "reads a number",
    "channels.models.calling.estimated": "counts bytes",
    "channels.models.langflow.final_text": "takes eight steps into a decoded answer",
    "channels.models.openai.in_order": "sorts at most MAX_TEXTS vectors",
    "channels.models.openai.unit": "reads DIMENSIONS numbers",
    "core.assistance.analysis.made": "keeps MAX_ENTITIES of what `read` has found",
    "core.assistance.articles.config_of": "reads a language tag, bounded by its schema",
    "core.assistance.articles.fused": "counts ranks",
    "core.assistance.articles.relevance": "hands the text to `coverage`",
    "core.assistance.answers.prompt_of": "puts parts together; `rendered` writes them",
    "core.assistance.assist.decoded": "hands the text to msgspec; `answer_of` bounds it",
    "core.assistance.assist.prompt_of": "puts parts together; `rendered` writes them",
    "core.turn.assisting.under_way": "reads what `begun` and `settle` stored",
    "core.turn.assisting.missing": "looks fields up",
    "core.turn.assisting.settle": "what `answer_of` has read and cut; of fields, the rows of form_filling",
    "core.turn.assisting.concluded": "hands the state to `summary`",
    "core.turn.assisting.summary": "the beginnings of at most CONTEXT_SIZE messages",
    "core.assistance.markdown_files.unpacked": "bounded by MAX_FILES and MAX_UNPACKED; `file_of` reads each file",
    "core.assistance.rules.analysed": "hands the text to `intent_of` and `entities_of`",
    **{f"channels.{name}.answer": "reads nothing" for name in MODULES.values()},
    **{
        f"channels.shared.payloads.{name}": _TAKEN_BY_PARSE
        for name in ("collect", "inner", "string", "optional", "objects")
    },
    "channels.telegram.channel.number": _TAKEN_BY_PARSE,
    **{
        f"channels.shared.outgoing_files.{name}": "reads a stored file's own name, type and size"
        for name in ("type_of", "fits", "in_place_of")
    },
    "channels.shared.payloads.reaction": "hands on a text that `string` or `short` has read",
    "core.accounts.phones.e164": "reads what `digits` found, at most 255 of them",
    "core.accounts.phones.is_possible": "reads what `e164` wrote",
    "channels.meta.graph.challenge": "of WhatsApp and Messenger, which have rows",
    "channels.meta.graph.verify": "of WhatsApp and Messenger, which have rows",
    "channels.meta.graph.post": "writes what `requests` hands it",
    "channels.meta.graph.bearer": "reads the operator's own token",
    "channels.meta.graph.numbered": "writes what `requests` hands it",
    "channels.outgoing.guard.check_address": "reads an address that a resolver gave",
    "channels.outgoing.guard.pieces": "bounded by its `most`, in pieces of 64 KiB",
    "channels.outgoing.guard.beginning": "bounded by its `most`",
    "core.accounts.agents_and_teams.check_hours": "reads an agent's own settings, bounded by their schema",
    "core.accounts.agents_and_teams.distinct": "reads an agent's own settings, bounded by their schema",
    "core.turn.account_rules.account_rules": "reads an account's own rules, bounded by their schema",
    "core.turn.account_rules.silent": "reads an account's own rules",
    "core.turn.account_rules.speaks": "reads an account's own rules",
    "core.turn.handoff.unsure": "reads no text",
    "core.turn.handoff.angry": "reads no text",
    "core.turn.form_filling.question": "reads an account's own field",
    "core.turn.form_filling.under_way": "reads the bot's own context",
    "core.turn.form_filling.start": "reads an account's own fields",
    "core.turn.form_filling.given_up": "reads the bot's own context",
    "core.turn.csat.answered": "hands the text to `score_of`",
    "core.conversation.mentions.mentions_of": "reads what `mentioned` stored",
    "core.turn.message_analysis.wanted": "looks at a few fields, not at the text",
    "core.turn.message_analysis.for_first": "looks at a few fields, not at the text",
    "core.text.languages.language_of": "looks at a few fields, not at the text",
    "core.turn.message_analysis.believed": "reads a detector's word",
    "core.turn.message_analysis.believed_english": "reads a detector's word",
    "core.channels.signed_urls.path_of": "writes an address of ours",
    "core.url_policy.is_inside": "reads an address, not a text",
}
"""Function → why it needs no row."""
