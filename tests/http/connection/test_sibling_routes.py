"""A parameter never matches the name of a sibling, so that `Allow` names a path's own methods."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from tertulia.http.connection.sibling_routes import literal_segments, without_siblings
from tertulia.http.routes import ALL


@pytest.fixture(scope="module")
def router() -> web.UrlDispatcher:
    async def handle(request: web.Request) -> web.Response:
        return web.Response()

    app, literals = web.Application(), literal_segments(ALL)
    for route in ALL:
        app.router.add_route(route.method, without_siblings(route.path, literals), handle)
    return app.router


@pytest.mark.parametrize(
    "path", [route.path for route in ALL if "{" not in route.path], ids=lambda path: path.lstrip("/")
)
async def test_allow_names_the_methods_of_the_path(router: web.UrlDispatcher, path: str) -> None:
    own = {route.method for route in ALL if route.path == path}
    with pytest.raises(web.HTTPMethodNotAllowed) as refused:
        found = await router.resolve(make_mocked_request("PURGE", path))
        raise found.http_exception or AssertionError(path)
    assert refused.value.allowed_methods == own


async def test_an_id_is_still_matched(router: web.UrlDispatcher) -> None:
    for id in ("statsx", "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07", "st"):
        found = await router.resolve(make_mocked_request("PATCH", f"/v1/conversations/{id}"))
        assert dict(found) == {"id": id}
