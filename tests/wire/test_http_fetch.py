"""Requests to servers that clients have named: what is reached, what is not, and what is believed of names."""

from collections.abc import AsyncIterator

import pytest

from pillarbox.model.errors import Invalid, Refused, TooLarge, Unavailable
from pillarbox.model.ports import AddressAnswer, DnsOutcome, HttpAnswer
from pillarbox.model.url import HttpsUrl, parse_https
from pillarbox.wire.http_fetch import HttpFetcher
from pillarbox.wire.memory import MemoryResolver
from pillarbox.wire.public_address import is_public
from web_server import Authority, WebServer, reply, web_server

NAME = "push.test"


@pytest.fixture(scope="module")
def vouching() -> Authority:
    return Authority(NAME, "127.0.0.1")


@pytest.fixture
async def server(vouching: Authority) -> AsyncIterator[WebServer]:
    async with web_server(vouching.server()) as opened:
        yield opened


def fetcher(vouching: Authority, *allowed: str, **zones: str) -> HttpFetcher:
    resolver = MemoryResolver({NAME: {"A": ["127.0.0.1"]}, **{name: {"A": [at]} for name, at in zones.items()}})
    return HttpFetcher(resolver, allowed_hosts=allowed, tls=vouching.client())


async def ask(
    fetch: HttpFetcher, url: str, *, most_octets: int = 10_000, seconds: float = 10.0, **headers: str
) -> HttpAnswer:
    return await fetch.get(parse_https(url), headers=headers, most_octets=most_octets, seconds=seconds)


# --- what is written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.com", HttpsUrl("example.com", 443, "/")),
        ("HTTPS://Example.COM:8443/a/b?c=%20d", HttpsUrl("example.com", 8443, "/a/b?c=%20d")),
        ("https://example.com?x=1", HttpsUrl("example.com", 443, "/?x=1")),
        ("https://example.com/a@b:c", HttpsUrl("example.com", 443, "/a@b:c")),
        ("https://192.0.2.1/", HttpsUrl("192.0.2.1", 443, "/")),
        ("https://[2001:DB8:0::1]:444/", HttpsUrl("2001:db8::1", 444, "/")),
    ],
)
def test_urls_as_they_are_understood(text: str, url: HttpsUrl):
    assert parse_https(text) == url
    assert parse_https(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://example.com/",
        "ftp://example.com/",
        "//example.com/",
        "https:///",
        "https:/example.com/",
        "https://",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com:password@127.0.0.1/",
        "https://127.0.0.1\\@example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com#@127.0.0.1/",
        "https://example.com/#part",
        "https://example.com /",
        " https://example.com/",
        "https://example.com/\r\nHost: other",
        "https://example.com/\0",
        "https://exämple.com/",
        "https://example\u212a.com/",
        "https://%31%32%37.0.0.1/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.01/",
        "https://1.2.3.4.5/",
        "https://[::1/",
        "https://[::1%25eth0]/",
        "https://[::1%eth0]/",
        "https://[example.com]/",
        "https://example..com/",
        "https://.example.com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:/",
        "https://example.com/" + "x" * 2_048,
    ],
)
def test_what_could_be_read_in_two_ways_is_no_url(text: str):
    with pytest.raises(Invalid):
        parse_https(text)


# --- where it may lead -----------------------------------------------------------------------------------------------

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
    "",
    "example.com",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.63.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "2001:4860::8888",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_near_is_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_far_is(address: str):
    assert is_public(address)


@pytest.mark.parametrize("address", [one for one in NOT_PUBLIC if one and "%" not in one and one[0] != "e"])
async def test_neither_a_name_nor_a_literal_leads_to_what_is_near(vouching, address: str):
    fetch = fetcher(vouching, **{"near.test": address})
    literal = f"[{address}]" if ":" in address else address
    for url in (f"https://near.test:{8443}/", f"https://{literal}:8443/"):
        with pytest.raises(Refused):
            await ask(fetch, url)


async def test_one_address_that_is_near_is_enough_to_refuse(vouching, server):
    resolver = MemoryResolver({"both.test": {"A": ["8.8.8.8", "127.0.0.1"]}})
    with pytest.raises(Refused):
        await ask(HttpFetcher(resolver, tls=vouching.client()), f"https://both.test:{server.port}/")
    assert server.connections == 0


class Rebinding(MemoryResolver):
    """Says one thing the first time, and another ever after."""

    def __init__(self, first: str, later: str) -> None:
        super().__init__({})
        self.answers = [first]
        self.later = later

    async def addresses(self, host: str) -> AddressAnswer:
        self.asked.append((host, "A"))
        return AddressAnswer(DnsOutcome.FOUND, (self.answers.pop() if self.answers else self.later,))


async def test_a_name_is_looked_up_once_and_what_was_looked_at_is_connected_to(vouching, server):
    """Rebinding: nobody asks again between the look and the connection."""
    resolver = Rebinding("127.0.0.1", "127.0.0.2")
    fetch = HttpFetcher(resolver, allowed_hosts=[NAME], tls=vouching.client())
    assert (await ask(fetch, f"https://{NAME}:{server.port}/")).status == 201
    assert resolver.asked == [(NAME, "A")]
    with pytest.raises(Refused):
        await ask(
            HttpFetcher(Rebinding("127.0.0.1", "8.8.8.8"), tls=vouching.client()), f"https://{NAME}:{server.port}/"
        )


async def test_a_redirection_is_an_answer_and_is_not_followed(vouching, server):
    server.usual = reply("302 Found", f"Location: https://127.0.0.1:{server.port}/secret")
    answer = await ask(fetcher(vouching, NAME), f"https://{NAME}:{server.port}/")
    assert (answer.status, answer.headers["location"]) == (302, f"https://127.0.0.1:{server.port}/secret")
    assert server.count == 1


@pytest.mark.parametrize("port", [1, 22, 25, 80, 993, 1_023])
async def test_ports_of_other_services_are_not_spoken_to(vouching, port: int):
    with pytest.raises(Refused):
        await ask(fetcher(vouching, **{"far.test": "8.8.8.8"}), f"https://far.test:{port}/")


# --- what is sent and heard ------------------------------------------------------------------------------------------


async def test_the_name_is_kept_in_host_and_tls(vouching, server):
    fetch = fetcher(vouching, f"{NAME}:{server.port}")
    url = parse_https(f"https://{NAME}:{server.port}/a//../b?c=%20&d='")
    server.usual = reply("200 OK", "X-Told: Yes", body=b"hello")
    answer = await fetch.post(url, b"a body", headers={"TTL": "60"}, most_octets=5, seconds=10)
    assert (answer.status, answer.headers["x-told"], answer.body) == (200, "Yes", b"hello")
    asked = await server.next()
    assert (asked.method, asked.target, asked.body) == ("POST", "/a//../b?c=%20&d='", b"a body")
    assert asked.headers["host"] == f"{NAME}:{server.port}"
    assert asked.headers["ttl"] == "60"
    assert not {"cookie", "authorization", "referer"} & set(asked.headers)
    assert server.tls_names == [NAME]


async def test_an_allowed_literal_is_spoken_to(vouching, server):
    assert (await ask(fetcher(vouching, "127.0.0.1"), f"https://127.0.0.1:{server.port}/")).status == 201


async def test_another_port_than_the_allowed_one_is_not(vouching, server):
    with pytest.raises(Refused):
        await ask(fetcher(vouching, f"{NAME}:1"), f"https://{NAME}:{server.port}/")


async def test_a_certificate_for_another_name_is_not_good(vouching, server):
    with pytest.raises(Unavailable):
        await ask(fetcher(vouching, "other.test", **{"other.test": "127.0.0.1"}), f"https://other.test:{server.port}/")
    assert server.count == 0


async def test_proxies_of_the_environment_are_not_used(vouching, server, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await ask(fetcher(vouching, NAME), f"https://{NAME}:{server.port}/")).status == 201


async def test_the_next_address_is_tried_when_one_is_closed(vouching, server):
    resolver = MemoryResolver({NAME: {"A": ["127.0.0.2", "127.0.0.1"]}})
    fetch = HttpFetcher(resolver, allowed_hosts=[NAME], tls=vouching.client())
    assert (await ask(fetch, f"https://{NAME}:{server.port}/")).status == 201


async def test_an_answer_is_cut_where_it_is_too_long(vouching, server):
    server.usual = reply("200 OK", body=b"x" * 101)
    with pytest.raises(TooLarge):
        await ask(fetcher(vouching, NAME), f"https://{NAME}:{server.port}/", most_octets=100)
    assert len((await ask(fetcher(vouching, NAME), f"https://{NAME}:{server.port}/", most_octets=101)).body) == 101


async def test_an_answer_that_is_packed_stays_packed(vouching, server):
    """What is small here and huge when unpacked is nobody's to unpack."""
    server.usual = reply("200 OK", "Content-Encoding: gzip", body=b"\x1f\x8b no gzip at all")
    assert (await ask(fetcher(vouching, NAME), f"https://{NAME}:{server.port}/")).body == b"\x1f\x8b no gzip at all"
    assert (await server.next()).headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
    ],
)
async def test_what_is_no_answer_is_unavailable(vouching, server, octets: bytes):
    server.usual = octets
    with pytest.raises(Unavailable):
        await ask(fetcher(vouching, NAME), f"https://{NAME}:{server.port}/")


async def test_who_does_not_answer_is_not_waited_for(vouching, server):
    server.usual = None
    with pytest.raises(Unavailable):
        await ask(fetcher(vouching, NAME), f"https://{NAME}:{server.port}/", seconds=0.5)


async def test_a_name_without_an_address_is_unavailable(vouching):
    with pytest.raises(Unavailable):
        await ask(fetcher(vouching), "https://nowhere.test/")


async def test_nobody_there_is_unavailable(vouching):
    with pytest.raises(Unavailable):
        await ask(fetcher(vouching, NAME), f"https://{NAME}:1/")
