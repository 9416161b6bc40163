"""What mail programs and gateways write around a person's words, by language and program: prefixes and tags of subjects, the lines above
what is quoted, and the marks of mails that no person wrote."""

from __future__ import annotations

import pytest

from tertulia.channels.email.text import is_automatic, new_part
from tertulia.core.text import email_subjects

PREFIXES = ["Re:", "RE :", "Re[2]:", "Re(3):", "Re^2:", "Re*2:", "AW:", "Antw:", "Reply:", "Bales:", "জবাব:", "Antwort:", "Antw.:", "SV:", "Sv. :", "Svar:", "VS:", "Vastaus:", "Vá:", "Válasz:", "Vast.:", "Odp:", "Odp.:", "Odpověď:", "Odpoveď:", "Odg:", "Одг:", "YNT:", "Yanıt:", "Cevap:", "Atb.:", "Ats.:", "Atsakymas:", "Atbilde:", "Răsp:", "Răspuns:", "Balas:", "TL:", "Trả lời:", "ΑΠ:", "Απάντηση:", "Σχετ:", "На:", "Отв:", "Ответ:", "Ответить:", "Відп:", "Відповідь:", "Отг:", "Отговор:", "ตอบ:", "ตอบกลับ:", "回复：", "回覆:", "答复：", "答覆:", "回信:", "返信：", "회신:", "답장:", "رد:", "الرد:", "پاسخ:", "תגובה:", "השב:", "उत्तर:", "जवाब:", "Rif:", "Risposta:", "R:", "RES:", "Resposta:", "Respuesta:", "Réf. :", "Rép :", "Fwd:", "FW:", "WG:", "Weitergeleitet:", "VB:", "VL:", "Vidarebefordrat:", "Videresendt:", "Doorst:", "TR :", "RV:", "Reenviado:", "I:", "Inoltro:", "ENC:", "Encaminhado:", "PD:", "İLT:", "İletilen:", "Tov:", "Továbbítás:", "Přeposláno:", "Πρθ:", "Пересл.:", "Переслано:", "Препратено:", "Chuyển tiếp:", "ส่งต่อ:", "转发：", "轉寄:", "転送:", "전달:", "إعادة توجيه:", "הועבר:", "[EXTERNAL] Re:", "[EXT] RE:", "EXTERNAL: Re:", "EXT - Re:", "(External) Re:", "**EXTERNAL** Re:", "<EXTERNAL> Re:", "{Spam?} Re:", "***SPAM*** Re:", "[External Email] AW:", "[Extern] AW:", "[EXTERNE] RE :", "[外部] 回复:", "【外部】Re:", "【社外】Re:", "[외부] Re:", "[ВНЕШНИЙ] Re:", "[Внешнее письмо] Re:", "[Externí] Re:", "[Caution: External] Re:", "[Not Virus Scanned] Re:", "[SEC=UNCLASSIFIED] Re:", "Re: [EXTERNAL] Re:", "Re∶", "ＲＥ：", "Re\xa0:", "\u200fRE:", "Automatic reply:", "Automatische Antwort:", "自动回复:", "Автоответ:", "YNT:", "Phản hồi:", "पुनः:", "अग्रेषित:", "העברה:", "Teruskan:", "[Auto-Reply]", "【自動返信】", "[자동회신]"]  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_answers_add_is_no_part_of_the_topic(prefix: str) -> None:
    subject = f"{prefix} Offer 5"
    assert email_subjects.topic(subject) == "offer 5" and email_subjects.is_answer(subject)


@pytest.mark.parametrize(
    "subject",
    ["Reason: late", "Res publica: notes", "Invoice: Re: x", "На складе: нет", "No: 5 Rue", "Reply", "[4711] Offer", "External audit: dates", "Sparks: x"],
)  # fmt: skip
def test_words_that_only_look_like_prefixes_stay(subject: str) -> None:
    assert email_subjects.topic(subject) == subject.casefold() and not email_subjects.is_answer(subject)


QUOTED = "Hello, thank you for your order.\nAna"
INTRODUCTIONS = """
On Mon, Nov 30, 2026 at 3:04 PM Ana Ruiz <ana@shop.example> wrote:
Am Mo., 30. Nov. 2026 um 15:04 Uhr schrieb Ana <ana@shop.example>:
Le lun. 30 nov. 2026 à 15:04, Ana <ana@shop.example> a écrit :
El lun, 30 nov 2026 a las 15:04, Ana (<ana@shop.example>) escribió:
Em seg., 30 de nov. de 2026 às 15:04, Ana <ana@shop.example> escreveu:
Il giorno lun 30 nov 2026 alle ore 15:04 Ana <ana@shop.example> ha scritto:
Op ma 30 nov 2026 om 15:04 schreef Ana <ana@shop.example>:
W dniu 30.11.2026 o 15:04, Ana pisze:
po 30. 11. 2026 v 15:04 odesílatel Ana <ana@shop.example> napsal:
Den mån 30 nov. 2026 kl 15:04 skrev Ana <ana@shop.example>:
ma 30. marrask. 2026 klo 15.04 Ana (ana@shop.example) kirjoitti:
пн, 30 нояб. 2026 г. в 15:04, Ana <ana@shop.example>:
Понедельник, 30 ноября 2026, 15:04 +03:00 от Ana <ana@shop.example>:
пн, 30 лист. 2026 р. о 15:04 Ana <ana@shop.example> пише:
Ana <ana@shop.example>, 30 Kas 2026 Pzt, 15:04 tarihinde şunu yazdı:
Στις Δευ 30 Νοε 2026 στις 3:04 μ.μ., ο χρήστης Ana <ana@shop.example> έγραψε:
În lun., 30 nov. 2026 la 15:04, Ana <ana@shop.example> a scris:
Ana <ana@shop.example> ezt írta (időpont: 2026. nov. 30., H, 15:04):
Vào Th 2, 30 thg 11, 2026 vào lúc 15:04 Ana <ana@shop.example> đã viết:
เมื่อ จ. 30 พ.ย. 2026 เวลา 15:04 Ana <ana@shop.example> เขียนว่า:
Ana <ana@shop.example> 于2026年11月30日周一 15:04写道：
2026年11月30日(月) 15:04 Ana <ana@shop.example>:
2026年11月30日(月) 15:04、Ana さん(ana@shop.example)のメッセージ:
2026년 11월 30일 (월) 오후 3:04, Ana <ana@shop.example>님이 작성:
في الاثنين، 30 نوفمبر 2026 في 3:04 م تمت كتابة ما يلي بواسطة Ana <ana@shop.example>:
\u202bבתאריך יום ב׳, 30 בנוב׳ 2026 ב-15:04 מאת \u202aAna\u202c\u200f <\u202aana@shop.example\u202c\u200f>:\u202c
El dl., 30 de nov. 2026, a les 15:04, Ana <ana@shop.example> va escriure:
---- On Mon, 30 Nov 2026 15:04:05 +0100 Ana <ana@shop.example> wrote ----
Noong Lun, Nob 30, 2026 nang 3:04 PM, sumulat si Ana <ana@shop.example> ng:
Wiadomość napisana przez Ana <ana@shop.example> w dniu 30 lis 2026, o godz. 15:04:
Ana <ana@shop.example> şunları yazdı (30 Kas 2026 15:04):
2026/11/30 15:04、Ana <ana@shop.example>のメール:
26. 11. 30. 오후 3:04에 Ana 이(가) 쓴 글:
பிற்பகல் 3:04 அன்று, Ana <ana@shop.example> எழுதியது:
On 30 Nov 2026 at 15:04 +0100, Ana <ana@shop.example>, wrote:
    On Monday, November 30, 2026 at 3:04:05 PM GMT+1, Ana <ana@shop.example> wrote:
30.11.2026, 15:04, "Ana" <ana@shop.example>:
---- Replied Message ----
---- 回复的原邮件 ----
-----Original Message-----
-----Original Mail-----
------------------ Original ------------------
------------------ 原始邮件 ------------------
-----Özgün İleti-----
-------- Původní e-mail ----------
-----Original-Nachricht-----
-----Исходное сообщение-----
----------元のメッセージ----------
-----الرسالة الأصلية-----
Begin forwarded message:
Anfang der weitergeleiteten Nachricht:
""".strip().splitlines()
BLOCKS = """
From: Ana <ana@shop.example>|Sent: Monday|To: Bob|Subject: Order
*From:* Ana|*Sent:* Monday|*To:* Bob|*Subject:* Order
Von: Ana|Gesendet: Montag|An: Bob|Betreff: Order
De : Ana|Envoyé : lundi|À : Bob|Objet : Order
De: Ana|Enviado el: lunes|Para: Bob|Asunto: Order
Da: Ana|Inviato: lunedì|A: Bob|Oggetto: Order
De la: Ana|Trimis: 30|Către: Bob|Subiect: Order
Afsender: Ana|Dato: 30|Til: Bob|Emne: Order
От: Ana|Отправлено: 30|Кому: Bob|Тема: Order
Від кого: Ana|Дата: 30|Кому: Bob|Тема: Order
Dari: Ana|Terkirim: 30|Untuk: Bob|Subjek: Order
Từ: Ana|Đã gửi: 30|Đến: Bob|Chủ đề: Order
发件人：Ana|日期：2026|收件人：Bob|主题：Order
差出人: Ana|送信日時: 2026|宛先: Bob|件名: Order
보낸 사람: Ana|보낸 날짜: 2026|받는 사람: Bob|제목: Order
من: Ana|تاريخ الإرسال: 30|إلى: Bob|الموضوع: Order
מאת: Ana|נשלח: 30|אל: Bob|נושא: Order
प्रेषक: Ana|भेजा गया: 30|प्रति: Bob|विषय: Order
Gönderen: Ana|Gönderildi: 30 Kasım 2026 Pazartesi 15:04|Kime: Bob|Konu: Order
Від: Ana|Надіслано: 30 листопада 2026 р. 15:04|Кому: Bob|Тема: Order
จาก: Ana|ส่ง: วันจันทร์ที่ 30 พฤศจิกายน 2569 15:04|ถึง: Bob|เรื่อง: Order
보낸 사람: Ana|보낸 시간: 2026년 11월 30일 월요일 15:04|받는 사람: Bob|제목: Order
발신: Ana|날짜: 26/11/30 15:04|수신: Bob|제목: Order
Gesendet: Montag, 30. November 2026 um 15:04 Uhr|Von: "Ana" <ana@shop.example>|An: Bob|Betreff: Order
Daripada: Ana <ana@shop.example>|Dihantar: Isnin, 30 November 2026 15:04|Kepada: Bob|Subjek: Order
Mula kay: Ana <ana@shop.example>|Ipinadala: Lunes, Nobyembre 30, 2026|Kay: Bob|Paksa: Order
Frá: Ana <ana@shop.example>|Sent: mánudagur, 30. nóvember 2026 15:04|Til: Bob|Efni: Order
*Nork:* Ana <ana@shop.example>|*Bidaltze-data:* 2026(e)ko azaroaren 30a|*Nori:* Bob|*Gaia:* Order
Од: Ana <ana@shop.example>|Послато: понедељак, 30. новембар 2026. 15:04|Коме: Bob|Тема: Order
Кімнен: Ana <ana@shop.example>|Жіберілді: дүйсенбі, 30 қараша 2026|Кімге: Bob|Тақырыбы: Order
გამგზავნი: Ana <ana@shop.example>|გაგზავნილია: 30 ნოემბერი 2026|ადრესატი: Bob|თემა: Order
Ումից՝ Ana <ana@shop.example>|Ուղարկված է՝ 30 նոյեմբերի 2026|Ում՝ Bob|Թեմա՝ Order
প্রেরক: Ana <ana@shop.example>|পাঠানো হয়েছে: 30 নভেম্বর 2026|প্রাপক: Bob|বিষয়: Order
அனுப்புநர்: Ana <ana@shop.example>|அனுப்பப்பட்டது: 30 நவம்பர் 2026|பெறுநர்: Bob|பொருள்: Order
منجانب: Ana <ana@shop.example>|بھیجا گیا: 30 نومبر 2026|بنام: Bob|موضوع: Order
Saatja: Ana <ana@shop.example>|Saatmisaeg: esmaspäev, 30. november 2026 15:04|Adressaat: Bob|Teema: Order
""".strip().splitlines()


@pytest.mark.parametrize("line", INTRODUCTIONS)
def test_what_follows_an_introduction_is_a_quote(line: str) -> None:
    quote = "\n".join(f"> {each}" for each in QUOTED.splitlines())
    for below in (quote, QUOTED):
        assert new_part(f"It arrived.\n\n{line}\n\n{below}") == "It arrived."


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    "rule", ["", "_" * 32 + "\n", "-" * 20 + "\n\n", "-------- Orijinal mesaj --------\n"]
)
def test_what_follows_a_block_of_headers_is_a_quote_and_the_line_drawn_above_it(
    rule: str, block: str
) -> None:
    headers = block.replace("|", "\n")
    assert new_part(f"It arrived.\n\n{rule}{headers}\n\n{QUOTED}") == "It arrived."


@pytest.mark.parametrize(
    "text",
    [
        "My trip from: Paris\nto: Rome\nplease", "From: Paris\nTo: Rome\nI want to fly", "Book it:\nFrom: Berlin\nTo: Paris\nDate: 5 May 2026", "Von: Wien\nAn: Graz\nDatum: 5.5. um 10:30", "She wrote: hello 5 times", "Call me at 555-1234:\nmornings best",
        "Contact: Ana <ana@shop.example>\nShip it to her please", "Name: Ana\nBorn: 1990\nSize: 4", "Who: Ana <ana@shop.example>\nSize: 4\nColour: red",
        "I wrote on 30 Nov to ana@shop.example:\nno answer yet", "On 30 Nov I wrote:\nyou did not answer", "Two prices:\n---------\n5 and 6", "- Original -\nlamp",
    ],
)  # fmt: skip
def test_a_persons_own_words_are_no_quote(text: str) -> None:
    assert new_part(text) == text


MACHINES = [
    {"x-autoreply": "yes"}, {"x-post-messageclass": "9; Autoresponder"}, {"x-autogenerated": "Reply"}, {"x-amazon-auto-reply": "true"},
    {"x-precedence": "bulk"}, {"preference": "auto_reply"}, {"precedence": "auto_reply"}, {"list-archive": "<x>"}, {"x-list-id": "a"}, {"x-vacation": "yes"},
    {"x-fc-machinegenerated": "true"}, {"auto-submitted": "auto-notified"}, {"auto-submitted": "auto-replied (vacation)"}, {"x-auto-response-suppress": "OOF, DR"},
    {"x-mailing-list": "a"}, {"content-type": "multipart/report; report-type=disposition-notification"}, {"x-automated-message": "1"}, {"x-autorespond": "x"},
    {"x-ms-exchange-generated-message-source": "Mailbox Rules Agent"}, {"x-auto-replied": "yes"}, {"x-out-of-office": "1"}, {"x-beenthere": "talk@x.example"},
    {"delivered-to": "Autoresponder"}, {"return-path": "<MAILER-DAEMON>"}, {"return-path": " < > "}, {"x-loop": "desk@x.example"}, {"x-otrs-loop": "YES"},
    {"x-rt-loop-prevention": "x.example"}, {"x-ms-exchange-message-class": "IPM.Note.Rules.OofTemplate.Microsoft"}, {"auto-submitted": "auto-replied (zimbra; vacation)"},
    {"x-listprocessor-version": "8"}, {"sender": "owner-talk@x.example"}, {"sender": '"Talk" <talk-bounces@x.example>'},
]  # fmt: skip
PERSONS = [
    {}, {"auto-submitted": "no"}, {"x-autoreply": "no"}, {"precedence": "first-class"}, {"x-auto-response-suppress": "DR"}, {"x-author": "a"}, {"autocrypt": "addr=a"},
    {"authentication-results": "x"}, {"feedback-id": "::1.eu-west-1:AmazonSES"}, {"x-mailer": "Outlook"},
    {"sender": "ana@x.example"}, {"sender": "Bob Owner <bob.owner@x.example>"}, {"x-mailer": "Proofpoint"},
    {"delivered-to": "sales@roofing.example"}, {"delivered-to": "proof@x.example"}, {"return-path": "<ana@x.example>"}, {"x-loopback": "1"}, {"x-forwarded-to": "a@x.example"},
]  # fmt: skip


@pytest.mark.parametrize("headers", MACHINES, ids=str)
def test_headers_of_machines(headers: dict[str, str]) -> None:
    assert is_automatic(headers, "ana@x.example")


@pytest.mark.parametrize("headers", PERSONS, ids=str)
def test_headers_of_persons(headers: dict[str, str]) -> None:
    assert not is_automatic(headers, "ana@x.example")


@pytest.mark.parametrize(
    "name",
    ["no-reply", "noreply", "no_reply", "noreply2", "noreply+12", "info-noreply", "do-not-reply", "donotreply", "dont.reply", "notifications", "newsletter", "mailer-daemon", "postmaster", "bounce", "bounces+123", "double-bounce", "nepasrepondre", "ne-pas-repondre", "noresponder", "nao-responda", "nicht-antworten", "keineantwort", "non-rispondere", "niet-beantwoorden", "svara-inte", "ei-vastata", "nie-odpowiadaj", "neodpovidat", "cevaplamayin", "jangan-balas", "auto-confirm", "automated", "unmonitored", "notify", "robot", "daemon", "nobody", "noreplies", "khong-tra-loi", "no-contestar", "no_conteste", "cevaplamayiniz", "cevap-vermeyin", "ne-otvechajte", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e".lower()],
)  # fmt: skip
def test_addresses_that_no_person_reads(name: str) -> None:
    assert is_automatic({}, f"{name}@x.example")


@pytest.mark.parametrize(
    "name",
    [
        "ana",
        "info",
        "support",
        "noreen",
        "cronin",
        "bouncer",
        "no.reyes",
        "nobody-else",
        "newsletterfan",
        "autor",
        "arno",
        "reply-team",
        "rootman",
    ],
)
def test_addresses_of_persons(name: str) -> None:
    assert not is_automatic({}, f"{name}@x.example")


def test_subjects_of_out_of_office_notes() -> None:
    for subject in (
        "Automatic reply: Lamp",
        "[EXTERNAL] Automatische Antwort: x",
        "Réponse automatique : x",
        "自動返信：x",
        "رد تلقائي: x",
        "Out of Office: x",
        "Balasan automatik: x",
        "Sjálfvirkt svar: x",
        "[Auto-Reply] Thanks",
        "【自動返信】x",
        "[EXTERNAL] (Automatic reply) x",
        "Out of office",
        "Out of Office - back on Monday",
        "AUTO: Ana Gil is out of the office (returning 12/07/2026)",
        "Ana Gil/ACME ist außer Haus.",
        # mails that came back
        "Undeliverable: Lamp",
        "Unzustellbar: x",
        "配信不能: x",
        "Delivery Status Notification (Failure)",
        "Undelivered Mail Returned to Sender",
        "Mail delivery failed: returning message to sender",
        "failure notice",
    ):
        assert is_automatic({}, "ana@x.example", subject)
    for subject in (
        "Re: Lamp",
        "RE: Automatic reply: Lamp",
        "Out of office chairs",
        "Automatic reply does not work",
        "Auto: is it insured",
        "[Order 5] Automatic",
        "Abwesend",
        "Undeliverable parcel",
        "Mail delivery failed me yesterday",
        "Re: Undeliverable: Lamp",
    ):
        assert not is_automatic({}, "ana@x.example", subject)


def test_a_form_that_passes_on_a_persons_words_is_no_machine() -> None:
    for headers in (
        {"auto-submitted": "auto-generated"},
        {"x-auto-response-suppress": "All"},
        {"list-unsubscribe": "<https://x.example>", "list-unsubscribe-post": "List-Unsubscribe=One-Click"},
    ):
        assert is_automatic(headers, "ana@x.example") and not is_automatic(
            headers, "ana@x.example", relayed=True
        )
    for headers in ({"auto-submitted": "auto-replied"}, {"list-id": "<a>"}, {"precedence": "bulk"}):
        assert is_automatic(headers, "ana@x.example", relayed=True)
