"""Finds where a quote begins: the lines with which mail programs introduce quotes, in many languages.

The list is maintained by hand. It does not tell whether a mail quotes at all; the caller knows whether the mail is a reply.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import takewhile
from typing import Final

from mailparser_reply.constants import MAIL_LANGUAGES

_HEAD, _TAIL, _LINES = 60, 40, 200
"""The part of a mail that is searched for quotes: this much of each line's two ends, and so many lines. The patterns take a time that
grows with the square of a line's length."""
MAX_RULE: Final = 200
"""Characters of a drawn line."""
_BLOCK: Final = 8
"""Lines of a block of headers: From, Sent, To, Cc, Subject and what some programs add."""


def _set(words: str) -> frozenset[str]:
    return frozenset(word.strip() for word in words.split("|"))


_WROTE: Final = _set(
    "wrote|writes|schrieb|va escriure|pisze|odesílatel|idatzi du|scribis|scríobh|ysgrifennodd|a écrit|escribió|escreveu|ha scritto|schreef|skrev|kirjoitti|napisał|napisała|napisał(a)|napsal|"
    "napsal(a)|napísal|napísal(a)|napisao|napisala|je napisao/la|írta|ezt írta|a scris|yazdı|şunu yazdı|έγραψε|пишет|написал|"
    "написала|написал(а)|пише|написав|написав(-ла)|написа|написао је|rašė|rakstīja|kirjutas|menulis|đã viết|เขียนว่า|เขียน|"
    "ने लिखा|کتب|كتب|تمت كتابة|كتابة ما يلي|كتبت|نوشت|نوشته|כתב|כתבה|כתב/ה| מאת |写道|寫道|写到|のメール|のメッセージ|は書きました|さんが書きました|님이 작성|작성하였습니다|썼습니다|쓴 글|ጽፏል|ጻፈ"
)
"""Verbs of the line above a quote, which names a person or a day as well and ends with a colon."""
_FROM: Final = _set(
    "from|von|de|da|van|från|fra|lähettäjä|od|feladó|kimden|gönderen|από|от|от кого|від|expeditor|saatja|no|nuo|dari|từ|จาก|"
    "dari|pengirim|de la|afsender|avsender|avsändare|absender|afzender|expéditeur|remitente|remetente|mittente|nadawca|odesílatel|odosielateľ|"
    "pošiljatelj|pošiljatelj|αποστολέας|отправитель|від кого|відправник|подател|người gửi|ผู้ส่ง|المرسل|فرستنده|שולח|प्रेषक|发送人|发送者|发信人|보낸이|"
    "من|از|מאת|发件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|발신|발신자"
)
_BESIDE: Final = _set(
    "sent|date|to|cc|bcc|subject|reply-to|importance|organization|attachments|gesendet|datum|an|betreff|kopie|envoyé|date|à|"
    "objet|copie|enviado|enviado el|enviada em|enviado em|fecha|data|para|asunto|assunto|inviato|a|oggetto|verzonden|aan|"
    "onderwerp|skickat|till|ämne|kopia|sendt|til|emne|dato|kopi|lähetetty|päiväys|vastaanottaja|kopio|aihe|wysłano|do|temat|dw|"
    "odesláno|odoslané|komu|předmět|predmet|kopie|elküldve|küldve|dátum|címzett|másolat|tárgy|tarih|gönderildi|kime|bilgi|konu|"
    "στάλθηκε|ημερομηνία|προς|κοιν|θέμα|отправлено|дата|кому|копия|тема|надіслано|копія|изпратено|до|относно|poslano|za|"
    "trimis|către|subiect|saadetud|saaja|teema|nosūtīts|kam|temats|išsiųsta|kam|tema|dikirim|terkirim|kepada|untuk|subjek|perihal|đến|ngày|भेजा गया|प्रति|दिनांक|विषय|zadeva|naslov|naslov|poslano|datum|đã gửi|tới|chủ đề|"
    "ส่ง|ถึง|เรื่อง|تاريخ الإرسال|إرسال|التاريخ|إلى|نسخة|الموضوع|فرستاده شده|به|موضوع|נשלח|תאריך|אל|עותק|נושא|"
    "发送时间|日期|收件人|抄送|主题|寄件日期|傳送時間|收件者|副本|主旨|送信日時|日時|日付|宛先|件名|보낸 날짜|보낸 시간|날짜|받는 사람|받는사람|수신|수신자|참조|제목"
)
"""The labels of the block that other programs put above a quote: it begins with one of `_FROM`."""
_SUBJECT: Final = _set(
    "subject|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|ämne|emne|efni|aihe|temat|předmět|predmet|tárgy|konu|θέμα|тема|предмет|относно|subiect|teema|temats|tema|"
    "subjek|perihal|chủ đề|tiêu đề|विषय|zadeva|naslov|เรื่อง|الموضوع|موضوع|נושא|主题|主題|主旨|标题|件名|제목|gaia|paksa|assumpte|asunto"
)
"""The label of the subject. `From`, `To` and `Date` alone may be a journey."""
_SEPARATORS: Final = _set(
    "original message|original mail|original e-mail|original email|original|forwarded message|forwarded by|reply message|original appointment|ursprüngliche nachricht|originalnachricht|original-nachricht|ursprüngliche e-mail|weitergeleitete e-mail|"
    "weitergeleitete nachricht|message d'origine|message original|message transféré|mensaje original|mensaje reenviado|"
    "mensagem original|mensagem encaminhada|messaggio originale|messaggio inoltrato|oorspronkelijk bericht|"
    "doorgestuurd bericht|ursprungligt meddelande|originalmeddelande|oprindelig meddelelse|opprinnelig melding|"
    "alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|původní zpráva|původní e-mail|pôvodná správa|"
    "eredeti üzenet|mesaj original|orijinal ileti|özgün ileti|özgün i̇leti|i̇letilen ileti|iletilen ileti|αρχικό μήνυμα|исходное сообщение|оригинальное сообщение|"
    "пересылаемое сообщение|пересланное сообщение|початкове повідомлення|оригінальне повідомлення|pesan asli|"
    "thư gốc|الرسالة الأصلية|رسالة أصلية|ההודעה המקורית|הודעה מקורית|原始邮件|原邮件|原始郵件|元のメッセージ|原文|원본 메시지|원본 메일|원본 이메일|mail original|orijinal mesaj|tin nhắn gốc|ข้อความต้นฉบับ|replied message|回复的原邮件|回复的邮件|被转发邮件信息"
)
_FORWARDED: Final = _set(
    "begin forwarded message|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|début du message transféré|début du message réexpédié|"
    "inicio del mensaje reenviado|início da mensagem reencaminhada|início da mensagem encaminhada|inizio messaggio inoltrato|begin doorgestuurd bericht|"
    "vidarebefordrat brev|videresendt besked|videresendt e-post|välitetty viesti alkaa|początek przekazywanej wiadomości|začátek přeposílané zprávy|"
    "начало переадресованного сообщения|iletilen ileti başlangıcı|下面是被转发的邮件|開始轉寄郵件|転送されたメッセージ|전달된 메시지 시작|بداية الرسالة المعاد توجيهها"
)
"""The lines, ending in a colon, that Apple Mail puts above a forwarded mail."""
_COLONS: Final = ":：՝፦"
"""Signs after a label, or at the end of a line that introduces a quote: full-width, Armenian and Ethiopic ones too."""
_LABEL: Final = re.compile(rf"([^{_COLONS}]{{1,24}})[{_COLONS}]").match
_ANY_LABEL: Final = re.compile(rf"[*\s]*+[^{_COLONS}\d@<>/*]{{1,24}}[*]*[{_COLONS}]\s*+\S").match
_NAMED: Final = re.compile(r"\S[^<>]*<[^<>@\s]+@[^<>@\s]+>;?\s*\Z").search
_YEAR: Final = re.compile(
    r"(?<![0-9٠-٩۰-۹০-৯])(?:20[0-9]{2}|٢٠[٠-٩]{2}|۲۰[۰-۹]{2}|১৪[০-৯]{2}|২০[০-৯]{2}|1[34][0-9]{2})(?![0-9٠-٩۰-۹০-৯])"
).search
"""A line of a block whatever its language: some label, then something; somebody's name and address; a year."""
_RULED: Final = re.compile(r"[-_=—]{2,}+(.{3,40}?)[-_=—]{2,}\Z").match
_RULE: Final = re.compile(r"[-_=—*\s]{5,}").fullmatch
_TITLED: Final = re.compile(r"-{4,}+[^-]{3,40}-{4,}").fullmatch
_STAMPED: Final = re.compile(r"[<(\[][^<>()\[\]\s]+@[^<>()\[\]\s]+[>)\]]").search
_TIME: Final = re.compile(r"[0-9٠-٩۰-۹]{1,2}[:.時点][0-9٠-٩۰-۹]{2}").search
"""An address in brackets and a time of day: a line with both that ends in a colon needs no verb that is known."""
_MARKS: Final = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_QUOTE_MARKS: Final = re.compile(r"[> ]{0,20}").match


_WITHOUT_MARKS: Final = dict.fromkeys(map(ord, _MARKS))


def is_rule(line: str) -> bool:
    """Whether a line is only a separator, such as Outlook's above a quote, perhaps with a title in it."""
    line = line.strip()
    return len(line) <= MAX_RULE and (_RULE(line) is not None or _TITLED(line) is not None)


def start(lines: Sequence[str]) -> int | None:
    """The number of the line at which the first introduced quote begins; None where there is none."""
    shown = [_ends(line.strip()) for line in lines[:_LINES]]
    text = "\n".join(shown)
    found = _introductions().search(text)
    first = len(shown) if found is None else text[: found.start()].count("\n") + (found[0][:1] == "\n")
    plain = [_plain(line) for line in shown]
    for number in range(min(first, len(plain))):
        if _is_start(plain, number):
            return number
    return None if found is None else first


def _is_start(lines: Sequence[str], number: int) -> bool:
    line = lines[number]
    ruled = _RULED(line)
    if ruled is not None and ruled[1].strip() in _SEPARATORS:
        return True
    if line[-1:] in _COLONS and line[:-1].rstrip() in _FORWARDED:
        return True
    block = lines[number + 1 : number + _BLOCK]
    if _label(line) in _FROM and _is_headers(line, block):
        return True
    if _label(line) in _BESIDE and _label(next(iter(block), "")) in _FROM and _is_start(lines, number + 1):
        return True
    if _is_block(line, block):
        return True
    if not any(map(str.isdigit, line)) and "@" not in line:
        return False
    return _introduces(line) or (number + 1 < len(lines) and _introduces(f"{line} {lines[number + 1]}"))


def _is_headers(line: str, block: Sequence[str]) -> bool:
    """Whether labels of a mail's headers follow From, and something that only a mail has: a subject, or an address."""
    labels = [_label(beside) for beside in block]
    known = [label in _BESIDE for label in labels]
    return sum(known) >= 2 and (
        not _SUBJECT.isdisjoint(labels)
        or "@" in line
        or any("@" in beside for beside, is_known in zip(block, known, strict=True) if is_known)
    )


def _is_block(line: str, block: Sequence[str]) -> bool:
    """Whether a block of headers begins here, in a language that the lists lack: a label with somebody's name and address, and
    right below it at least two more labels, one of them of a day with its year."""
    if not (_ANY_LABEL(line) and _NAMED(line)):
        return False
    below = list(takewhile(_ANY_LABEL, block))
    return len(below) >= 2 and any(map(_YEAR, below))


def _introduces(line: str) -> bool:
    ruled = line.startswith("--") and line.endswith("--")
    if line[-1:] not in _COLONS and not ruled:
        return False
    return any(verb in line for verb in _WROTE) or (_STAMPED(line) is not None and _TIME(line) is not None)


def _label(line: str) -> str:
    found = _LABEL(line)
    return found[1].replace("*", "").strip() if found is not None else ""


def _plain(line: str) -> str:
    """A line as the lists have it: without quote marks and emphasis, in lower case."""
    line = line.translate(_WITHOUT_MARKS)
    marks = _QUOTE_MARKS(line)
    return line[0 if marks is None else marks.end() :].lstrip("*").rstrip("* ").lower()


def _ends(line: str) -> str:
    return line if len(line) <= _HEAD + _TAIL else line[:_HEAD] + line[-_TAIL:]


@cache
def _introductions() -> re.Pattern[str]:
    """The lines above a quote that a library knows, some of which have no verb or break in the middle."""
    known = [str(words["wrote_header"]) for words in MAIL_LANGUAGES.values() if "wrote_header" in words]
    return re.compile("|".join(known), re.MULTILINE | re.IGNORECASE)
