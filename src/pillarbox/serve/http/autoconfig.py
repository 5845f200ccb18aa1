"""How mail programs find this server's hosts and ports: Thunderbird's autoconfig, Outlook's autodiscover, a profile for
Apple's devices. All name the ports that are TLS from the start.

What is said depends on the domain of an address, never on who has it: nobody learns here which addresses exist.

References: https://www.ietf.org/archive/id/draft-ietf-mailmaint-autoconfig, [MS-OXDSCLI], Apple's configuration profiles.
"""

import html
import plistlib
import re
import uuid
from xml.sax.saxutils import escape

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pillarbox.core.mail import Mail
from pillarbox.grammar.smtp.path import parse_address
from pillarbox.model.address import Address
from pillarbox.model.errors import Invalid, NotFound, SyntaxProblem
from pillarbox.serve.http.body import read_body

REQUEST_OCTETS = 16_384
XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
EMAIL = re.compile(r"<(?:\w+:)?EMailAddress\s*>([^<]*)</")
OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
AUTODISCOVER = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
OUTLOOK_PATHS = ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.xml")


class Ports(msgspec.Struct, frozen=True):
    """Where this server is."""

    imap: int
    imaps: int
    submission: int
    submissions: int


class Autoconfig:
    """The documents of one server."""

    def __init__(self, mail: Mail, ports: Ports) -> None:
        self._mail = mail
        self._ports = ports

    def routes(self) -> list[Route]:
        """All paths that programs ask for."""
        return [
            Route("/mail/config-v1.1.xml", self.thunderbird),
            Route("/.well-known/autoconfig/mail/config-v1.1.xml", self.thunderbird),
            *(Route(path, self.outlook, methods=["POST"]) for path in OUTLOOK_PATHS),
            Route("/apple.mobileconfig", self.apple),
        ]

    async def thunderbird(self, request: Request) -> Response:
        """By the address, or by the host that is asked: `autoconfig.DOMAIN` or DOMAIN itself."""
        given = request.query_params.get("emailaddress")
        if given is not None:
            domain = self._address(given).domain
        else:
            domain = self._local((request.url.hostname or "").removeprefix("autoconfig."))
        return _xml(_client_config(self._mail.hostname, self._ports, domain), "text/xml")

    async def outlook(self, request: Request) -> Response:
        """By the address in the request."""
        text = (await read_body(request, REQUEST_OCTETS)).decode("utf-8", "replace")
        found = EMAIL.search(text)
        if found is None:
            raise Invalid("the request names no address")
        address = self._address(html.unescape(found[1]).strip())
        return _xml(_autodiscover(self._mail.hostname, self._ports, address), "text/xml")

    async def apple(self, request: Request) -> Response:
        """A profile that holds no password: the device asks for it."""
        address = self._address(request.query_params.get("emailaddress", ""))
        answer = Response(
            plistlib.dumps(_profile(self._mail.hostname, self._ports, address)),
            media_type="application/x-apple-aspen-config",
        )
        answer.headers["Content-Disposition"] = 'attachment; filename="mail.mobileconfig"'
        return answer

    def _address(self, text: str) -> Address:
        """Raises: Invalid, NotFound."""
        try:
            address = parse_address(text)
        except SyntaxProblem:
            raise Invalid("this is no address") from None
        return Address(address.local, self._local(address.domain))

    def _local(self, domain: str) -> str:
        """Raises: NotFound."""
        if not self._mail.directory.is_local_domain(domain):
            raise NotFound("this server has no such domain")
        return domain


def _xml(text: str, media_type: str) -> Response:
    return Response(XML_DECLARATION + text, media_type=f"{media_type}; charset=utf-8")


def _fields(indent: str, *fields: tuple[str, object]) -> str:
    return "".join(f"{indent}<{name}>{escape(str(value))}</{name}>\n" for name, value in fields)


def _client_config(hostname: str, ports: Ports, domain: str) -> str:
    """Thunderbird's; the first server of a kind is the one it takes."""
    quoted = escape(domain, {'"': "&quot;"})

    def server(kind: str, name: str, port: int, socket: str) -> str:
        fields = _fields(
            "      ",
            ("hostname", hostname),
            ("port", port),
            ("socketType", socket),
            ("authentication", "password-cleartext"),
            ("username", "%EMAILADDRESS%"),
        )
        return f'    <{kind} type="{name}">\n{fields}    </{kind}>\n'

    return (
        f'<clientConfig version="1.1">\n  <emailProvider id="{quoted}">\n'
        + _fields("    ", ("domain", domain), ("displayName", domain), ("displayShortName", domain))
        + server("incomingServer", "imap", ports.imaps, "SSL")
        + server("incomingServer", "imap", ports.imap, "STARTTLS")
        + server("outgoingServer", "smtp", ports.submissions, "SSL")
        + server("outgoingServer", "smtp", ports.submission, "STARTTLS")
        + "  </emailProvider>\n</clientConfig>\n"
    )


def _autodiscover(hostname: str, ports: Ports, address: Address) -> str:
    """Outlook's ([MS-OXDSCLI] §2.2.4)."""

    def protocol(kind: str, port: int, *more: tuple[str, object]) -> str:
        fields = _fields(
            "        ",
            ("Type", kind),
            ("Server", hostname),
            ("Port", port),
            ("DomainRequired", "off"),
            ("LoginName", address),
            ("SPA", "off"),
            ("SSL", "on"),
            ("AuthRequired", "on"),
            *more,
        )
        return f"      <Protocol>\n{fields}      </Protocol>\n"

    return (
        f'<Autodiscover xmlns="{AUTODISCOVER}">\n  <Response xmlns="{OUTLOOK}">\n    <User>\n'
        + _fields("      ", ("DisplayName", address))
        + "    </User>\n    <Account>\n"
        + _fields("      ", ("AccountType", "email"), ("Action", "settings"))
        + protocol("IMAP", ports.imaps)
        + protocol("SMTP", ports.submissions, ("UsePOPAuth", "on"), ("SMTPLast", "off"))
        + "    </Account>\n  </Response>\n</Autodiscover>\n"
    )


def _profile(hostname: str, ports: Ports, address: Address) -> dict[str, object]:
    """Apple's; the same address gets the same identifiers, so that a new profile takes the old one's place."""
    text = str(address)
    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{hostname}.mail.account",
        "PayloadUUID": _uuid(hostname, text, "account"),
        "PayloadDisplayName": text,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAccountDescription": text,
        "EmailAddress": text,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": hostname,
        "IncomingMailServerPortNumber": ports.imaps,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": text,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": hostname,
        "OutgoingMailServerPortNumber": ports.submissions,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerUsername": text,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    return {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{hostname}.mail",
        "PayloadUUID": _uuid(hostname, text, "profile"),
        "PayloadDisplayName": f"Mail for {text}",
        "PayloadContent": [account],
    }


def _uuid(hostname: str, address: str, part: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{part} of {address} at {hostname}")).upper()
