"""Any state, and signing in (RFC 3501 §6.1, §6.2): CAPABILITY, NOOP, LOGOUT, ID, STARTTLS, LOGIN, AUTHENTICATE …"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from pillarbox import __version__
from pillarbox.grammar.imap.capabilities import announced
from pillarbox.grammar.imap.commands.session import Authenticate, Enable, Id, Login
from pillarbox.grammar.imap.framing import Announced, CommandReader, Whole
from pillarbox.grammar.imap.responses import mailbox as responses
from pillarbox.grammar.imap.responses.status import Status, format_continuation
from pillarbox.grammar.sasl.plain import decode64, encode64
from pillarbox.model.errors import BadCredentials, SyntaxProblem, Unavailable
from pillarbox.serve.dialogue.sasl import MECHANISMS, Exchange

if TYPE_CHECKING:
    import msgspec

    from pillarbox.serve.imap.session import ImapSession

log = structlog.get_logger("serve.imap")


def capability_names(session: ImapSession) -> tuple[str, ...]:
    """For this session as it stands."""
    return announced(
        signed_in=session.account is not None,
        offers_tls=session.tls_context is not None and not session.line.tls,
        mechanisms=MECHANISMS if session.may_send_password else (),
        message_octets=session.mail.limits.message_octets,
    )


async def capability(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.1.1."""
    session.send(responses.format_words("CAPABILITY", capability_names(session)))
    return Status(tag, "OK", "CAPABILITY completed")


async def noop(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.1.2, and CHECK (RFC 3501 §6.4.1): news are told."""
    if session.selected is not None:
        await session.selected.tell(session, expunges=True)
    return Status(tag, "OK", "Completed")


async def logout(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.1.3."""
    session.let_go()
    session.tell(Status(b"*", "BYE", "Logging out"))
    return Status(tag, "OK", "LOGOUT completed")


async def id_(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 2971 §3.1."""
    assert isinstance(command, Id)
    session.send(responses.format_id(((b"name", b"Pillarbox"), (b"version", __version__.encode()))))
    return Status(tag, "OK", "ID completed")


async def enable(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 5161 §3.1: what is not known is passed over; nothing here needs to be enabled yet."""
    assert isinstance(command, Enable)
    session.send(responses.format_words("ENABLED", ()))
    return Status(tag, "OK", "ENABLE completed")


async def start_tls(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status | None:
    """RFC 3501 §6.2.1: what came in the clear with the command is thrown away."""
    if session.line.tls or session.tls_context is None:
        return Status(tag, "BAD", "TLS is active, or not available")
    session.line.pause_reading()
    session.tell(Status(tag, "OK", "Begin TLS negotiation now"))
    session.flush()
    session.reader = CommandReader(session.mail.limits.imap_line_octets)
    session.discard_pending()
    try:
        await session.line.start_tls(session.tls_context, server_side=True)
        session.line.resume_reading()
    except Unavailable as problem:
        log.info("tls.failed", peer=session.line.peer, status=problem.text)
        session.line.abort()
    return None


async def login(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.2.3."""
    assert isinstance(command, Login)
    if not session.may_send_password:
        return Status(tag, "NO", "Encrypt first: STARTTLS", b"PRIVACYREQUIRED")
    try:
        name, password = command.name.decode(), command.password.decode()
    except UnicodeDecodeError:
        raise BadCredentials("Wrong name or password") from None
    return await _sign_in(session, tag, name, password)


async def _sign_in(session: ImapSession, tag: bytes, name: str, password: str) -> Status:
    session.account = await session.mail.accounts.sign_in(name, password, peer=session.peer_ip)
    session.line.set_timeout(session.mail.limits.imap_idle_timeout_seconds)
    code = b"CAPABILITY " + " ".join(capability_names(session)).encode()
    return Status(tag, "OK", f"Signed in as {session.account.address}", code)


async def authenticate(session: ImapSession, tag: bytes, command: msgspec.Struct) -> Status:
    """RFC 3501 §6.2.2, with an initial response (RFC 4959 §3)."""
    assert isinstance(command, Authenticate)
    if command.mechanism not in MECHANISMS:
        return Status(tag, "NO", "Unknown mechanism: PLAIN and LOGIN are offered", b"CANNOT")
    if not session.may_send_password:
        return Status(tag, "NO", "Encrypt first: STARTTLS", b"PRIVACYREQUIRED")
    exchange = MECHANISMS[command.mechanism]()
    if command.initial is not None:
        exchange.respond(decode64(command.initial))
    if not await _complete(session, exchange):
        return Status(tag, "BAD", "Authentication cancelled")
    credentials = exchange.credentials()
    if credentials.authzid and credentials.authzid != credentials.authcid:
        return Status(tag, "NO", "Nobody may act for another here", b"AUTHORIZATIONFAILED")
    return await _sign_in(session, tag, credentials.authcid, credentials.password)


async def _complete(session: ImapSession, exchange: Exchange) -> bool:
    while (challenge := exchange.challenge()) is not None:
        session.send(format_continuation(encode64(challenge) if challenge else b""))
        session.flush()
        while (event := session.reader.next()) is None:
            await session.wait_pending()
            session.reader.feed(session.take())
        if not isinstance(event, Whole):
            if isinstance(event, Announced):
                session.reader.refuse(event.size_octets, waits=event.waits)
            raise SyntaxProblem("a line of base64")
        if event.text == b"*":
            return False
        exchange.respond(decode64(event.text))
    return True
