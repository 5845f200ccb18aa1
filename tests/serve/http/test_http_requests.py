"""What is a request and what is none (RFC 9112): smuggling, hosts, versions, methods, paths, requests sent ahead."""

import pytest

from office import Office
from serve.http.http_site import connected, exchange, open_site, statuses

POST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n"
LAST = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"

TWO_READINGS = {
    "a length beside a coding": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding beside a length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 41\r\n\r\n" + SMUGGLED,
    "two equal lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED,
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc" + SMUGGLED,
    "a length with a sign": POST + b"Content-Length: +3\r\n\r\nabc" + SMUGGLED,
    "a length below nothing": POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length without number": POST + b"Content-Length:\r\n\r\n" + SMUGGLED,
    "a length beyond all": POST + b"Content-Length: 99999999999999999999\r\n\r\n" + SMUGGLED,
    "a length in hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc" + SMUGGLED,
    "a folded line": GET + b"X-Note: a\r\n b\r\n\r\n" + SMUGGLED,
    "a folded length": POST + b"Content-Length:\r\n 3\r\n\r\nabc" + SMUGGLED,
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding that is nearly one": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding with a control": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked, and then another": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding unknown here": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding in HTTP/1.0": b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk size with a sign": POST + b"Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk size beyond all": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc" + SMUGGLED,
    "a chunk size with a space": POST + b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk that is longer": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n" + SMUGGLED,
    "a chunk size that LF ends": POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "LF alone": b"GET /echo HTTP/1.1\nHost: localhost\n\n" + SMUGGLED,
    "LF alone after a field": b"GET /echo HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n" + SMUGGLED,
    "LF alone at the end": b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\n" + SMUGGLED,
    "CR alone": b"GET /echo HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n" + SMUGGLED,
    "NUL in a value": GET + b"X: a\0b\r\n\r\n" + SMUGGLED,
    "a line without colon": GET + b"Nonsense\r\n\r\n" + SMUGGLED,
    "a field without name": GET + b": a\r\n\r\n" + SMUGGLED,
    "space before the first field": b"GET /echo HTTP/1.1\r\n Host: localhost\r\n\r\n" + SMUGGLED,
}


@pytest.mark.parametrize("name", TWO_READINGS)
async def test_what_two_readers_could_read_in_two_ways_is_refused_and_nothing_behind_it_is_heard(office: Office, name):
    async with open_site(office) as site:
        found = await exchange(site.port, TWO_READINGS[name])
        assert statuses(found) in ([400], [501]), found
        assert b"\r\nConnection: close\r\n" in found
        assert site.seen == []


@pytest.mark.parametrize("name", TWO_READINGS)
async def test_it_makes_no_difference_how_the_octets_are_cut(office: Office, name):
    async with open_site(office) as site, connected(site.port) as client:
        for octet in TWO_READINGS[name]:
            client.send(bytes((octet,)))
            await client.writer.drain()
        assert statuses(await client.end()) in ([400], [501])
        assert site.seen == []


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"EHLO client.test\r\n",
        b"a LOGIN alice secret\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\0" * 100,
    ],
)
async def test_what_is_no_http_is_told_so_at_once(office: Office, octets):
    async with open_site(office) as site:
        assert statuses(await exchange(site.port, octets)) == [400]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /echo HTTP/1.1\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost:\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: a b\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: a@b\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: a/b\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: a:b\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: mail.uiowa.test:8443\r\n", 200),
        (b"GET /echo HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n", 200),
        (b"GET http://mail.uiowa.test/echo HTTP/1.1\r\nHost: mail.uiowa.test\r\n", 200),
        (b"GET /echo HTTP/1.0\r\n", 200),
        (b"GET /echo HTTP/1.0\r\nHost: a\r\nHost: b\r\n", 400),
        (b"GET /echo HTTP/2.0\r\nHost: a\r\n", 505),
        (b"GET /echo HTTP/0.9\r\nHost: a\r\n", 505),
        (b"GET /echo HTTP/1.2\r\nHost: a\r\n", 400),
        (b"GET /echo\r\n", 505),
        (b"TRACE /echo HTTP/1.1\r\nHost: a\r\n", 501),
        (b"CONNECT example.org:25 HTTP/1.1\r\nHost: example.org:25\r\n", 501),
        (b"CONNECT /echo HTTP/1.1\r\nHost: a\r\n", 501),
        (b"BREW /echo HTTP/1.1\r\nHost: a\r\n", 400),
        (b"DELETE /echo HTTP/1.1\r\nHost: a\r\n", 405),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n", 404),
    ],
)
async def test_host_version_and_method(office: Office, head, status):
    """RFC 9112 §3.2: exactly one Host field, in HTTP/1.1."""
    async with open_site(office) as site:
        assert statuses(await exchange(site.port, head + b"Connection: close\r\n\r\n")) == [status]


async def test_http_1_0_is_answered_and_closed_without_a_host(office: Office):
    async with open_site(office) as site:
        found = await exchange(site.port, b"GET /echo HTTP/1.0\r\n\r\n")
        assert statuses(found) == [200]
        assert b"transfer-encoding" not in found.lower()


@pytest.mark.parametrize(
    "path",
    [
        b"/echo/", b"//echo", b"/./echo", b"/x/../echo", b"/%2e%2e/echo", b"/..%2fecho", b"/echo%00", b"/echo%2f",
        b"/echo%0d%0aX:%20y", b"/%ff%fe", b"/..\\..\\etc\\passwd", b"/../../../../etc/passwd", b"/%zz", b"*", b"/",
    ],
)  # fmt: skip
async def test_a_path_is_the_route_s_or_nothing(office: Office, path):
    async with open_site(office) as site:
        found = await exchange(site.port, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert statuses(found) == [404]
        assert b"\r\nlocation:" not in found.lower()


async def test_a_path_may_be_written_with_percents(office: Office):
    async with open_site(office) as site:
        found = await exchange(site.port, b"GET /%65ch%6F HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert statuses(found) == [200]


async def test_trailers_are_no_header_fields(office: Office):
    """RFC 9110 §6.5.1: a proxy that looks at the header would not have seen them."""
    async with open_site(office) as site, connected(site.port) as client:
        client.send(
            POST
            + b"Transfer-Encoding: chunked\r\n\r\n3;note=x\r\nabc\r\n0\r\nAuthorization: Basic eA==\r\nX-Late: y\r\n\r\n"
        )
        answer = await client.answer()
        assert (answer.status, answer.json()["body"]) == (200, "abc")
        assert set(answer.json()["headers"]) == {"host", "transfer-encoding"}


async def test_requests_sent_ahead_are_answered_one_by_one_in_their_order(office: Office):
    """RFC 9112 §9.3.2."""
    async with open_site(office) as site, connected(site.port) as client:
        client.send(SMUGGLED + POST + b"Content-Length: 3\r\n\r\nabc" + GET + b"\r\n" + LAST)
        await site.streaming.wait()
        assert site.seen == ["GET /wait"]
        site.go_on.set()
        assert (await client.answer()).body == b"at last\n"
        assert (await client.answer()).json()["body"] == "abc"
        assert (await client.answer()).status == 200
        last = await client.answer()
        assert last.headers["connection"] == "close"
        assert await client.end() == b""
        assert site.seen == ["GET /wait", "POST /echo abc", "GET /echo", "GET /echo"]


async def test_what_is_wrong_behind_a_request_is_refused_behind_its_answer(office: Office):
    """Were the refusal said first, the client would take it for the answer to its request."""
    async with open_site(office) as site, connected(site.port) as client:
        client.send(SMUGGLED + b"nonsense\r\n\r\n")
        await site.streaming.wait()
        site.go_on.set()
        assert statuses(await client.end()) == [200, 400]


async def test_a_request_in_the_octets_that_end_a_chunked_body_is_not_taken(office: Office):
    """Its client sends it again on a new connection, since this one says that it ends."""
    async with open_site(office) as site, connected(site.port) as client:
        client.send(b"POST /wait HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + LAST)
        await site.streaming.wait()
        site.go_on.set()
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await client.end() == b""
        assert site.seen == ["POST /wait"]


async def test_one_connection_carries_many_requests(office: Office):
    async with open_site(office) as site, connected(site.port) as client:
        for number in range(20):
            text = b"x" * number
            client.send(POST + b"Content-Length: %d\r\n\r\n" % number + text)
            assert (await client.answer()).json()["body"] == text.decode()
            client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            assert (await client.answer()).json()["body"] == "abc"
        assert site.gate.total == 1


async def test_a_client_that_asks_first_is_told_to_go_on(office: Office):
    """RFC 9110 §10.1.1."""
    async with open_site(office) as site, connected(site.port) as client:
        client.send(POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert (await client.answer()).status == 100
        client.send(b"abc")
        assert (await client.answer()).json()["body"] == "abc"


async def test_an_upgrade_to_what_is_not_spoken_here_is_one_request_and_the_end(office: Office):
    """RFC 9110 §7.8; what a client says behind it is in the other protocol."""
    async with open_site(office) as site:
        found = await exchange(site.port, GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + SMUGGLED)
        assert statuses(found) == [200]
        assert site.seen == ["GET /echo"]
        found = await exchange(
            site.port, POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED
        )
        assert statuses(found) == [501]
        assert site.seen == ["GET /echo"]


async def test_every_answer_has_a_date_and_tells_browsers_what_not_to_do(office: Office):
    async with open_site(office) as site, connected(site.port) as client:
        for request, status in (
            (GET, 200),
            (b"GET /none HTTP/1.1\r\nHost: a\r\n", 404),
            (b"GET /bug HTTP/1.1\r\nHost: a\r\n", 500),
        ):
            client.send(request + b"\r\n")
            answer = await client.answer()
            assert answer.status == status
            assert answer.headers["date"].endswith(" GMT")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "server" not in answer.headers
            assert "strict-transport-security" not in answer.headers
        client.send(b"nonsense\r\n\r\n")
        assert (await client.answer()).headers["date"].endswith(" GMT")


async def test_over_tls_browsers_are_told_to_stay_there(office: Office, server_tls, client_tls):
    """RFC 6797 §7.1."""
    async with open_site(office, tls=server_tls) as site, connected(site.port, client_tls) as client:
        client.send(GET + b"\r\n")
        assert (await client.answer()).headers["strict-transport-security"].startswith("max-age=")


async def test_a_bug_is_answered_without_a_word_of_the_inside_and_the_connection_goes_on(office: Office):
    async with open_site(office) as site, connected(site.port) as client:
        client.send(b"GET /bug HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await client.answer()
        assert (answer.status, b"secret" in answer.body) == (500, False)
        client.send(LAST)
        assert (await client.answer()).status == 200


async def test_a_bug_in_the_midst_of_an_answer_ends_the_connection_unfinished(office: Office):
    """A client must not take half for the whole."""
    async with open_site(office) as site:
        found = await exchange(site.port, b"GET /late-bug HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"so far" in found
        assert not found.endswith(b"0\r\n\r\n")
