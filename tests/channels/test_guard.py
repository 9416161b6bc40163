"""The guard of outgoing requests, on real local servers and with resolvers that lie."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tertulia.channels.outgoing.guard import Guard, OutgoingRefused, beginning, pieces
from tertulia.core.url_policy import AddressRules, Grant, is_numeric_host

REFUSED_ADDRESSES = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.9",
    "192.88.99.1",
    "168.63.129.16",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%1",
    "fc00::1",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "192.0.0.192",
    "169.254.170.2",
    "4000::1",
    "2001:2::1",
    "2001:1::1",
    "100:0:0:1::1",
    "::8.8.8.8",
    "2001:0:808:808::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "3fff::1",
    "5f00::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:808:808::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "nonsense",
]
REFUSED_URLS = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.0.0.1./",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://169.254.169.254/latest/meta-data",
    "https://①②⑦.⓪.⓪.①/",
    "https://localhost/",
    "https://localhost./",
    "http://one.one.one.one/",
    "https://one.one.one.one:8443/",
    "https://user:password@one.one.one.one/",
    "https://user@one.one.one.one/",
    "ftp://one.one.one.one/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "https:///nothing",
    "//one.one.one.one/",
    "nonsense",
    "https://[::1",
    "https://[fe80::1%25eth0]/",
    "https://1.1.1.1\\@127.0.0.1/",
    "https://a:99999/",
]
NAME = "media.example"


class Names(AbstractResolver):
    """Names, each with the answers it gives one after the other; the last one for ever."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=a,
                port=port,
                family=socket.AF_INET6 if ":" in a else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for a in addresses
        ]

    async def close(self) -> None: ...


class Site:
    """A server that tells what it was asked."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.redirects: dict[str, str] = {}
        self.server: Any = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        if request.path in self.redirects:
            return web.Response(status=307, headers={"Location": self.redirects[request.path]})
        if request.path == "/endless":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b"x" * 65_536)
        if request.path == "/gzip":
            return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
        response = web.Response(body=b"hello " * 100, headers={"Set-Cookie": "a=b"})
        if request.path == "/close":
            response.force_close()
        return response

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def site(tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    made = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    made.server = TestServer(app, host="127.0.0.1", scheme="https" if tls else "http")
    await made.server.start_server(ssl=tls)
    try:
        yield made
    finally:
        await made.server.close()


@asynccontextmanager
async def guarded(**options: Any) -> AsyncIterator[Guard]:
    guard = Guard(**options)
    try:
        yield guard
    finally:
        await guard.close()


async def get(guard: Guard, url: str, **options: Any) -> tuple[int, bytes]:
    async with guard.request("GET", url, **options) as response:
        return response.status, b"".join([piece async for piece in pieces(response, 10_000)])


@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_addresses_that_are_not_the_internets(address: str) -> None:
    assert AddressRules().refusal(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet(address: str) -> None:
    assert AddressRules().refusal(address) is None


def test_an_operator_may_open_a_network() -> None:
    rules = AddressRules(networks=("10.1.0.0/16", "fd00::/64"))
    assert rules.refusal("10.1.2.3") is None and rules.refusal("fd00::1") is None
    assert rules.refusal("10.2.0.1") and rules.refusal("::ffff:10.1.2.3")


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0x7f000001", "1.2.3.4."])
def test_numbers_that_are_no_names(host: str) -> None:
    assert is_numeric_host(host)
    assert (
        not is_numeric_host("1.2.3.4") and not is_numeric_host("1password.com") and not is_numeric_host("a")
    )


@pytest.mark.parametrize("url", REFUSED_URLS)
async def test_urls_that_are_never_called(url: str) -> None:
    async with guarded() as guard:
        with pytest.raises(OutgoingRefused) as refused:
            await get(guard, url)
    assert "password" not in str(refused.value) or "must not" in str(refused.value)


async def test_a_name_for_a_private_address_is_refused_though_others_are_public() -> None:
    names = Names(evil_example=[["1.1.1.1", "10.0.0.1"]])
    async with guarded(resolver=names) as guard:
        with pytest.raises(OutgoingRefused, match="private"):
            await get(guard, "https://evil.example/")


async def test_a_name_that_is_asked_again_is_checked_again(tmp_path: Path) -> None:
    """Rebinding: the first answer may be called, the second may not."""
    server, client = certified(tmp_path)
    names = Names(media_example=[["127.0.0.1"], ["127.0.0.2"]])
    async with site(server) as inside:
        rules = AddressRules(networks=("127.0.0.1/32",), ports=frozenset({inside.port}))
        async with guarded(resolver=names, rules=rules, ssl=client) as guard:
            assert (await get(guard, f"https://{NAME}:{inside.port}/close"))[0] == 200
            with pytest.raises(OutgoingRefused, match="private"):
                await get(guard, f"https://{NAME}:{inside.port}/close")
        assert names.asked == [NAME] * 2 and len(inside.seen) == 1


async def test_the_connection_goes_to_the_checked_address_under_the_urls_name(tmp_path: Path) -> None:
    server, client = certified(tmp_path)
    names = Names(media_example=[["127.0.0.1"], ["169.254.169.254"]])
    seen: list[str | None] = []
    server.sni_callback = lambda _, name, __: seen.append(name)
    async with site(server) as inside:
        rules = AddressRules(networks=("127.0.0.0/8",), ports=frozenset({inside.port}))
        async with guarded(resolver=names, rules=rules, ssl=client) as guard:
            status, body = await get(guard, f"https://{NAME}:{inside.port}/file")
        assert (status, body) == (200, b"hello " * 100)
        assert seen == [NAME] and inside.seen[0].host == f"{NAME}:{inside.port}"
        assert names.asked == [NAME]  # once: the second answer would have led elsewhere


async def test_the_certificate_must_be_the_names(tmp_path: Path) -> None:
    server, client = certified(tmp_path)
    names = Names(other_example=[["127.0.0.1"]])
    async with site(server) as inside:
        rules = AddressRules(networks=("127.0.0.0/8",), ports=frozenset({inside.port}))
        async with guarded(resolver=names, rules=rules, ssl=client) as guard:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await get(guard, f"https://other.example:{inside.port}/")


async def test_a_channels_grant_opens_its_networks_and_no_more(tmp_path: Path) -> None:
    """Plain HTTP and ports of one's own lead into the allowed network alone, whatever a name stands for meanwhile."""
    names = Names(inner_example=[["127.0.0.1"], ["127.0.0.2"], ["1.1.1.1"]])
    async with site() as inside, guarded(resolver=names) as guard:
        base = f"http://inner.example:{inside.port}"
        grants = [Grant(base, ("127.0.0.1/32",))]
        assert (await get(guard, base + "/close", grants=grants))[0] == 200
        with pytest.raises(OutgoingRefused, match="private"):
            await get(guard, base + "/close", grants=grants)
        with pytest.raises(OutgoingRefused, match="outside the allowed networks"):
            await get(guard, base + "/close", grants=grants)
        with pytest.raises(OutgoingRefused, match="private"):
            await get(guard, inside.base, grants=[Grant(inside.base, ("10.0.0.0/8",))])
        assert len(inside.seen) == 1


async def test_a_connection_that_one_account_may_open_is_nobody_elses(tmp_path: Path) -> None:
    """Connections are kept: one into a network must not serve a request that may not go there."""
    async with site() as inside, guarded() as guard:
        assert (await get(guard, inside.base, grants=[Grant(inside.base, ("127.0.0.0/8",))]))[0] == 200
        with pytest.raises(OutgoingRefused):
            await get(guard, inside.base, grants=[Grant(inside.base, ())])
        with pytest.raises(OutgoingRefused):
            await get(
                guard,
                inside.base.replace("127.0.0.1", "localhost"),
                grants=[Grant(inside.base, ("127.0.0.0/8",))],
            )
        assert len(inside.seen) == 1


async def test_a_trusted_origin_is_called_as_it_is_and_no_other() -> None:
    async with site() as inside, site() as other, guarded() as guard:
        grants = [Grant(inside.base)]
        assert (await get(guard, inside.base + "/a", grants=grants))[0] == 200
        for url in (other.base, f"https://127.0.0.1:{inside.port}/", f"http://localhost:{inside.port}/"):
            with pytest.raises(OutgoingRefused):
                await get(guard, url, grants=grants)
        with pytest.raises(OutgoingRefused, match="never"):
            await get(guard, "http://169.254.169.254/", grants=[Grant("http://169.254.169.254")])


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest", "https://[::ffff:a9fe:a9fe]/", "//metadata.example/", "http://127.0.0.1:1/",
     "http://[", "file:///etc/passwd", "https://127.0.0.1/"],
)  # fmt: skip
async def test_redirects_do_not_leave_the_host(location: str) -> None:
    async with site() as inside, guarded(resolver=Names()) as guard:
        inside.redirects["/away"] = location
        with pytest.raises(OutgoingRefused):
            await get(guard, inside.base + "/away", grants=[Grant(inside.base)], max_redirects=3)
        assert len(inside.seen) == 1


async def test_redirects_on_the_host_are_followed_three_times() -> None:
    async with site() as inside, guarded() as guard:
        inside.redirects |= {"/1": "/2", "/2": "/3", "/3": f"{inside.base}/end", "/0": "/1"}
        grants = [Grant(inside.base)]
        assert (await get(guard, inside.base + "/1", grants=grants, max_redirects=3))[0] == 200
        with pytest.raises(OutgoingRefused, match="too many"):
            await get(guard, inside.base + "/0", grants=grants, max_redirects=3)
        status, _ = await get(guard, inside.base + "/1", grants=grants)  # a webhook's: it is the answer
        assert status == 307


async def test_credentials_stay_with_their_host() -> None:
    secret = {"Authorization": "Bearer secret"}
    async with site() as inside, site() as files:
        names = Names(files_example=[["127.0.0.1"]])
        base = f"http://files.example:{files.port}"
        inside.redirects["/media"] = f"{base}/file"
        async with guarded(resolver=names) as guard:
            options: dict[str, Any] = {"grants": [Grant(inside.base), Grant(base)], "headers": secret}
            await get(
                guard, inside.base + "/media", redirect_hosts={"files.example"}, max_redirects=1, **options
            )
            await get(guard, f"{base}/file", secret_hosts={"127.0.0.1"}, **options)
        assert inside.seen[0].headers["Authorization"] == "Bearer secret"
        assert len(files.seen) == 2 and all("Authorization" not in r.headers for r in files.seen)


async def test_what_comes_back_is_limited() -> None:
    async with site() as inside, guarded() as guard:
        grants = [Grant(inside.base)]
        async with guard.request("GET", inside.base + "/a", grants=grants) as response:
            with pytest.raises(OutgoingRefused, match="larger"):
                [piece async for piece in pieces(response, 599)]
        with pytest.raises(OutgoingRefused, match="larger"):
            await get(guard, inside.base + "/endless", grants=grants)
        with pytest.raises(OutgoingRefused, match="encoded"):
            await get(guard, inside.base + "/gzip", grants=grants)
        async with guard.request("GET", inside.base + "/a", grants=grants) as response:
            assert await beginning(response, 7) == b"hello h"
        assert all("Cookie" not in r.headers for r in inside.seen)


async def test_the_deadline_holds_for_the_body_too() -> None:
    async with site() as inside, guarded() as guard:
        with pytest.raises(TimeoutError):
            async with guard.request(
                "GET", inside.base + "/endless", grants=[Grant(inside.base)], deadline=0.2
            ) as response:
                async for _ in pieces(response, 1 << 50):
                    pass


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context, the certificate in the name of NAME."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))
