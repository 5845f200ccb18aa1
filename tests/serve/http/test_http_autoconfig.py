"""What mail programs are told of hosts and ports, and that nobody learns from it which addresses exist."""

import plistlib
import xml.etree.ElementTree as ElementTree

import httpx
import pytest

from office import Office
from pillarbox.model.limits import Limits
from pillarbox.serve.http.autoconfig import OUTLOOK, OUTLOOK_PATHS, Autoconfig, Ports
from serve.http.http_site import Site

PORTS = Ports(imap=20143, imaps=20993, submission=20587, submissions=20465)
HOST = "mail.uiowa.test"
THUNDERBIRD = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml")
REQUEST = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
    "<EMailAddress>{}</EMailAddress>"
    f"<AcceptableResponseSchema>{OUTLOOK}</AcceptableResponseSchema></Request></Autodiscover>"
)


@pytest.fixture
async def ask(office: Office):
    await office.add("alice")
    site = Site(office, Limits(), Autoconfig(office.mail, PORTS).routes())
    transport = httpx.ASGITransport(site.application, client=("192.0.2.7", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="https://autoconfig.uiowa.test") as client:
        yield client


def thunderbird_servers(text: str) -> list[tuple[str, str, str, str, str, str]]:
    provider = ElementTree.fromstring(text).find("emailProvider")
    assert provider is not None
    return [
        (
            server.tag,
            server.attrib["type"],
            *(server.findtext(name, "") for name in ("hostname", "port", "socketType", "username")),
        )
        for server in provider
        if server.tag.endswith("Server")
    ]


@pytest.mark.parametrize("path", THUNDERBIRD)
async def test_thunderbird_finds_this_server_s_ports(ask, path):
    answer = await ask.get(path, params={"emailaddress": "alice@uiowa.test"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert thunderbird_servers(answer.text) == [
        ("incomingServer", "imap", HOST, "20993", "SSL", "%EMAILADDRESS%"),
        ("incomingServer", "imap", HOST, "20143", "STARTTLS", "%EMAILADDRESS%"),
        ("outgoingServer", "smtp", HOST, "20465", "SSL", "%EMAILADDRESS%"),
        ("outgoingServer", "smtp", HOST, "20587", "STARTTLS", "%EMAILADDRESS%"),
    ]
    root = ElementTree.fromstring(answer.text)
    assert (root.tag, root.attrib) == ("clientConfig", {"version": "1.1"})
    assert root.findtext("emailProvider/domain") == "uiowa.test"


@pytest.mark.parametrize("host", ["autoconfig.uiowa.test", "uiowa.test", "UIOWA.test", "autoconfig.illinois.test:8443"])
async def test_without_an_address_the_host_that_is_asked_says_the_domain(ask, host):
    answer = await ask.get(THUNDERBIRD[0], headers={"Host": host})
    assert answer.status_code == 200
    domain = ElementTree.fromstring(answer.text).findtext("emailProvider/domain")
    assert domain == host.lower().removeprefix("autoconfig.").partition(":")[0]


@pytest.mark.parametrize("path", OUTLOOK_PATHS)
async def test_outlook_finds_this_server_s_ports(ask, path):
    answer = await ask.post(path, content=REQUEST.format("alice@uiowa.test"), headers={"Content-Type": "text/xml"})
    assert answer.status_code == 200
    name = {"o": OUTLOOK}
    protocols = ElementTree.fromstring(answer.content).findall("o:Response/o:Account/o:Protocol", name)
    assert [
        tuple(found.findtext(f"o:{field}", "", name) for field in ("Type", "Server", "Port", "SSL", "LoginName"))
        for found in protocols
    ] == [
        ("IMAP", HOST, "20993", "on", "alice@uiowa.test"),
        ("SMTP", HOST, "20465", "on", "alice@uiowa.test"),
    ]
    assert ElementTree.fromstring(answer.content).findtext("o:Response/o:Account/o:Action", "", name) == "settings"


async def test_an_apple_profile_names_this_server_s_ports_and_no_password(ask):
    answer = await ask.get("/apple.mobileconfig", params={"emailaddress": "alice@uiowa.test"})
    assert answer.headers["content-type"] == "application/x-apple-aspen-config"
    assert answer.headers["content-disposition"].startswith("attachment")
    profile = plistlib.loads(answer.content)
    (account,) = profile["PayloadContent"]
    assert account["EmailAddress"] == account["IncomingMailServerUsername"] == "alice@uiowa.test"
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"]) == (HOST, 20993)
    assert (account["OutgoingMailServerHostName"], account["OutgoingMailServerPortNumber"]) == (HOST, 20465)
    assert account["IncomingMailServerUseSSL"] is account["OutgoingMailServerUseSSL"] is True
    assert not {"IncomingPassword", "OutgoingPassword"} & set(account)
    assert profile["PayloadUUID"] != account["PayloadUUID"]
    again = await ask.get("/apple.mobileconfig", params={"emailaddress": "alice@uiowa.test"})
    assert again.content == answer.content


async def everything(ask, address: str) -> list[httpx.Response]:
    return [
        await ask.get(THUNDERBIRD[0], params={"emailaddress": address}),
        await ask.get("/apple.mobileconfig", params={"emailaddress": address}),
        await ask.post(OUTLOOK_PATHS[0], content=REQUEST.format(address.replace("&", "&amp;").replace("<", "&lt;"))),
    ]


async def test_an_address_that_nobody_has_is_answered_as_any_other(ask):
    """No list of who has mail here can be made by asking."""
    for known, unknown in zip(
        await everything(ask, "alice@uiowa.test"), await everything(ask, "nobody@uiowa.test"), strict=True
    ):
        assert known.status_code == unknown.status_code == 200
        if "apple" not in str(known.url):
            assert known.text == unknown.text.replace("nobody@", "alice@")


async def test_other_domains_and_no_addresses_get_nothing(ask):
    for text, status in (
        ("alice@far.test", 404),
        ("alice", 400),
        ("", 400),
        ("a@b@c", 400),
        ("alice@[127.0.0.1]", 404),
    ):
        assert {answer.status_code for answer in await everything(ask, text)} == {status}, text
    assert (await ask.get(THUNDERBIRD[0], headers={"Host": "192.0.2.1"})).status_code == 404


@pytest.mark.parametrize("local", ['"a<b>&c"', "a&b", "a'b", '"<![CDATA["', '"]]>"', "jürgen"])
async def test_an_address_is_text_in_every_document(ask, local):
    address = f"{local}@uiowa.test"
    plain = address.replace('"', "")
    thunderbird, apple, outlook = await everything(ask, address)
    assert len(thunderbird_servers(thunderbird.text)) == 4
    assert plistlib.loads(apple.content)["PayloadContent"][0]["EmailAddress"] == plain
    assert (
        ElementTree.fromstring(outlook.content).findtext("o:Response/o:User/o:DisplayName", "", {"o": OUTLOOK}) == plain
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"<Autodiscover/>", 400),
        (b"\xff\xfe\x00", 400),
        (b'<!DOCTYPE a [<!ENTITY b "alice@uiowa.test">]><EMailAddress>&b;</EMailAddress>', 400),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><EMailAddress>&b;</EMailAddress>', 400),
        (b"<EMailAddress>alice@uiowa.test</EMailAddress>" + b" " * 20_000, 413),
        (b"<x:EMailAddress>alice@uiowa.test</x:EMailAddress>", 200),
    ],
)
async def test_whatever_is_posted_is_read_as_an_address_or_refused(ask, body, status):
    """No XML parser reads what strangers send: there is nothing to expand or to fetch."""
    assert (await ask.post(OUTLOOK_PATHS[0], content=body)).status_code == status


async def test_outlook_s_path_is_posted_to(ask):
    answer = await ask.get(OUTLOOK_PATHS[0])
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
