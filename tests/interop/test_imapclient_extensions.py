"""IMAPClient's sort, thread and quota against `pillarbox serve`, and identifiers that IMAP and JMAP share."""

import re
import ssl

import httpx
import pytest
from imapclient import IMAPClient

from servers import PASSWORD, running

pytestmark = [pytest.mark.interop]
LETTERS = [
    b"Message-ID: <a@x.test>\r\nFrom: Zoe <z@x.test>\r\nSubject: trip\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\none\r\n",
    b"Message-ID: <b@x.test>\r\nIn-Reply-To: <a@x.test>\r\nFrom: Ann <a@x.test>\r\nSubject: Re: trip\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\ntwo is longer\r\n",
    b"Message-ID: <c@x.test>\r\nReferences: <a@x.test>\r\nFrom: Max <m@x.test>\r\nSubject: Re: trip\r\n"
    b"Date: Tue, 24 Nov 2026 11:00:00 +0000\r\n\r\nthree\r\n",
    b"Message-ID: <d@x.test>\r\nFrom: Bob <b@x.test>\r\nSubject: another\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nfour\r\n",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("extensions") / "data", limits__account_octets=1_000_000) as server:
        yield server


@pytest.fixture
def client(server):
    with IMAPClient(server.listen, server.port("imap"), ssl=False) as client:
        client.login("alice@uiowa.test", PASSWORD)
        client.select_folder("INBOX")
        if not client.search():
            for letter in LETTERS:
                client.append("INBOX", letter)
            client.noop()
        yield client


def test_sort(client):
    assert client.has_capability("SORT")
    assert client.sort("ARRIVAL") == [1, 2, 3, 4]
    assert client.sort("REVERSE DATE") == [2, 3, 1, 4]
    assert client.sort(["SUBJECT", "DATE"], "ALL") == [4, 1, 3, 2]
    assert client.sort("DISPLAYFROM", ["SUBJECT", "trip"], "UTF-8") == [2, 3, 1]


def test_thread(client):
    assert client.has_capability("THREAD=REFERENCES")
    assert client.thread() == ((4,), (1, (3,), (2,)))
    assert client.thread("ORDEREDSUBJECT", "SUBJECT trip") == ((1, (3,), (2,)),)


def test_quota(client):
    (quota,) = client.get_quota()
    assert (quota.quota_root, quota.resource, quota.limit) == ("", "STORAGE", 977)
    assert quota.usage >= 1
    roots, quotas = client.get_quota_root("INBOX")
    assert roots.quota_roots == [""] or list(roots.quota_roots) == [""]
    assert quotas[0].limit == 977


def test_object_identifiers_are_those_of_jmap(client, server):
    fetched = client.fetch([1, 2], ["EMAILID", "THREADID"])
    emails = [one[b"EMAILID"][0].decode() for one in fetched.values()]
    threads = {one[b"THREADID"][0].decode() for one in fetched.values()}
    assert len(threads) == 1
    trust = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
    base = f"https://127.0.0.1:{server.port('https')}"
    with httpx.Client(base_url=base, auth=("alice@uiowa.test", PASSWORD), verify=trust, trust_env=False) as http:
        session = http.get("/jmap/session").json()
        account = next(iter(session["accounts"]))
        call = ["Email/get", {"accountId": account, "ids": emails, "properties": ["threadId"]}, "0"]
        using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
        answer = http.post("/jmap/api", json={"using": using, "methodCalls": [call]}).json()
    found = answer["methodResponses"][0][1]["list"]
    assert [one["id"] for one in found] == emails
    assert {one["threadId"] for one in found} == threads
    assert re.fullmatch(r"t\d+", threads.pop())
