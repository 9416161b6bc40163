"""The analysis libraries: languages, texts in no language, and anger in English."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tertulia.actors.host.analysis.message_analyser import MessageAnalyser
from tertulia.core.ports.bots import Question
from tertulia.core.turn.bot_rules import Classification
from tertulia.core.turn.message_analysis import NO_ANALYSIS, Analysis, Wanted

LANGUAGES = {
    "en": ["Where is my order?", "I want my money back", "When will it be delivered?", "How are you today?"],
    "de": ["Wo ist meine Bestellung?", "Können Sie mir helfen?", "danke schön", "das ist eine Frechheit"],
    "fr": ["Où est ma commande ?", "Je veux être remboursé", "je voudrais annuler mon abonnement"],
    "es": ["¿Dónde está mi pedido?", "Quiero que me devuelvan el dinero", "quiero cancelar mi suscripción"],
    "pt": ["Onde está o meu pedido?", "Quero o meu dinheiro de volta", "muito obrigado"],
    "it": ["Dov'è il mio ordine?", "Vorrei un rimborso", "Il pacco non è arrivato"],
    "nl": ["Waar is mijn bestelling?", "Ik wil mijn geld terug", "hartelijk dank"],
    "id": ["Di mana pesanan saya?", "Saya mau uang saya kembali", "Paketnya belum sampai"],
    "tr": ["Siparişim nerede?", "Paramı geri istiyorum", "teşekkür ederim"],
    "sw": ["Agizo langu liko wapi?", "Nataka kurudishiwa pesa yangu", "Unaweza kunisaidia?"],
    "so": ["Waxaan rabaa lacagtayda in la ii celiyo"],
    "om": ["Ajajni koo eessa jira?", "Maallaqa koo naa deebisaa"],
    "ar": ["أين طلبي؟", "أريد استرداد أموالي", "هل يمكنك مساعدتي؟"],
    "ru": ["Где мой заказ?", "Здравствуйте, у меня вопрос по счёту"],
    "zh": ["我的订单在哪里？", "我要退款"],
    "ja": ["注文した商品はどこですか？", "返金してください"],
    "ko": ["제 주문은 어디에 있나요?", "환불해 주세요"],
    "hi": ["मेरा ऑर्डर कहाँ है?", "मुझे पैसे वापस चाहिए"],
    "pl": ["Gdzie jest moje zamówienie?", "Chcę zwrotu pieniędzy"],
    "sv": ["Var är min beställning?", "Jag vill ha pengarna tillbaka"],
    "vi": ["Đơn hàng của tôi ở đâu?", "Tôi muốn hoàn tiền"],
    "am": ["ትዕዛዜ የት አለ?", "ሰላም፣ ስለ ሂሳቡ ጥያቄ አለኝ"],
}
NOBODYS = [
    "", "ok", "OK", "ok thx", "12345", "hi", "hello", "hallo", "hmm", "👍👍👍", "yes", "no", "lol", "hahahahaha",
    "iPhone 12", "Samsung Galaxy S21 Ultra", "Nike Air Max 90 size 42", "https://example.com/a/b", "Carla",
    "carla@example.com", "Maria Gonzalez", "Kebede Alemu", "Calle Mayor 5, Madrid", "AB-1234-XY", "Order #12345",
    "DHL 00340434161094015902", "IBAN DE89 3704 0044 0532 0130 00", "+49 151 12345678", "???", "hours?", "test",
]  # fmt: skip
ANGRY = [
    "This is the worst service ever", "you are liars and thieves", "fuck you", "I hate you",
    "scam!! worst company, I will sue you", "I'm so frustrated, this is ridiculous", "this is shit",
    "I am extremely angry and disappointed",
]  # fmt: skip
NOT_ANGRY = [
    "Where is my order?", "I want a refund", "there is a problem with my invoice", "thank you so much!",
    "the app crashes and gives an error", "hours", "",
]  # fmt: skip
NOT_ENGLISH = [
    "die Lieferung die ich bestellt habe ist da", "Die Firma die das war", "war das die Bestellung",
    "die Hose ist zu klein, die war falsch", "das ist hell und die Farbe auch", "No me gusta, no",
    "det er fine, kill", "le produit est fatal", "Quel idiot! c'est horrible", "horrible servicio, terrible, fatal",
    "pessimo servizio, idiot", "die die die",
]  # fmt: skip


@pytest.fixture(scope="module")
async def analysis() -> MessageAnalyser:
    return MessageAnalyser()


def ask(content: str, **fields: Any) -> Wanted:
    return Wanted("account", "webchat", content, **fields)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_language_of_a_short_message(analysis: MessageAnalyser, language: str) -> None:
    found = [(await analysis.analyse(ask(text, detect=True))).language for text in LANGUAGES[language]]
    assert found == [language] * len(LANGUAGES[language])


@pytest.mark.parametrize("text", NOBODYS)
async def test_what_is_nobodys_language(analysis: MessageAnalyser, text: str) -> None:
    assert (await analysis.analyse(ask(text, detect=True))).language is None


@pytest.mark.parametrize("known", [None, "en", "en-GB"])
@pytest.mark.parametrize("text", ANGRY)
async def test_anger(analysis: MessageAnalyser, text: str, known: str | None) -> None:
    sentiment = (await analysis.analyse(ask(text, known=known, sentiment_below=-0.5))).sentiment
    assert sentiment is not None and sentiment < -0.5


@pytest.mark.parametrize("text", NOT_ANGRY + NOT_ENGLISH)
async def test_what_is_no_anger_or_not_english(analysis: MessageAnalyser, text: str) -> None:
    for detect in (False, True):
        heard = await analysis.analyse(ask(text, detect=detect, sentiment_below=-0.5))
        assert heard.sentiment is None


async def test_german_words_would_pass_for_anger(analysis: MessageAnalyser) -> None:
    """What the check of the language is for: known to be English, the same words count."""
    heard = await analysis.analyse(ask("Die Firma die das war", known="en", sentiment_below=-0.5))
    assert heard.sentiment is not None and heard.sentiment < -0.5


async def test_what_is_not_asked_is_not_told(analysis: MessageAnalyser) -> None:
    assert await analysis.analyse(ask("I hate you, where is my order?")) == NO_ANALYSIS


async def test_a_long_text_costs_no_more_than_its_beginning(analysis: MessageAnalyser) -> None:
    kind = "Thank you for the good news. " * 60
    assert await analysis.analyse(ask(kind + "I hate you, thieves, scum! " * 2000, sentiment_below=-0.5)) == (
        NO_ANALYSIS
    )
    assert (await analysis.analyse(ask(kind + "Wo ist meine Bestellung? " * 2000, detect=True))).language == (
        "en"
    )


# -- when the libraries come


@pytest.fixture
def unloaded() -> Iterator[None]:
    """No library of this kind is loaded, whatever other tests did."""
    names = [name for name in sys.modules if name.split(".")[0] in ("py3langid", "vaderSentiment")]
    loaded = {name: sys.modules.pop(name) for name in names}
    yield
    sys.modules.update(loaded)


def loaded() -> set[str]:
    return {"py3langid", "vaderSentiment"} & sys.modules.keys()


async def test_a_library_is_loaded_when_a_message_needs_it(unloaded: None) -> None:
    analysis = MessageAnalyser()
    assert analysis.analyse_now(ask("hello")) == NO_ANALYSIS
    assert analysis.analyse_now(ask("ሰላም ነው", detect=True)) == Analysis("am")
    assert analysis.analyse_now(ask("ok", detect=True)) == NO_ANALYSIS
    assert loaded() == set()
    assert analysis.analyse_now(ask("my order", sentiment_below=-0.5)) is None
    assert await analysis.analyse(ask("my order", sentiment_below=-0.5)) == NO_ANALYSIS
    assert loaded() == {"vaderSentiment"}
    assert analysis.analyse_now(ask("my order", sentiment_below=-0.5)) == NO_ANALYSIS
    assert analysis.analyse_now(ask("Wo ist meine Bestellung?", detect=True)) is None
    assert (await analysis.analyse(ask("Wo ist meine Bestellung?", detect=True))).language == "de"
    assert loaded() == {"vaderSentiment", "py3langid"}
    assert analysis.analyse_now(ask("Wo ist meine Bestellung?", detect=True)) == Analysis("de")


async def test_a_library_is_loaded_once_for_all_who_wait() -> None:
    loads = 0

    def load() -> Any:
        nonlocal loads
        loads += 1
        return lambda text: ("de", 0.9)

    analysis = MessageAnalyser(detector=load)
    heard = await asyncio.gather(*(analysis.analyse(ask("Bestellung", detect=True)) for _ in range(20)))
    assert heard == [Analysis("de")] * 20 and loads == 1


async def test_a_library_that_cannot_be_loaded_is_done_without() -> None:
    loads = 0

    def load() -> Any:
        nonlocal loads
        loads += 1
        raise ImportError("no such module")

    analysis = MessageAnalyser(detector=load, scorer=load)
    want = ask("I hate you, you thieves", detect=True, sentiment_below=-0.5)
    assert await analysis.analyse(want) == NO_ANALYSIS and analysis.analyse_now(want) == NO_ANALYSIS
    assert loads == 2


async def test_a_library_that_fails_is_no_error() -> None:
    def fails(text: str) -> Any:
        raise ZeroDivisionError("of the library's")

    analysis = MessageAnalyser(detector=lambda: fails, scorer=lambda: fails)
    assert await analysis.analyse(ask("I hate you", detect=True, sentiment_below=-0.5)) == NO_ANALYSIS


# -- with a classifier


class Classifier:
    def __init__(self, *answers: Classification | BaseException | None) -> None:
        self.answers = list(answers)
        self.asked: list[Question] = []

    async def classify(self, question: Question) -> Classification | None:
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


async def test_a_classifier_is_asked_in_the_language_that_is_heard() -> None:
    billing = Classification("billing", 0.9)
    classifier = Classifier(billing, None, OSError("down"), billing)
    analysis = MessageAnalyser(classifier, detector=lambda: lambda text: ("de", 0.9))
    want = ask("Meine Rechnung", detect=True, classify=True)
    assert analysis.analyse_now(want) is None
    assert await analysis.analyse(want) == Analysis("de", classification=billing)
    assert await analysis.analyse(want) == Analysis("de") == await analysis.analyse(want)
    assert classifier.asked[0] == Question("Meine Rechnung", "webchat", "de", "account")
    await analysis.analyse(ask("x", known="fr", classify=True))
    assert classifier.asked[3].language == "fr"
    assert analysis.statistics() == {"classified_total": 2, "unclassified_total": 2}
    assert MessageAnalyser().analyse_now(ask("x", classify=True)) == NO_ANALYSIS
