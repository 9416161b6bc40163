"""Subjects of mails without the prefixes that replies and forwards add. The result is part of a customer's thread key, so that a reply
finds its conversation, whoever began it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from .normalization import normalized

MAX_SUBJECT: Final = 998
"""Characters of a subject (RFC 5322); what follows is not read."""
MAX_TOPIC: Final = 200
MAX_PREFIXES: Final = 50
"""Prefixes and tags of one subject that are taken off."""

_REPLIES: Final = (
    "re|reply|r|res|resp|resposta|respuesta|réponse|rép|rep|réf|ref|rif|risposta|aw|antw|antwort|antwoord|beantw|sv|svar|vs|vastaus|vá|válasz|vast|"
    "vastus|odp|odpověď|odpověd|odpoveď|odpoved|odpowiedź|odg|odgovor|одг|одговор|ynt|yan|yanıt|cevap|cvp|atb|atbilde|ats|atsakymas|"
    "ateb|răsp|răspuns|raspuns|bls|balas|balasan|bales|jwb|jawab|tl|απ|απάντηση|απαντηση|σχετ|ha|на|отв|ответ|ответить|відп|відповідь|отг|отговор|"
    "trả lời|phản hồi|hồi âm|ตอบ|ตอบกลับ|回复|回復|回覆|答复|答覆|回信|回答|返信|회신|답장|رد|الرد|رد على|إجابة|پاسخ|جواب|תגובה|תשובה|השב|"
    "उत्तर|पुनः|जवाब|प्रत्युत्तर|উত্তর|জবাব|sagot|jibu|պատ|პას|პასუხი"
)
"""Prefixes with which mail programs mark the subject of an answer, in many languages."""
_AUTOMATIC: Final = (
    "automatic reply|auto(?:matic)?[ -]?(?:reply|response|responder|answer)|out of (?:the )?office(?: auto-?reply)?|automatische antwort|abwesenheitsnotiz|"
    "abwesenheits(?:nachricht|meldung)|abwesend|automatisch antwoord|afwezigheidsbericht|afwezig|réponse automatique|reponse automatique|"
    "absence du bureau|respuesta automática|respuesta automatica|fuera de (?:la )?oficina|resposta automática|resposta automatica|risposta automatica|"
    "fuori ufficio|autosvar|automatiskt svar|automatisk svar|frånvaro|fravær|automaattinen vastaus|poissaoloviesti|odpowiedź automatyczna|"
    "automatyczna odpowiedź|automatická odpověď|automatická odpoveď|automatikus válasz|răspuns automat|otomatik yanıt|otomatik cevap|αυτόματη απάντηση|"
    "автоответ|автоматический ответ|автоматична відповідь|автоматичен отговор|аутоматски одговор|automatski odgovor|automatsko odgovaranje|samodejni odgovor|"
    "automaatvastus|automātisk[aā] atbilde|automatinis atsakymas|resposta automàtica|sjálfvirkt svar|balasan otomatis|balasan automatik|jawapan automatik|trả lời tự động|การตอบกลับอัตโนมัติ|ตอบกลับอัตโนมัติ|"
    "自动(?:回复|答复)|自動(?:回覆|回复|回復|返信|応答|答覆)|자동 (?:회신|응답)|자동회신|رد تلقائي|پاسخ خودکار|מענה אוטומטי|תשובה אוטומטית|स्वचालित उत्तर"
)
"""The same of an answer that a program gives by itself: out-of-office notes."""
_RETURNED: Final = (
    r"undeliverable|undelivered|unzustellbar|non remis|non distribuable|no se puede entregar|não é possível entregar|não entregue|non recapitabile|"
    r"onbestelbaar|kan inte levereras|kan ikke leveres|uleverbar|ei voida toimittaa|niedostarczone|nie można dostarczyć|nedoručitelné|nedoručiteľné|"
    r"kézbesíthetetlen|teslim edilemedi|недоставлено|не удается доставить|не доставлено|无法送达|未送达|無法傳遞|配信不能|전달되지 않음"
)
"""What mail servers put before the subject of a mail that they return."""
_NOTICES: Final = (
    r"delivery status notification|mail delivery (?:failed|failure|system)|mail system error|returned mail|undelivered mail returned to sender|"
    r"failure notice|delivery (?:failure|has failed|incomplete|delayed)|message (?:not delivered|could not be delivered)"
)
"""How the subjects of such notices begin that do not name the mail."""
_FORWARDS: Final = (
    "fwd|fw|forwarded|wg|weiterl|weiterleitung|weitergeleitet|vb|vl|vid|vidb|videresendt|vidarebefordrat|vs vl|lähetetty|edelleenlähetys|doorst|doorgestuurd|"
    "tr|transféré|transf|rv|reenv|reenviado|i|inoltra|inoltro|inoltrato|enc|encaminhado|pd|podaj dalej|przekazano|ilt|i̇lt|iletilen|i̇letilen|"
    "tov|továbbítás|továbbitás|továbbítva|pārs|persiųsti|trs|teruskan|terusan|fs|prosl|proslijeđeno|nakl|přeposláno|preposlané|edasi|ymlaen|redirecționat|"
    "προωθ|πρθ|προώθηση|пер|пересл|переслано|препр|препратено|проследено|прослеђено|chuyển tiếp|ส่งต่อ|转发|轉發|轉寄|转送|転送|전달|"
    "إعادة توجيه|تحويل|ارسال|هدایت|הועבר|העבר|העברה|अग्रेषित|अग्रेषित करें"
)
"""The same of a mail that is passed on."""
_TAGS: Final = (
    r"external(?: e?mail| sender| message| source)?|ext|extern|externe|externí|externo|esterno|ekstern|ekstern e-post|dış|zewnętrzna?|külső|eksterno|extérieur|"
    r"внешн(?:ий|ее|яя)(?: отправитель| письмо| почта)?|зовнішн(?:ій|є)(?: лист)?|外部|外部邮件|外部郵件|外部メール|社外|외부|외부메일|외부 메일|خارجي|חיצוני|"
    r"(?:suspected |possible |probable |potential )?(?:spam|phishing|junk)\??|caution|warning|achtung|attention|cuidado|bulk|not virus scanned|virus ?free|checked|encrypted|secure|signed|"
    r"sec=[a-z:, =-]{1,40}|(?:caution|warning|alert)[:, -]{1,3}external(?: e?mail| sender)?|unclassified|internal use only"
)
"""Tags with which mail gateways mark the subjects of all mails that pass them."""
_COUNT: Final = r"(?:(?:[\[(]\s*+\d{1,3}\s*+[\])]|[\^*]\d{1,3}|\d{1,3})\s*+)?"
_COLON: Final = "[:：﹕︓∶꞉]"
_PREFIX: Final = re.compile(
    rf"\s*(?:(?:{_AUTOMATIC}|(?:{_REPLIES}|{_FORWARDS})\.?)\s*+{_COUNT}{_COLON}|[\[【({{<「]\s*+(?:{_AUTOMATIC})\s*+[\]】)}}>」])\s*+",
    re.IGNORECASE,
)
_FORWARDED: Final = re.compile(rf"\s*(?:{_FORWARDS})\.?\s*+{_COUNT}{_COLON}", re.IGNORECASE)
_AMBIGUOUS: Final = r"(?!(?:abwesend|afwezig|frånvaro|fravær|autosvar)\b)"
_BY_ITSELF: Final = re.compile(
    rf"\s*(?:(?:{_AUTOMATIC}|{_RETURNED})\s*+{_COLON}|[\[【({{<「]\s*+(?:{_AUTOMATIC})\s*+[\]】)}}>」]"
    rf"|{_AMBIGUOUS}(?:{_AUTOMATIC})(?:\s*+\Z|\s++[-–—])|(?:{_NOTICES})(?=\s*+(?:[:(.-]|\Z))"
    rf"|auto\s*+{_COLON}.{{1,80}} (?:is|will be|am) (?:out of (?:the )?office|away)|.{{1,80}} ist au(?:ß|ss)er haus\b)",
    re.IGNORECASE,
)
"""Subjects of mails that no person wrote: the prefix, the words in brackets, the words alone, IBM Notes' sentences."""
_TAG: Final = re.compile(
    rf"\s*+(?:[\[【({{<「]\s*+(?:{_TAGS})\s*+[\]】)}}>」]|\*{{1,5}}\s*+(?:{_TAGS})\s*+\*{{1,5}})\s*+(?:{_COLON}|-(?=\s))?\s*+",
    re.IGNORECASE,
)
_BARE_TAG: Final = re.compile(
    rf"\s*+(?:{_TAGS})\s*+(?:{_COLON}|[-|–])\s*+(?={_PREFIX.pattern})", re.IGNORECASE
)
_OTHER_TAG: Final = re.compile(r"\s*+(?:\[[^\[\]]{1,60}\]|【[^【】]{1,60}】)(?=\s|.{0,30}[:：])")


def topic(subject: str) -> str:
    """A subject as a thread's name: without reply and forward prefixes, whatever its case and spacing."""
    text = _folded(_folded(subject[:MAX_SUBJECT]))
    return without_prefixes(text)[:MAX_TOPIC].strip()


def _folded(subject: str) -> str:
    text = normalized("NFKC", subject).casefold()
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace())
    return " ".join(text.split())


def without_prefixes(subject: str) -> str:
    """`[EXTERNAL] Re: AW: Fwd: Offer` → `Offer`. What is all prefix is empty; a list's own tag (`[list] Re: Offer`) stays."""
    at = _start(subject)
    kept = ""
    if (tag := _OTHER_TAG.match(subject, at)) is not None and _PREFIX.match(subject, tag.end()):
        kept, at = tag[0].strip() + " ", _start(subject, tag.end())
    return (kept + subject[at:].strip()).strip()


def _start(subject: str, at: int = 0) -> int:
    """The index at which the subject begins, behind the prefixes at `at`."""
    for _ in range(MAX_PREFIXES):
        if (found := _PREFIX.match(subject, at) or _tag(subject, at)) is None:
            break
        at = found.end()
    return at


def _tag(subject: str, at: int) -> re.Match[str] | None:
    return _TAG.match(subject, at) or _BARE_TAG.match(subject, at)


def _behind_tags(subject: str) -> int:
    at = 0
    for _ in range(MAX_PREFIXES):
        if (found := _tag(subject, at)) is None:
            break
        at = found.end()
    return at


def _first(subject: str) -> int:
    """The index at which the first prefix may stand: behind tags, a list's own among them."""
    at = _behind_tags(subject)
    tag = _OTHER_TAG.match(subject, at)
    return at if tag is None else tag.end()


def is_forward(subject: str) -> bool:
    """Whether the subject says that somebody passes a mail on."""
    subject = _folded(subject[:MAX_SUBJECT])
    return _FORWARDED.match(subject, _first(subject)) is not None


def is_answer(subject: str) -> bool:
    """Whether the subject says that the mail answers another, or passes it on."""
    subject = _folded(subject[:MAX_SUBJECT])
    return any(_PREFIX.match(subject, at) for at in (_behind_tags(subject), _first(subject)))


def is_automatic(subject: str) -> bool:
    """Whether the subject says that a program answered by itself, or that a mail server returns a mail."""
    subject = _folded(subject[:MAX_SUBJECT])
    return any(_BY_ITSELF.match(subject, at) for at in (_behind_tags(subject), _first(subject)))
