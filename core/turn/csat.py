"""CSAT scores: recognises a message that is only a score from 1 to 5, in digits, words, stars or emoji of any script."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ..conversation.commands import Post
from ..conversation.state import Conversation
from ..conversation.status import RESOLVED
from ..text.normalization import normalized

SCORES = range(1, 6)
WRITTEN = ("text", "button")
LONGEST: Final = 48
"""Characters that a score may be written with."""

_NUMBERS: Final = (
    "one|une|uno|una|uma|eins|één|een|yksi|jeden|jedna|jedno|один|одна|единица|одне|едно|jedan|ena|egy|unu|bir|"
    "ένα|satu|isa|một|หนึ่ง|واحد|واحدة|یک|אחת|אחד|एक|একটি|一|壱|いち|하나|moja|አንድ",
    "two|deux|dos|due|dois|duas|zwei|twee|två|to|kaksi|dwa|dva|dvě|два|две|двойка|дві|dvije|kettő|két|doi|două|iki|δύο|δυο|dua|dalawa|"
    "สอง|اثنان|اثنين|دو|שתיים|שניים|दो|দুই|二|两|兩|弐|둘|mbili|ሁለት",
    "three|trois|tres|tre|três|drei|drie|kolme|trzy|tři|tri|три|тройка|három|trei|üç|τρία|τρια|tiga|tatlo|ba|สาม|ثلاثة|ثلاث|سه|"
    "שלוש|שלושה|तीन|তিন|三|参|셋|tatu|ሦስት",
    "four|quatre|cuatro|quattro|quatro|vier|fyra|fire|neljä|cztery|čtyři|štyri|четыре|четвёрка|четверка|чотири|четири|četiri|štiri|négy|"
    "patru|dört|τέσσερα|τεσσερα|empat|apat|bốn|สี่|أربعة|أربع|چهار|ארבע|ארבעה|चार|চার|四|肆|넷|nne|አራት",
    "five|cinq|cinco|cinque|fünf|fuenf|vijf|fem|viisi|pięć|pět|päť|пять|пятёрка|пятерка|пятерочка|п'ять|пет|pet|öt|cinci|beş|πέντε|πεντε|"
    "lima|năm|ห้า|خمسة|خمس|پنج|חמש|חמישה|पांच|पाँच|পাঁচ|五|伍|다섯|tano|አምስት",
)
"""The words for 1 to 5, in the languages that customers write; without those that say something else as well (um, ein, 오)."""
_UNITS: Final = (
    "stars?|points?|estrell(?:a|as)|étoiles?|etoiles?|sterne?|sterren|ster|stell(?:a|e)|estrelas?|stjärn(?:a|or)|stjerner?|tähteä|gwiazd(?:ka|ki|ek)|"
    "hvězd(?:a|y|iček|ičky)?|звезд(?:а|ы)|звёзд(?:а|ы)?|звезд|зірк(?:а|и)|зірок|балл(?:а|ов)?|бал(?:и|ів)|очк(?:а|ов)|оценка|csillag|stele|yıldız|puan|αστέρια|αστερια|bintang|sao|"
    "điểm|ดาว|คะแนน|نجوم|نجمة|ستاره|امتیاز|כוכבים|נקודות|सितारे|स्टार|अंक|点|點|分|星|颗星|顆星|つ星|つ|점|별|점이요|"
    "punt(?:en|os|i|o)?|punkte?n?|pontos?|pont|pts?|poäng|poeng|pisteet|pistettä|punkt(?:y|ów)|bodů|body|puncte"
)
"""The units of a score."""
_OF: Final = (
    "/|out of|of|von|sur|de|из|із|з|з-поміж|su|din|z|ze|od|van|av|af|uit|dari|trên|tren|üzerinden|από|απο|από τα|az|in|ur|"
    "از|من|मे?ं से|में से|מתוך|จาก|\\\\"
)
"""The words between a score and the maximum."""
_CALLED: Final = (
    "score|rating|my (?:score|rating) is|note|ma note|nota|puntuación|puntaje|calificación|bewertung|punteggio|voto|cijfer|betyg|"
    "karakter|ocena|hodnocení|оценка|моя оценка|оцінка|puan|puanım|評価|評分|评分|星|점수|التقييم|דירוג|रेटिंग"
)
"""Words that introduce a score."""
_WORDS: Final = {word: n for n, words in enumerate(_NUMBERS, 1) for word in words.split("|")}
_WORD: Final = "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True))
_BEST: Final = rf"(?:5(?:[.,]0{{1,2}})?|{_NUMBERS[-1]}|пяти|пяти)"
_THANKS: Final = (
    "(?:many )?thanks(?: a lot| so much)?|thank you(?: very much| so much)?|thx|ty|cheers|(?:muchas )?gracias|merci(?: beaucoup)?|danke(?: schön| sehr)?|vielen dank|(?:muito )?obrigad[oa]|"
    "grazie(?: mille)?|dank (?:je|u)(?: wel)?|bedankt|tack(?: så mycket)?|(?:tusen )?tak+|kiitos|dziękuję|dzięki|děkuji|díky|ďakujem|hvala|köszönöm|mulțumesc|teşekkür(?:ler| ederim)|"
    "ευχαριστώ|(?:большое )?спасибо(?: большое)?|дякую|благодаря|хвала|terima kasih|makasih|cảm ơn|ขอบคุณ(?:ครับ|ค่ะ)?|谢谢|謝謝|多谢|ありがとう(?:ございま(?:す|した))?|감사합니다|고마워요?|"
    "شكرا(?: جزيلا)?|متشکرم|ممنون|תודה(?: רבה)?|धन्यवाद|ধন্যবাদ|salamat|asante"
)
"""Thanks beside a score."""
_POLITE: Final = re.compile(
    rf"(?:(?:{_THANKS})[\s,.!;:-]+(?P<behind>.+)|(?P<before>.+?)[\s,.!;:-]+(?:{_THANKS}))"
).fullmatch
_SCORE: Final = re.compile(
    rf"(?:(?:{_CALLED})\s*[:=-]?\s*)?(?:\+?0?(?P<digit>\d)(?:[.,]0{{1,2}})?|(?P<word>{_WORD}))"
    rf"(?:\s*(?:{_UNITS}))?(?:\s*(?:{_OF})\s*{_BEST}(?:\s*(?:{_UNITS}))?)?"
).fullmatch
_FIVE_FIRST: Final = re.compile(
    r"5\s*(?:üzerinden|점 만점에|分中|点中|点満点中|में से)\s*(?P<digit>\d)\s*(?:점|点|分)?"
).fullmatch
_STARS: Final = re.compile(r"(?P<full>[⭐★🌟✭✮✯]{1,5})(?P<empty>[☆✩✰]{0,4})").fullmatch
_BLANKS: Final = re.compile(r"\s+")
_EDGES: Final = " ()[]{}\"'_~`#«»“”‘’„「」『』.!,;:?¡…·。！、，"
"""Marks around a score that say nothing."""


def score_of(content: str) -> int | None:
    """The score that a text is, and nothing else."""
    if len(content) > 10 * LONGEST:
        return None
    text = "".join(
        c for c in _unsigned(content) if unicodedata.category(c) not in ("Cf", "Me") and c not in _HIDDEN
    )
    text = normalized("NFKC", "".join(_plain(c) for c in text)).casefold().translate(_APOSTROPHES)
    text = _BLANKS.sub(" ", text).strip()
    if len(text) > LONGEST:
        return None
    stars = _STARS(text.replace(" ", ""))
    if stars is not None:
        alone = not stars["empty"] and len(stars["full"]) > 1  # one star may be praise
        return len(stars["full"]) if alone or len(stars[0]) == 5 else None
    text = "".join(c for c in text if not _is_picture(c)).strip("*" + _EDGES).rstrip("-–— ")
    found = _found(text)
    if found is None and (polite := _POLITE(text)) is not None:
        found = _found((polite["behind"] or polite["before"]).strip("*" + _EDGES))
    if found is None:
        return None
    value = int(found["digit"]) if found["digit"] else _WORDS[found["word"]]
    return value if value in SCORES else None


def _found(text: str) -> re.Match[str] | None:
    return _SCORE(text) or _FIVE_FIRST(text)


def _unsigned(content: str) -> str:
    """A text without what mail programs put below it: a quote, a signature."""
    lines = content.strip().splitlines()
    marked = (n for n, line in enumerate(lines) if n and (line.strip()[:2] in _RULES or _ADVERTISED(line)))
    end = next(marked, len(lines))
    return "\n".join(line for line in lines[:end] if not line.lstrip().startswith(">"))


def _plain(character: str) -> str:
    """A digit of any script, or in a circle (⑤, ❺), as an ASCII one; anything else as it is."""
    value = unicodedata.digit(character, None)
    return character if value is None else str(value)


def _is_picture(character: str) -> bool:
    """An emoji beside a score; signs of money and measure are none."""
    return unicodedata.category(character) in ("So", "Sk")


_RULES: Final = frozenset({"--", "—", "__"})
_ADVERTISED: Final = re.compile(
    r"\s*(?:(?:e-?mail |message )?sent (?:from|via|with|using)\b|get outlook for|(?:von (?:meinem|unterwegs)|gesendet (?:mit|von|aus))\b|envoyé (?:de|depuis|à partir)\b|"
    r"enviado (?:desde|do|de|a partir)\b|inviato (?:da|dal)\b|verzonden (?:vanaf|met|via)\b|(?:skickat|sendt|lähetetty|wysłane|wysłano|odesláno|trimis|küldve|iphone'umdan|"
    r"отправлено|отправлен|надіслано|изпратено|στάλθηκε) |\w+(?:'|’)?\w{0,4} gönderildi|(?:发自|發自|從我的|来自)|.{1,20}から送信|나의 .{1,20}보냄|.{1,20}에서 보냄|"
    r"(?:تم الإرسال|أرسلت|أُرسلت) من|נשלח מ|ส่งจาก|được gửi từ|đã gửi từ|dikirim dari)",
    re.IGNORECASE,
).match
"""Lines that mail programs of telephones put below every mail."""
_APOSTROPHES: Final = {0x2019: "'", 0x02BC: "'"}
_HIDDEN: Final = frozenset("\ufe0e\ufe0f\u20e3")
"""Code points that turn a digit into a key, or a character into an emoji."""


def answered(c: Conversation, post: Post) -> int | None:
    """The score, if this message answers the question sent after the resolution. Any other message reopens the conversation."""
    asked = c.status is RESOLVED and c.csat_due and c.fired.csat_asked
    if not asked or post.content_type not in WRITTEN or post.attachments:
        return None
    return score_of(post.content)
