"""Anthropic's own library, on the double of model providers: whole and streamed answers, errors, breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anthropic
import pytest
from aiohttp.test_utils import TestServer

from tertulia.channels.double.models.server import make_app
from tertulia.channels.double.models.state import Script, State

ASKED = {
    "model": "claude-double",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Where is my refund?"}],
}


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
async def client(state: State) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with TestServer(make_app(state)) as server:
        url = str(server.make_url("")).rstrip("/")
        async with anthropic.AsyncAnthropic(api_key="sk-ant-double", base_url=url, max_retries=0) as made:
            yield made


async def test_a_whole_answer(client: anthropic.AsyncAnthropic, state: State) -> None:
    state.usual = Script(chunks=("On its", " way."))
    answer = await client.messages.create(**ASKED)
    assert answer.content[0].text == "On its way." and answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == 2


async def test_a_streamed_answer(client: anthropic.AsyncAnthropic, state: State) -> None:
    state.usual = Script(chunks=("On its", " way. ሰላም"))
    async with client.messages.stream(**ASKED) as stream:
        pieces = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    assert pieces == ["On its", " way. ሰላም"]
    assert final.content[0].text == "On its way. ሰላም" and final.usage.output_tokens == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (401, anthropic.AuthenticationError),
    ],
)
async def test_errors(
    client: anthropic.AsyncAnthropic, state: State, status: int, error: type[anthropic.APIStatusError]
) -> None:
    state.usual = Script("error", status=status)
    with pytest.raises(error) as caught:
        await client.messages.create(**ASKED)
    assert caught.value.status_code == status


async def test_a_stream_that_breaks_off(client: anthropic.AsyncAnthropic, state: State) -> None:
    state.usual = Script("break_off", ("On",))
    with pytest.raises(anthropic.APIError):
        async with client.messages.stream(**ASKED) as stream:
            [text async for text in stream.text_stream]
