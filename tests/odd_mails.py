"""Mails of odd shape, made from a seed, and how Postmark hands them on: its inbound webhook's JSON.

Each shape is a function from a random generator and a mark to the raw mail; `posted` reads a raw mail as leniently as Postmark does,
and `odd_mail` does both. https://postmarkapp.com/developer/webhooks/inbound-webhook
"""

from __future__ import annotations

import base64
import email
import email.policy
import json
import quopri
import random
import uuid
from collections.abc import Callable
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from typing import Any, Final, NamedTuple

OURS: Final = "support@acme.example"


class Mail(NamedTuple):
    """`mark`: words that the customer wrote, None where nothing of it can be read. `id`: Postmark's own."""

    shape: str
    id: str
    sender: str
    mark: str | None
    body: bytes


Make = Callable[[random.Random, str], bytes]
CRLF: Final = b"\r\n"
WORDS: Final = [
    "the kettle leaks since May",
    "ቡናው ቀዝቅዟል",
    "مرحبا بالعالم",
    "שלום עולם",
    "😀👩\u200d👩\u200d👧\u200d👦",
    "grüße aus łódź",
    "我的订单",
    "สวัสดี",
]
CHARSETS: Final = (
    "utf-8",
    "iso-8859-1",
    "windows-1252",
    "koi8-r",
    "shift_jis",
    "gb2312",
    "iso-2022-jp",
    "utf-16",
    "utf-7",
)
SENDER: Final = b"SENDER"


def head(subject: str | bytes = "Hello", *more: bytes, sender: bytes = b"From: Sara <SENDER>") -> bytes:
    said = subject if isinstance(subject, bytes) else subject.encode("utf-8")
    lines = [
        sender,
        b"To: " + OURS.encode(),
        b"Subject: " + said,
        b"Date: Sun, 29 Nov 2026 16:00:00 +0000",
        *more,
    ]
    return CRLF.join(line for line in lines if line)


def plain(mark: str, rng: random.Random) -> str:
    return f"{mark} {rng.choice(WORDS)}\r\n\r\n{rng.choice(WORDS)}"


def whole(first: bytes, *body: bytes) -> bytes:
    return first + CRLF + CRLF + CRLF.join(body)


def part(content_type: str, body: bytes, *more: str) -> bytes:
    return CRLF.join([f"Content-Type: {content_type}".encode(), *(line.encode() for line in more), b"", body])


def multi(kind: str, boundary: str, *parts: bytes, closed: bool = True) -> tuple[bytes, bytes]:
    """The Content-Type header of a multipart, and its body."""
    dashed = b"--" + boundary.encode()
    body = CRLF.join([line for one in parts for line in (dashed, one)] + ([dashed + b"--"] if closed else []))
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"'.encode(), body


def nested(rng: random.Random, mark: str) -> bytes:
    """Multiparts in multiparts, twelve deep."""
    inside = part("text/plain; charset=utf-8", plain(mark, rng).encode())
    for depth in range(rng.randint(3, 12)):
        kind, body = multi(rng.choice(["mixed", "alternative", "related"]), f"b{depth}", inside)
        inside = kind + CRLF + CRLF + body
    header, _, body = inside.partition(CRLF + CRLF)
    return whole(head("Nested", header), body)


def unclosed(rng: random.Random, mark: str) -> bytes:
    text = part("text/plain", plain(mark, rng).encode(), "Content-Transfer-Encoding: 8bit")
    header, body = multi("mixed", "open", text, closed=False)
    return whole(head("Unclosed", header), body)


def charset(rng: random.Random, mark: str) -> bytes:
    """Declared as it is."""
    name = rng.choice(CHARSETS)
    text = plain(mark, rng).encode(name, "replace")
    return whole(head("Charset", f"Content-Type: text/plain; charset={name}".encode()), text)


def wrong_charset(rng: random.Random, mark: str) -> bytes:
    """Declared as another, as none, or as nonsense."""
    said = plain(mark, rng).encode(rng.choice(["utf-8", "windows-1252", "koi8-r"]), "replace")
    name = rng.choice(["us-ascii", "x-unknown", "utf8mb4", '"', "iso-8859-8-i", "ansi_x3.110-1983", ""])
    return whole(head("Wrong", f"Content-Type: text/plain; charset={name}".encode()), said)


def encoded_words(rng: random.Random, mark: str) -> bytes:
    """RFC 2047: whole, split within a character, empty, unending, of unknown charsets."""
    word = base64.b64encode(rng.choice(WORDS).encode()).decode()
    subject = rng.choice(
        [f"=?utf-8?B?{word}?=", f"=?utf-8?b?{word[:6]}?= =?utf-8?b?{word[6:]}?=", "=?x-none?Q?a=20b?=", "=?utf-8?Q??=",
         "=?utf-8?Q?open", "=?utf-8*en?Q?caf=C3=A9?=", f"=?iso-8859-1?B?{word}?="]
    )  # fmt: skip
    sender = f"From: {subject} <SENDER>".encode()
    return whole(
        head(subject, b"Content-Type: text/plain; charset=utf-8", sender=sender), plain(mark, rng).encode()
    )


def file_names(rng: random.Random, mark: str) -> bytes:
    """RFC 2231 and what programs write in its place."""
    name = rng.choice(
        ["filename*=utf-8''%e2%82%ac%20rates.pdf", "filename*0*=utf-8''a%20; filename*1=b.pdf; filename*2=\"c\"", "filename==?utf-8?B?w7wucGRm?=",
         'filename="=?utf-8?Q?=C3=BC.pdf?="', "filename*=bad'charset'%ff.pdf", 'filename="a\\"b/..\\\\c.pdf"', "filename=", "filename*9=x.pdf",
         'filename="' + "n" * 400 + '.pdf"', "filename*=utf-8''%00%0d%0a.pdf", 'filename="\u202egpj.exe"']
    )  # fmt: skip
    text = part("text/plain; charset=utf-8", plain(mark, rng).encode())
    file = part("application/pdf", base64.b64encode(b"%PDF-1.4"), f"Content-Disposition: attachment; {name}", "Content-Transfer-Encoding: base64")  # fmt: skip
    header, body = multi("mixed", "names", text, file)
    return whole(head("File", header), body)


def empty(rng: random.Random, mark: str) -> bytes:
    return whole(head(rng.choice(["", " ", f"{mark}"]), rng.choice([b"", b"Content-Type: text/html"])), b"")


def large_html(rng: random.Random, mark: str) -> bytes:
    """Ten megabytes of HTML."""
    start = f"<html><body><p>{mark} large</p>".encode()
    filler = rng.choice(
        [b"<div>" * 2 + b"x" * 90 + b"</div>\r\n", b"<td style='a:b'>1</td>\r\n", b"&nbsp;" * 20 + b"\r\n"]
    )
    return whole(
        head("Large", b"Content-Type: text/html; charset=utf-8"), start, filler * (10_000_000 // len(filler))
    )


def html(rng: random.Random, mark: str) -> bytes:
    """HTML alone, of the kinds that programs write."""
    inner = rng.choice(
        ["<table><tr><td>{}</td></tr></table>", "<p>{}<p><br><b>unclosed", "<!--[if mso]>x<![endif]--><div>{}</div>", "<style>p{{}}</style>{}",
         "<div dir=rtl>{} \u202e abc</div>", "<script>alert(1)</script><pre>{}</pre>", "<o:p></o:p><span>{}</span>" + "<div>" * 400]
    )  # fmt: skip
    return whole(
        head("HTML", b"Content-Type: text/html; charset=utf-8"), inner.format(plain(mark, rng)).encode()
    )


def winmail(rng: random.Random, mark: str) -> bytes:
    text = part("text/plain; charset=utf-8", plain(mark, rng).encode())
    data = base64.b64encode(b"\x78\x9f\x3e\x22" + rng.randbytes(200))
    file = part("application/ms-tnef; name=winmail.dat", data, "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename=winmail.dat")  # fmt: skip
    header, body = multi("mixed", "tnef", text, file)
    return whole(head("Outlook", header, b"X-MS-TNEF-Correlator: <x@y>"), body)


def invitation(rng: random.Random, mark: str) -> bytes:
    method = rng.choice(["REQUEST", "REPLY", "CANCEL"])
    calendar = f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nSUMMARY:Fitting\r\nEND:VEVENT\r\nEND:VCALENDAR"
    parts = [part(f"text/calendar; method={method}; charset=utf-8", calendar.encode())]
    if rng.random() < 0.7:
        parts.insert(0, part("text/plain; charset=utf-8", plain(mark, rng).encode()))
    header, body = multi("alternative", "cal", *parts)
    return whole(head("Invitation: Fitting", header), body)


def bounce(rng: random.Random, mark: str) -> bytes:
    """RFC 3464."""
    status = b"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; gone@mail.example\r\nAction: failed\r\nStatus: 5.1.1"
    parts = [
        part("text/plain; charset=us-ascii", f"{mark} could not be delivered".encode()),
        part("message/delivery-status", status),
        part(
            rng.choice(["message/rfc822", "text/rfc822-headers"]),
            b"Subject: Your order\r\nFrom: " + OURS.encode() + b"\r\n\r\nHello",
        ),
    ]
    header, body = multi("report; report-type=delivery-status", "dsn", *parts)
    returned = rng.choice([b"Return-Path: <>", b"Auto-Submitted: auto-replied"])
    return whole(head("Undelivered Mail Returned to Sender", header, returned), body)


def read_receipt(rng: random.Random, mark: str) -> bytes:
    """RFC 8098."""
    notice = b"Final-Recipient: rfc822; sara@mail.example\r\nDisposition: manual-action/MDN-sent-manually; displayed"
    parts = [
        part("text/plain; charset=utf-8", f"{mark} was read".encode()),
        part("message/disposition-notification", notice),
    ]
    header, body = multi("report; report-type=disposition-notification", "mdn", *parts)
    return whole(head("Read: Your order", header), body)


def signed(rng: random.Random, mark: str) -> bytes:
    """S/MIME and PGP: signed, the text in clear."""
    text = part("text/plain; charset=utf-8", plain(mark, rng).encode())
    kind, name = rng.choice(
        [("application/pkcs7-signature", "smime.p7s"), ("application/pgp-signature", "signature.asc")]
    )
    proof = part(
        f"{kind}; name={name}", base64.b64encode(rng.randbytes(300)), "Content-Transfer-Encoding: base64"
    )
    header, body = multi(f"signed; protocol={kind}", "sig", text, proof)
    return whole(head("Signed", header), body)


def encrypted(rng: random.Random, mark: str) -> bytes:
    """S/MIME and PGP: nothing can be read."""
    if rng.random() < 0.5:
        lines = (
            b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
            b"Content-Transfer-Encoding: base64",
        )
        return whole(head("Encrypted", *lines), base64.b64encode(rng.randbytes(400)))
    armor = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQ==\r\n-----END PGP MESSAGE-----"
    parts = [
        part("application/pgp-encrypted", b"Version: 1"),
        part('application/octet-stream; name="encrypted.asc"', armor),
    ]
    header, body = multi('encrypted; protocol="application/pgp-encrypted"', "pgp", *parts)
    return whole(head("Encrypted", header), body)


def forwarded(rng: random.Random, mark: str) -> bytes:
    inside = whole(
        head("Inside", b"Content-Type: text/plain", sender=b"From: other@mail.example"), b"the forwarded one"
    )
    for _ in range(rng.randint(0, 5)):
        inside = whole(
            head("Around", b"Content-Type: message/rfc822", sender=b"From: o@mail.example"), inside
        )
    text = part("text/plain; charset=utf-8", plain(mark, rng).encode())
    header, body = multi("mixed", "fwd", text, part("message/rfc822", inside))
    return whole(head("Fwd: Inside", header), body)


def header_flood(rng: random.Random, mark: str) -> bytes:
    """Thousands of headers, the same one many times, very long ones, ones without a colon."""
    kinds = {
        "many": [f"X-Flood-{n}: {n}".encode() for n in range(5000)],
        "received": [b"Received: from a by b"] * 2000,
        "long": [
            b"X-Long: " + b"y" * 200_000,
            b"References: " + b" ".join(b"<%d@x>" % n for n in range(8000)),
        ],
        "broken": [
            b"no colon here",
            b": no name",
            b"X-Fol ded: a\r\n\tb\r\n c",
            b"Subject: another",
            b"From: second@mail.example",
        ],
        "to": [b"Cc: " + b", ".join(b"c%d@mail.example" % n for n in range(900))],
    }
    return whole(head("Flood", *kinds[rng.choice(list(kinds))]), plain(mark, rng).encode("ascii", "replace"))


def missing(rng: random.Random, mark: str) -> bytes:
    """Without a date, a sender, a recipient, a subject, or any header at all."""
    lines = head("Missing").split(CRLF)
    gone = rng.sample(range(len(lines)), rng.randint(1, len(lines)))
    return whole(CRLF.join(line for n, line in enumerate(lines) if n not in gone), plain(mark, rng).encode())


def broken_qp(rng: random.Random, mark: str) -> bytes:
    text = quopri.encodestring(plain(mark, rng).encode()) + rng.choice(
        [b"=", b"=\r", b"=Z9 =4", b"=C3", b"==20=\r\n="]
    )
    return whole(
        head(
            "QP", b"Content-Type: text/plain; charset=utf-8", b"Content-Transfer-Encoding: quoted-printable"
        ),
        text,
    )


def broken_base64(rng: random.Random, mark: str) -> bytes:
    """In the text, which is lost by it, or in a file."""
    data = base64.b64encode(rng.randbytes(60))
    bad = rng.choice(
        [data[:-3], data + b"===", data[:7] + b"\r\n!!\r\n" + data[7:], b"=" + data, b"\xff" + data]
    )
    text = part("text/plain; charset=utf-8", plain(mark, rng).encode())
    file = part(
        "image/png; name=a.png",
        bad,
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment; filename=a.png",
    )
    header, body = multi("mixed", "b64", text, file)
    return whole(head("Base64", header), body)


def marks(rng: random.Random, mark: str) -> bytes:
    """Byte order marks, direction marks, zero-width characters, NUL, control characters."""
    odd = rng.choice(
        ["\ufeff", "\u202e", "\u200b\u200d", "\x00", "\x07\x1b[31m", "\u2028", "\ud83d"]
    ) * rng.randint(1, 50)
    text = f"{odd}{mark}{odd} {rng.choice(WORDS)}".encode("utf-8", "surrogatepass")
    return whole(
        head(
            f"Marks {odd}".encode("utf-8", "surrogatepass").replace(b"\x00", b""),
            b"Content-Type: text/plain; charset=utf-8",
        ),
        text,
    )


def long_lines(rng: random.Random, mark: str) -> bytes:
    filler = rng.choice(["x", "😀", "ab ", "> ", "<", "http://a.example/"]) * 300_000
    return whole(
        head("Long " + "s" * 5000, b"Content-Type: text/plain; charset=utf-8"), f"{mark} {filler}".encode()
    )


def flowed(rng: random.Random, mark: str) -> bytes:
    """RFC 3676."""
    space = rng.choice(["yes", "no"])
    text = f"{mark} this goes \r\non and on \r\nhere.\r\n\r\n-- \r\nSara"
    return whole(
        head("Flowed", f"Content-Type: text/plain; charset=utf-8; format=flowed; delsp={space}".encode()),
        text.encode(),
    )


def quotes(rng: random.Random, mark: str) -> bytes:
    """Answers whose quotes are many, deep, or all there is."""
    quoted = rng.choice(["> ", ">>>>>>", "| ", ""])
    text = f"{mark}\r\n\r\nOn Mon, 2 Nov 2026, Acme wrote:\r\n" + f"{quoted}line\r\n" * rng.choice([1, 2000])
    return whole(head("Re: [EXTERNAL] RE: AW: Hello", b"In-Reply-To: <none@mail.example>"), text.encode())


def odd_ids(rng: random.Random, mark: str) -> bytes:
    id = rng.choice(
        [b"<>", b"no brackets", b"<" + b"i" * 2000 + b"@x>", b"<a b@c>", b"", "<ü@x>".encode(), b"<\x00@x>"]
    )
    return whole(
        head("Ids", b"Message-ID: " + id, b"References: <a> <b", b"In-Reply-To: x y z"),
        plain(mark, rng).encode("ascii", "replace"),
    )


def addresses(rng: random.Random, mark: str) -> bytes:
    """Senders and Reply-To of odd spelling."""
    names = [
        b'"A, B" <SENDER>',
        b"SENDER (a comment)",
        "Ünal <SENDER>".encode(),
        b"<SENDER>",
        b"group: SENDER;",
        b'"" <SENDER>',
        b"a@@b <SENDER>",
    ]
    reply = rng.choice([b"Reply-To: undisclosed-recipients:;", b"Reply-To: <>", b"Reply-To: x", b""])
    return whole(
        head("Who", reply, sender=b"From: " + rng.choice(names)), plain(mark, rng).encode("ascii", "replace")
    )


def dates(rng: random.Random, mark: str) -> bytes:
    when = rng.choice(
        [
            b"yesterday",
            b"Thu, 1 Jan 1970 00:00:00 +9999",
            b"32 Foo 99999",
            b"Sun, 29 Nov 2026 25:61:61 GMT",
            b"\xff",
        ]
    )
    lines = [line for line in head("When").split(CRLF) if not line.startswith(b"Date")]
    return whole(CRLF.join([*lines, b"Date: " + when]), plain(mark, rng).encode("ascii", "replace"))


def files(rng: random.Random, mark: str) -> bytes:
    """Many files, empty ones, ones without a type, one in the text, a zip that claims to be a picture."""
    text = part("text/html; charset=utf-8", f"<p>{mark}</p><img src=cid:one>".encode())
    count = rng.choice([1, 5, 70])
    made = [
        part(rng.choice(["image/png", "", "a/b/c", "application/octet-stream", "text/x-evil; name=a"]), base64.b64encode(rng.randbytes(rng.choice([0, 10]))),
             "Content-Transfer-Encoding: base64", f"Content-ID: <{'one' if n == 0 else n}>", f"Content-Disposition: {rng.choice(['inline', 'attachment'])}; filename=f{n}")
        for n in range(count)
    ]  # fmt: skip
    header, body = multi("related", "files", text, *made)
    return whole(head("Files", header), body)


def not_a_mail(rng: random.Random, mark: str) -> bytes:
    return rng.randbytes(rng.choice([0, 1, 500]))


SHAPES: Final[dict[str, Make]] = {
    make.__name__: make
    for make in (
        nested, unclosed, charset, wrong_charset, encoded_words, file_names, empty, html, winmail, invitation, bounce, read_receipt,
        signed, encrypted, forwarded, header_flood, missing, broken_qp, broken_base64, marks, long_lines, flowed, quotes, odd_ids,
        addresses, dates, files, not_a_mail,
    )
}  # fmt: skip
UNREADABLE: Final = {"encrypted", "empty", "not_a_mail", "wrong_charset", "charset", "missing"}
"""Shapes of which the mark may not be found in the content."""


def odd_mail(seed: int, shape: str | None = None) -> Mail:
    """The mail of a seed; shapes take turns."""
    rng = random.Random(seed)
    name = shape or list(SHAPES)[seed % len(SHAPES)]
    make = large_html if name == "large_html" else SHAPES[name]
    sender, mark = f"odd{seed}.{rng.randrange(10**9)}@mail.example", f"mark{seed}x"
    raw = make(rng, mark).replace(SENDER, sender.encode())
    id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    hidden = name in UNREADABLE or mark.encode() not in raw
    return Mail(name, id, sender, None if hidden else mark, posted(raw, id))


# -- as Postmark reads a mail


def posted(raw: bytes, id: str) -> bytes:
    """The JSON of the inbound webhook. Postmark reads what can be read; headers stand as they came, decoded where that is possible."""
    mail = email.message_from_bytes(raw, policy=email.policy.compat32)
    texts: dict[str, str] = {}
    attachments: list[dict[str, Any]] = []
    for piece in mail.walk():
        _take(piece, texts, attachments)
    headers = [{"Name": name, "Value": decoded(value)} for name, value in mail.items()]
    people = {name: _people(mail, name) for name in ("From", "To", "Cc", "Bcc")}
    sender = people["From"][0] if people["From"] else {"Email": "", "Name": "", "MailboxHash": ""}
    body = {
        "FromName": sender["Name"], "MessageStream": "inbound", "From": decoded(mail["From"]), "FromFull": sender,
        **{name: decoded(mail[name]) for name in ("To", "Cc", "Bcc", "Subject", "Date")},
        **{f"{name}Full": people[name] for name in ("To", "Cc", "Bcc")},
        "OriginalRecipient": OURS, "MessageID": id, "ReplyTo": decoded(mail["Reply-To"]), "MailboxHash": "",
        "TextBody": texts.get("plain", ""), "HtmlBody": texts.get("html", ""), "StrippedTextReply": "", "Tag": "",
        "Headers": headers, "Attachments": attachments,
    }  # fmt: skip
    return json.dumps(body).encode()


def _take(piece: Message, texts: dict[str, str], attachments: list[dict[str, Any]]) -> None:
    if piece.is_multipart() and piece.get_content_type() != "message/rfc822":
        return
    kind, disposition = piece.get_content_type(), str(piece.get("Content-Disposition", ""))
    named = _name(piece)
    data = _bytes(piece)
    if kind in ("text/plain", "text/html") and not disposition.startswith("attachment") and not named:
        texts.setdefault(kind.partition("/")[2], _text(piece, data))
        return
    content_id = decoded(piece["Content-ID"])
    about = {"Name": named or "attachment", "Content": base64.b64encode(data).decode(), "ContentType": kind}
    attachments.append(about | {"ContentLength": len(data), "ContentID": content_id})


def _bytes(piece: Message) -> bytes:
    if piece.get_content_type() == "message/rfc822":
        inside = piece.get_payload()
        return inside[0].as_bytes() if isinstance(inside, list) and isinstance(inside[0], Message) else b""
    found = piece.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _text(piece: Message, data: bytes) -> str:
    try:
        return data.decode(piece.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return data.decode("windows-1252", "replace")


def _name(piece: Message) -> str:
    try:
        return decoded(piece.get_filename() or "")
    except (LookupError, ValueError, TypeError, MessageError):
        return "file"


def decoded(value: Any) -> str:
    text = str(value or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        parts = decode_header(text)
        return "".join(p if isinstance(p, str) else p.decode(c or "ascii", "replace") for p, c in parts)
    except (LookupError, ValueError, MessageError):
        return text


def _people(mail: Message, name: str) -> list[dict[str, str]]:
    try:
        found = getaddresses([str(value) for value in mail.get_all(name, [])])
    except (ValueError, IndexError):
        return []
    return [
        {"Email": address, "Name": decoded(shown), "MailboxHash": ""} for shown, address in found if address
    ]
