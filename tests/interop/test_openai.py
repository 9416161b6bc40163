"""OpenAI's own library, on the double of model providers: whole and streamed answers, embeddings, errors, breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import openai
import pytest
from aiohttp.test_utils import TestServer

from tertulia.channels.double.models.server import make_app
from tertulia.channels.double.models.state import Script, State

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is my refund?"}]


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
async def client(state: State) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        TestServer(make_app(state)) as server,
        openai.AsyncOpenAI(api_key="sk-double", base_url=str(server.make_url("/v1")), max_retries=0) as made,
    ):
        yield made


async def test_a_whole_answer(client: openai.AsyncOpenAI, state: State) -> None:
    state.usual = Script(chunks=("On its", " way."))
    answer = await client.chat.completions.create(model="gpt-double", messages=MESSAGES)
    assert answer.choices[0].message.content == "On its way." and answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None and answer.usage.completion_tokens == 2 and answer.model == "gpt-double"


async def test_a_streamed_answer_ends_with_what_it_used(client: openai.AsyncOpenAI, state: State) -> None:
    state.usual = Script(chunks=("On its", " way. ሰላም"))
    stream = await client.chat.completions.create(
        model="gpt-double", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == "On its way. ሰላም" and chunks[-1].usage is not None and not chunks[-1].choices


async def test_embeddings(client: openai.AsyncOpenAI) -> None:
    found = await client.embeddings.create(model="embed-double", input=["one", "two"], dimensions=256)
    assert [len(item.embedding) for item in found.data] == [256, 256] and found.data[1].index == 1
    listed = await client.models.list()
    assert "gpt-double" in {model.id for model in listed.data}


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, openai.RateLimitError), (500, openai.InternalServerError), (401, openai.AuthenticationError)],
)
async def test_errors(
    client: openai.AsyncOpenAI, state: State, status: int, error: type[openai.APIStatusError]
) -> None:
    state.usual = Script("error", status=status)
    with pytest.raises(error) as caught:
        await client.chat.completions.create(model="gpt-double", messages=MESSAGES)
    assert caught.value.status_code == status


async def test_a_stream_that_breaks_off(client: openai.AsyncOpenAI, state: State) -> None:
    state.usual = Script("break_off", ("On",))
    stream = await client.chat.completions.create(model="gpt-double", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError):
        [chunk async for chunk in stream]
