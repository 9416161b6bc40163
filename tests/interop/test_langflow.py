"""Langflow's own library, on the double of model providers: whole and streamed runs, errors, breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import langflow_sdk
import pytest
from aiohttp.test_utils import TestServer
from langflow_sdk.exceptions import LangflowAuthError, LangflowHTTPError

from tertulia.channels.double.models.langflow import KEY
from tertulia.channels.double.models.server import make_app
from tertulia.channels.double.models.state import Script, State


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
async def url(state: State) -> AsyncIterator[str]:
    async with TestServer(make_app(state)) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def client(url: str) -> AsyncIterator[langflow_sdk.AsyncClient]:
    async with langflow_sdk.AsyncClient(url, api_key=KEY) as made:
        yield made


@pytest.fixture
async def streaming(url: str) -> AsyncIterator[langflow_sdk.AsyncClient]:
    """Langflow reads `stream` from the query alone (1.13, `api/v1/endpoints.py`), and this library (0.4) sends it in the body."""
    async with (
        httpx.AsyncClient(base_url=url, headers={"x-api-key": KEY}, params={"stream": "true"}) as http,
        langflow_sdk.AsyncClient(url, httpx_client=http) as made,
    ):
        yield made


async def test_a_whole_run(client: langflow_sdk.AsyncClient, state: State) -> None:
    state.usual = Script(chunks=("On its", " way. ሰላም"))
    found = await client.run("helper", "Where is my refund?")
    assert found.first_text_output() == "On its way. ሰላም" and found.is_completed()
    assert found.session_id == "helper"
    (asked,) = state.asked
    assert asked.path == "/api/v1/run/helper" and asked.body["input_value"] == "Where is my refund?"


async def test_a_streamed_run_ends_with_its_result(streaming: langflow_sdk.AsyncClient, state: State) -> None:
    state.usual = Script(chunks=("On its", " way."))
    chunks = [chunk async for chunk in streaming.stream("helper", "Where is it?")]
    assert [chunk.text for chunk in chunks if chunk.is_token] == ["On its", " way."]
    assert chunks[0].event == "add_message" and chunks[-1].is_end
    result = chunks[-1].final_response()
    assert result is not None and result.first_text_output() == "On its way."


async def test_a_stream_that_breaks_off(streaming: langflow_sdk.AsyncClient, state: State) -> None:
    state.usual = Script("break_off", ("On",))
    chunks = [chunk async for chunk in streaming.stream("helper", "Where is it?")]
    assert chunks[-1].is_error and chunks[-1].data["error"]


@pytest.mark.parametrize("way", ["run", "stream"])
async def test_errors(streaming: langflow_sdk.AsyncClient, state: State, way: str) -> None:
    state.usual = Script("error", status=500)
    with pytest.raises(LangflowHTTPError) as caught:
        if way == "run":
            await streaming.run("helper", "x")
        else:
            [chunk async for chunk in streaming.stream("helper", "x")]
    assert caught.value.status_code == 500 and caught.value.detail == "Error running graph"


async def test_without_a_key(url: str) -> None:
    async with langflow_sdk.AsyncClient(url) as stranger:
        with pytest.raises(LangflowAuthError):
            await stranger.run("helper", "x")
