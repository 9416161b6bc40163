"""The search finds every part of what was said, in every script, and nothing else; and forgets what is edited or erased."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import uid
from search_corpus import Corpus
from waiting import until

from tertulia.core.errors import StorageUnavailable
from tertulia.core.views.search_terms import SearchTerms, searches
from tertulia.storage.postgres.conversations.search_index import SearchIndex
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.migrate import FOLDER, upgrade

PARTS = [
    ("My order ORD-48213 never came", ["48213", "8213", "ord-482", "der ord", "NEVER"]),
    ("see https://shop.example/orders/77120 please", ["77120", "shop.ex", "orders/771", "/orders"]),
    ("ask lena.koch@firma.example at the café", ["firma.example", "koch@fi", "cafe", "CAFÉ", "lena.koch@firma.example"]),
    ("我上周订的雨伞坏了，我想申请退款，谢谢", ["退款", "伞", "雨伞坏", "申请退款", "上周 退款"]),
    ("注文した傘が壊れていました。ﾍﾟﾝは届きました", ["壊れ", "傘", "ペン", "届き"]),
    ("สินค้าที่สั่งยังไม่มาถึง ขอเงินคืน", ["เงินคืน", "สั่ง", "มาถึง", "คืน"]),
    ("أريد استرداد المبلغ لِلطَّلَبِ رقم ٤٨٢١٣٩", ["استرداد", "للطلب", "482139", "٢١٣٩", "المبل"]),
    ("ትዕዛዜ አልደረሰም ገንዘቤን መልሱልኝ", ["አልደረ", "ገንዘቤን", "ዛዜ"]),
    ("मेरा ऑर्डर अभी तक नहीं आया, पैसे वापस चाहिए", ["वापस", "ऑर्डर", "पैसे"]),
    ("Где мой заказ? Ещё не пришёл", ["заказ", "ПРИШЕЛ", "еще", "каз"]),
    ("Đơn hàng của tôi ở Đà Nẵng chưa đến", ["da nang", "đà nẵng", "DON HANG", "chua den"]),
    ("환불을 요청합니다. 주문번호 9931", ["환불", "요청", "불을", "9931"]),
    ("Θέλω επιστροφή χρημάτων, ΌΧΙ ανταλλαγή", ["επιστροφη", "οχι", "ΧΡΗΜΆΤΩΝ", "χρηματων,"]),
    ("החזר כספי לְהַזְמָנָה", ["להזמנה", "כספי"]),
    ("Straße, Œuvre, ÅNGSTRÖM, ΣΊΣΥΦΟΣ, ﬁne, ＷＩＤＥ", ["strasse", "oeuvre", "angstrom", "σισυφοσ", "fine", "wide"]),
    ("100% sure_of \\ it 'quoted' $$ 😀", ["100%", "e_o", "\\", "'quoted'", "$$", "😀", "%"]),
    ("call 0151 2345-678 or (0151) 2345679", ["01512345678", "+49 151 2345678", "0049 151 2345679", "151/2345-678", "2345 678"]),
    ("my number is +1 (202) 555-0114", ["12025550114", "202 555 0114", "(202)5550114", "+12025550114", "number 2025550114"]),
]  # fmt: skip
ELSEWHERE = ["48214", "退货", "cafeteria", "cafe 退款", "+49 151 2345670", "مرحبا", "заказа", "zz", "犬"]


@pytest.fixture
async def corpus(owner: asyncpg.Connection, database: Database, account_id: str) -> Corpus:
    return Corpus(owner, database, account_id)


@pytest.mark.parametrize("gathered", [False, True], ids=["just said", "gathered"])
async def test_every_part_is_found_in_any_script(corpus: Corpus, gathered: bool) -> None:
    said = [(await corpus.say("nothing here", text), parts) for text, parts in PARTS]
    if gathered:
        await corpus.pad()
        assert await corpus.gather() and await corpus.chunks()
    for conversation, parts in said:
        for part in parts:
            assert conversation in await corpus.find(part), part
    for part in ELSEWHERE:
        assert await corpus.find(part) == [], part


MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"content": "short", "metadata": {"original": "the quoted whole"}}, "quoted"),
    ({"content": "x", "attachments": [{"url": "u", "name": "Rechnung März.pdf"}]}, "marz.pdf"),
    (
        {"content": "[contact]", "metadata": {"contacts": [{"emails": [{"email": "otto@firma.example"}]}]}},
        "otto@",
    ),
    ({"content": "click", "metadata": {"links": ["https://hidden.example/xyzzy"]}}, "xyzzy"),
    ({"content": "two\nlines\r\nof it"}, "lines"),
    ({"content": "\x01odd"}, "odd"),
]


@pytest.mark.parametrize("gathered", [False, True], ids=["just said", "gathered"])
async def test_what_stands_beside_the_content_is_found_too(corpus: Corpus, gathered: bool) -> None:
    said = [(await corpus.say(data), q) for data, q in MESSAGES]
    if gathered:
        await corpus.pad()
        await corpus.gather()
    for conversation, q in said:
        assert await corpus.find(q) == [conversation]
    assert await corpus.find("emails") == []


@pytest.mark.parametrize("gathered", [False, True], ids=["just said", "gathered"])
async def test_contacts_and_subjects_are_found_as_they_are_now(
    corpus: Corpus, owner: asyncpg.Connection, gathered: bool
) -> None:
    one = await corpus.say(
        "hi", contact_name="李小明", contact_identifier="+491512345678", subject="Déjà vu 77"
    )
    two = await corpus.say("hi", contact_name="Zoë Ōta", contact_identifier="zoe.ota@firma.example")
    if gathered:
        await corpus.pad()
        await corpus.gather()
    for q in ("小明", "李", "deja", "0151 2345678", "+49-151-2345678", "2345678"):
        assert await corpus.find(q) == [one], q
    for q in ("zoe", "OTA", "ota@firma", "firma.ex", "ota zoe"):
        assert await corpus.find(q) == [two], q
    await owner.execute("UPDATE conversations SET subject = 'other' WHERE id = $1", one)
    await owner.execute(
        "UPDATE contacts SET name = 'Renée' WHERE id = (SELECT contact_id FROM conversations WHERE id = $1)",
        two,
    )
    assert await corpus.find("deja") == [] and await corpus.find("renee") == [two]


LETTERS = st.one_of(
    st.text("abAB01 -.@é", min_size=1),
    st.text("退款订雨伞的", min_size=1),
    st.text("กขคงสินค้า", min_size=1),
    st.text("заказёЁ", min_size=1),
    st.text("ابتثجلَّ", min_size=1),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), max_codepoint=0x1FFFF), min_size=1),
)
TEXTS = st.lists(LETTERS, min_size=1, max_size=4).map("".join).filter(str.strip)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(data=st.data())
async def test_it_finds_what_reading_everything_finds(corpus: Corpus, data: st.DataObject) -> None:
    """Any part of any text; before and after gathering, since the examples share one account."""
    texts = data.draw(st.lists(TEXTS, min_size=1, max_size=5))
    for text in texts:
        await corpus.say(text)
    if data.draw(st.booleans()):
        await corpus.pad()
        await corpus.gather()
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text) - 1))
    q = text[start : data.draw(st.integers(start + 1, len(text)))]
    if q.strip():
        assert set(await corpus.find(q, 5000)) >= await corpus.naive(q)
        only_text = len(searches(q)) == 1 and not any(c.isalnum() and c.isascii() for c in q)
        assert not only_text or set(await corpus.find(q, 5000)) == await corpus.naive(q)


async def test_pages_are_in_order_and_whole_however_many_are_found(corpus: Corpus) -> None:
    said = {n: await corpus.say(f"needle{n % 3} straw", "more") for n in range(150)}
    await corpus.pad()
    await corpus.gather()
    late = [await corpus.say("needle1 too") for _ in range(3)]
    expected = [*reversed(late), *(said[n] for n in reversed(range(150)) if n % 3 == 1)]
    assert await corpus.find("needle1") == expected
    assert await corpus.find("eedle1", 7) == expected[:7]
    assert len(set(await corpus.find("needle", 500))) == 153


async def store_data(owner: asyncpg.Connection, conversation: str, seq: int, data: str) -> None:
    await owner.execute(
        "UPDATE entries SET data = data || $3::text::jsonb WHERE conversation_id = $1 AND seq = $2",
        conversation,
        seq,
        data,
    )


async def test_an_edited_message_is_found_by_its_new_text_only(
    corpus: Corpus, owner: asyncpg.Connection
) -> None:
    conversation = await corpus.say("before 111-222-3333", "beside")
    await corpus.pad(64)
    await corpus.gather()
    assert await corpus.signed() == [True]
    await store_data(owner, conversation, 1, '{"content": "after\\nthat 444-555-6666"}')
    assert await corpus.signed() == [False]
    for _ in range(2):
        assert await corpus.find("before") == [] and await corpus.find("1112223333") == []
        for q in ("after", "that", "444 555 6666", "beside"):
            assert await corpus.find(q) == [conversation], q
        await corpus.gather()
        assert await corpus.signed() == [True]


@pytest.mark.parametrize(
    "how",
    [
        'UPDATE entries SET data = \'{"content": ""}\' WHERE conversation_id = $1',
        "DELETE FROM entries WHERE conversation_id = $1",
    ],
)
async def test_nothing_is_left_of_what_is_erased(corpus: Corpus, owner: asyncpg.Connection, how: str) -> None:
    conversation = await corpus.say("secret word 555-123-4567", "another secret", contact_name="Secretive")
    beside = await corpus.say("public word")
    await corpus.pad()
    await corpus.gather()
    await owner.execute(how, conversation)
    (chunk, *_) = await corpus.chunks()
    assert "secret" not in chunk["body"] and "555" not in chunk["numbers"] and "public word" in chunk["body"]
    assert await corpus.find("public") == [beside]


async def test_an_edit_while_its_chunk_is_made_is_not_lost(
    corpus: Corpus, owner: asyncpg.Connection, database: Database
) -> None:
    """Whoever comes first, the other waits or comes again."""
    first, second = await corpus.say("old apple"), await corpus.say("old pear")
    await corpus.pad()
    edit = owner.transaction()
    await edit.start()
    await store_data(owner, first, 1, '{"content": "new apple"}')
    assert await corpus.gather() == 0  # the edit is not committed yet
    await edit.commit()
    async with database.system() as building:
        made = building.transaction()
        await made.start()
        assert await building.fetchval("SELECT search_advance($1, 8)", corpus.account_id) == 1
        editing = asyncio.create_task(store_data(owner, second, 1, '{"content": "new pear"}'))

        async def waits() -> bool:
            return await building.fetchval(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory')"
            )

        await until(waits, "the edit to wait for the chunk")
        await made.commit()
        await editing
    (chunk, *_) = await corpus.chunks()
    assert "old" not in chunk["body"]
    assert await corpus.find("new pear") == [second] and await corpus.find("new apple") == [first]


async def test_an_indexer_that_dies_leaves_nothing_half_done(corpus: Corpus, database: Database) -> None:
    said = [await corpus.say(f"item {n} kettle") for n in range(40)]
    await corpus.pad(3)
    with pytest.raises(StorageUnavailable):
        async with database.system() as connection, connection.transaction():
            assert await connection.fetchval("SELECT search_advance($1, 1)", corpus.account_id) == 1
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await corpus.chunks() == []
    async with database.system() as connection:
        await connection.fetchval("SELECT search_advance($1, 1)", corpus.account_id)
    assert set(await corpus.find("kettle")) == set(said)  # half of it gathered
    corpus.index = SearchIndex(database)
    await corpus.gather()
    await check_whole(corpus)
    assert set(await corpus.find("kettle")) == set(said)


async def test_any_number_of_hosts_may_gather_at_once(corpus: Corpus, database: Database) -> None:
    said = [await corpus.say(f"entry {n} lantern") for n in range(30)]
    await corpus.pad(130)

    async def host() -> int:
        return sum([await SearchIndex(database).catch_up() for _ in range(20)])

    assert sum(await asyncio.gather(*(host() for _ in range(4)))) > 0
    await corpus.gather()
    await check_whole(corpus)
    assert await corpus.signed() == [True, True, False]
    assert set(await corpus.find("lantern")) == set(said)


async def check_whole(corpus: Corpus) -> None:
    """The chunks cover the feed from its beginning, without a gap and once."""
    at = 0
    for number, chunk in enumerate(await corpus.chunks()):
        assert (chunk["chunk"], chunk["first_position"]) == (number, at + 1)
        assert len(chunk["conversations"]) == len(chunk["offsets"])
        if chunk["offsets"]:
            assert chunk["body"].count("\n") == chunk["numbers"].count("\n") == len(chunk["offsets"]) - 1
        at = chunk["last_position"]


async def test_long_messages_make_small_chunks(corpus: Corpus) -> None:
    long = [
        await corpus.say({"content": f"letter{n} " * 4000, "metadata": {"original": "x" * 60_000}})
        for n in range(9)
    ]
    await corpus.pad()
    await corpus.gather()
    await check_whole(corpus)
    chunks = await corpus.chunks()
    assert len(chunks) > 8 and max(len(c["body"]) for c in chunks) < 65_536 + 131_072
    assert await corpus.find("letter4") == [long[4]]


async def test_a_signature_made_of_older_texts_is_not_stored(
    corpus: Corpus, owner: asyncpg.Connection, database: Database
) -> None:
    conversation = await corpus.say("first words")
    await corpus.pad(64)
    async with database.system() as connection:
        while await connection.fetchval("SELECT search_advance($1, 64)", corpus.account_id):
            pass
    claimed = await owner.fetchval(
        "SELECT version FROM search_segments WHERE account_id = $1", corpus.account_id
    )
    await store_data(owner, conversation, 1, '{"content": "second thoughts"}')
    sealed = "UPDATE search_segments SET signature = '' WHERE account_id = $1 AND version = $2"
    assert await owner.execute(sealed, corpus.account_id, claimed) == "UPDATE 0"
    await corpus.gather()
    assert await corpus.find("thoughts") == [conversation]


async def test_messages_of_an_older_version_are_found_after_the_upgrade(
    postgres_url: str, tmp_path: Path
) -> None:
    name = "t" + uid().replace("-", "")
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"CREATE DATABASE {name}")
    folder = Path(shutil.copytree(FOLDER, tmp_path / "migrations"))
    before = next(FOLDER.glob("*_search.sql")).name
    for later in (file for file in folder.glob("*.sql") if file.name >= before):
        later.unlink()
    url = postgres_url.replace("/postgres?", f"/{name}?")
    await upgrade(url, folder)
    owner = await asyncpg.connect(url)
    account = uid()
    await owner.execute("INSERT INTO accounts (id, name) VALUES ($1, 'Test')", account)
    await owner.execute("INSERT INTO account_feeds (account_id) VALUES ($1)", account)
    database = await Database.connect(url, system=2, app=1)
    try:
        corpus = Corpus(owner, database, account)
        said = await corpus.say("an old parrot 退款")
        await corpus.pad()
        await upgrade(url)
        assert await corpus.find("arrot") == [said]  # at once
        assert await corpus.gather()
        assert await corpus.find("退款") == [said]
    finally:
        await database.close()
        await owner.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.mark.parametrize("called", ["search_document(kind, data)", "search_fold(kind)"])
async def test_what_runs_for_every_message_is_inlined(owner: asyncpg.Connection, called: str) -> None:
    plan = await owner.fetch(f"EXPLAIN (VERBOSE) SELECT {called} FROM entries")
    assert not any(called.partition("(")[0] + "(" in row[0] for row in plan), plan


@pytest.mark.parametrize(
    ("q", "numbers"),
    [
        ("+49 151 2345678", {"1512345678"}),
        ("0049 (151) 234-5678", {"1512345678"}),
        ("0151 2345678", {"1512345678"}),
        ("+55 11 98765-4321", {"11987654321", "1187654321"}),
        ("٠١٥١٢٣٤٥٦٧٨", {"1512345678"}),
        ("48213", set()),
        ("order 12", set()),
    ],
)  # fmt: skip
def test_telephone_numbers_in_a_search(q: str, numbers: set[str]) -> None:
    found = searches(q)
    assert found[0] == SearchTerms(tuple(q.split()))
    assert {s.numbers[0] for s in found[1:]} == numbers
