"""The SMTP client against servers that keep to the standard, and against others."""

import asyncio
import contextlib
from contextlib import asynccontextmanager

import pytest

from client.scripted import SECONDS, scripted, serving
from pillarbox.client.smtp import Security, SmtpClient, SmtpRefusal, TlsUnavailable
from pillarbox.grammar.sasl.plain import Credentials
from pillarbox.model.address import Address
from pillarbox.model.delivery import Action
from pillarbox.model.envelope import BodyType, Envelope, Recipient
from pillarbox.model.errors import BadCredentials, Refused, Unavailable
from pillarbox.model.limits import Limits
from pillarbox.wire.clock import SystemClock
from pillarbox.wire.tls import opportunistic_context

HELLO = """
S: 220 mail.illinois.test ready
C: EHLO client.test
S: 250 mail.illinois.test
"""
PIPELINED = """
S: 220-mail.illinois.test
S: 220 ready
C: EHLO client.test
S: 250-mail.illinois.test greets you
S: 250-PIPELINING
S: 250-SIZE 100000
S: 250-8BITMIME
S: 250 SMTPUTF8
"""
ACCEPTED = """
C: MAIL FROM:<alice@uiowa.test>
S: 250 OK
C: RCPT TO:<bob@illinois.test>
S: 250 OK
C: DATA
S: 354 Go ahead
"""
QUIT = """
C: QUIT
S: 221 Bye
"""
ONE_MESSAGE = """
C: MAIL FROM:<alice@uiowa.test>
S: 250 OK
C: RCPT TO:<bob@illinois.test>
S: 250 OK
C: DATA
S: 354 Go ahead
C| hello
C| .
S: 250 2.6.0 taken
"""


def envelope(*recipients: str, **options) -> Envelope:
    named = tuple(Recipient(Address(name, "illinois.test")) for name in recipients or ("bob",))
    return Envelope(Address("alice", "uiowa.test"), named, **options)


async def pieces(*octets: bytes):
    for piece in octets:
        yield piece


def client_of(limits: Limits | None = None) -> SmtpClient:
    return SmtpClient("client.test", limits or Limits(), SystemClock())


@asynccontextmanager
async def session(*script: str, limits: Limits | None = None):
    """A client that has greeted the server of the script, and says goodbye at the end."""
    async with scripted("".join(script)) as play, asyncio.timeout(SECONDS):
        client = client_of(limits)
        await client.open("127.0.0.1", play.port)
        yield client
        await client.quit()


async def deliver(client: SmtpClient, to: Envelope | None = None, *octets: bytes):
    statuses, _ = await client.deliver(to or envelope(), sum(map(len, octets)) or 7, pieces(*octets or (b"hello\r\n",)))
    return [(status.action, status.status, status.diagnostic) for status in statuses]


# --- transfer ------------------------------------------------------------------------------------------------------


async def test_several_messages_go_over_one_connection():
    async with session(HELLO, ONE_MESSAGE, ONE_MESSAGE, QUIT) as client:
        for _ in range(2):
            assert await deliver(client) == [(Action.RELAYED, "2.6.0", "250 2.6.0 taken")]
        assert client.messages == 2


async def test_a_message_is_announced_with_its_size_and_kind_where_the_server_asks_for_it():
    script = """
    C: MAIL FROM:<alice@uiowa.test> SIZE=7 BODY=8BITMIME SMTPUTF8
    C: RCPT TO:<bob@illinois.test>
    C: RCPT TO:<carol@illinois.test>
    S: 250 OK
    S: 250 OK
    S: 550 5.1.1 no carol here
    C: DATA
    S: 354 Go ahead
    C| hello
    C| .
    S: 250-2.0.0 taken
    S: 250 2.0.0 as 17
    """
    async with session(PIPELINED, script, QUIT) as client:
        found = await deliver(client, envelope("bob", "carol", body_type=BodyType.EIGHT_BIT_MIME, smtputf8=True))
    assert found == [
        (Action.RELAYED, "2.0.0", "250 2.0.0 taken as 17"),
        (Action.FAILED, "5.1.1", "550 5.1.1 no carol here"),
    ]


async def test_without_pipelining_each_command_waits_for_its_reply():
    async with session(HELLO, ACCEPTED, "C| hello\nC| .\nS: 250 OK", QUIT) as client:
        assert await deliver(client) == [(Action.RELAYED, "2.0.0", "250 OK")]


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        ((b".\r\n",), "C| ..\nC| ."),
        ((b"a\r\n", b".b\r\n"), "C| a\nC| ..b\nC| ."),
        ((b"a\r", b"\n.", b"\r\nb"), "C| a\nC| ..\nC| b\nC| ."),
        ((b"no end",), "C| no end\nC| ."),
        ((b"bare\nline\rends",), "C| bare\nC| line\nC| ends\nC| ."),
        ((b"\r\n.\r\nMAIL FROM:<evil@x.test>\r\n",), "C| \nC| ..\nC| MAIL FROM:<evil@x.test>\nC| ."),
        ((b"a\n.\nMAIL\r\n",), "C| a\nC| ..\nC| MAIL\nC| ."),
        ((b"\r", b".\r", b"x\r\n"), "C| \nC| ..\nC| x\nC| ."),
        ((b"",), "C| ."),
    ],
)
async def test_no_content_can_end_before_its_end(sent, heard):
    """RFC 5321 §4.5.2: dots at the start of lines are doubled, in whatever pieces they come."""
    async with session(HELLO, ACCEPTED, heard, "\nS: 250 OK", QUIT) as client:
        statuses, _ = await client.deliver(envelope(), 7, pieces(*sent))
        assert statuses[0].action is Action.RELAYED


async def test_a_message_that_is_too_large_is_not_begun():
    async with session(PIPELINED, QUIT) as client:
        statuses, _ = await client.deliver(envelope(), 100_001, pieces())
        assert (statuses[0].action, statuses[0].status) == (Action.FAILED, "5.3.4")


@pytest.mark.parametrize("limit", ["SIZE", "SIZE 0", "SIZE many"])
async def test_a_server_without_a_bound_gets_any_size(limit):
    hello = HELLO.replace("250 mail", "250-mail") + f"S: 250 {limit}\n"
    script = ACCEPTED.replace("test>\nS", "test> SIZE=100001\nS", 1)
    async with session(hello, script, "C| x\nC| .\nS: 250 OK", QUIT) as client:
        statuses, _ = await client.deliver(envelope(), 100_001, pieces(b"x"))
        assert statuses[0].action is Action.RELAYED


# --- what a server cannot take -------------------------------------------------------------------------------------


async def test_eight_bit_content_never_goes_to_a_seven_bit_server():
    """RFC 6152 §3: whatever was declared; the message fails for good."""
    for body_type in (BodyType.SEVEN_BIT, BodyType.EIGHT_BIT_MIME):
        async with session(HELLO, ACCEPTED, "C| first", "\n(silence)") as client:
            found = await deliver(client, envelope(body_type=body_type), b"first\r\n", "zwölf\r\n".encode())
            assert [entry[:2] for entry in found] == [(Action.FAILED, "5.6.3")]
            assert not client.is_open


async def test_content_that_was_declared_eight_bit_but_is_ascii_goes_to_a_seven_bit_server():
    async with session(HELLO, ONE_MESSAGE, QUIT) as client:
        found = await deliver(client, envelope(body_type=BodyType.EIGHT_BIT_MIME))
        assert found[0][0] is Action.RELAYED


async def test_binary_content_is_not_begun():
    """RFC 3030 §3: it needs BDAT, and may not be sent as anything else."""
    async with session(PIPELINED, QUIT) as client:
        found = await deliver(client, envelope(body_type=BodyType.BINARY_MIME))
        assert found[0][:2] == (Action.FAILED, "5.6.3")


@pytest.mark.parametrize(
    "to",
    [envelope(smtputf8=True), envelope("zoë"), Envelope(Address("zoë", "uiowa.test"), envelope().recipients)],
)
async def test_internationalised_mail_is_not_begun_with_a_server_that_does_not_know_it(to):
    """RFC 6531 §3.2: whether it was declared or can be seen from the addresses."""
    async with session(HELLO, QUIT) as client:
        assert (await deliver(client, to))[0][:2] == (Action.FAILED, "5.6.7")


async def test_an_internationalised_address_makes_the_mail_smtputf8():
    script = """
    C: MAIL FROM:<alice@uiowa.test> SIZE=7 SMTPUTF8
    C: RCPT TO:<zoë@illinois.test>
    S: 250 OK
    S: 250 OK
    C: DATA
    S: 354 Go ahead
    C| hello
    C| .
    S: 250 OK
    """
    async with session(PIPELINED, script, QUIT) as client:
        assert (await deliver(client, envelope("zoë")))[0][0] is Action.RELAYED


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_a_refused_sender_fails_all_and_the_next_message_goes_on():
    refused = """
    C: MAIL FROM:<alice@uiowa.test>
    S: 451 4.7.1 later
    C: RSET
    S: 250 OK
    """
    async with session(HELLO, refused, ONE_MESSAGE, QUIT) as client:
        found = await deliver(client, envelope("bob", "carol"))
        assert found == [(Action.DELAYED, "4.7.1", "451 4.7.1 later")] * 2
        assert (await deliver(client))[0][0] is Action.RELAYED


async def test_a_refused_sender_fails_all_when_pipelined_whatever_rcpt_says():
    refused = """
    C: MAIL FROM:<alice@uiowa.test> SIZE=7
    C: RCPT TO:<bob@illinois.test>
    S: 550 5.7.1 go away
    S: 503 no sender
    C: RSET
    S: 250 OK
    """
    async with session(PIPELINED, refused, QUIT) as client:
        assert await deliver(client) == [(Action.FAILED, "5.7.1", "550 5.7.1 go away")]


async def test_a_refused_data_fails_who_was_accepted_and_the_next_message_goes_on():
    refused = """
    C: MAIL FROM:<alice@uiowa.test>
    S: 250 OK
    C: RCPT TO:<bob@illinois.test>
    S: 250 OK
    C: DATA
    S: 452 4.3.1 full
    C: RSET
    S: 250 OK
    """
    async with session(HELLO, refused, ONE_MESSAGE, QUIT) as client:
        assert await deliver(client) == [(Action.DELAYED, "4.3.1", "452 4.3.1 full")]
        assert (await deliver(client))[0][0] is Action.RELAYED


@pytest.mark.parametrize("end", ["(close)", "(reset)", "S: 421 4.3.2 too many errors\n(close)"])
async def test_who_was_refused_stays_refused_when_the_server_goes_away_afterwards(end):
    refused = """
    C: MAIL FROM:<alice@uiowa.test>
    S: 250 OK
    C: RCPT TO:<bob@illinois.test>
    S: 550 5.1.1 no bob here
    C: RSET
    """
    async with session(HELLO, refused, end) as client:
        assert await deliver(client) == [(Action.FAILED, "5.1.1", "550 5.1.1 no bob here")]
        assert not client.is_open


async def test_who_was_refused_stays_refused_when_the_connection_is_lost_in_the_content():
    script = """
    C: MAIL FROM:<alice@uiowa.test>
    S: 250 OK
    C: RCPT TO:<bob@illinois.test>
    S: 550 5.1.1 no bob here
    C: RCPT TO:<carol@illinois.test>
    S: 250 OK
    C: DATA
    S: 354 Go ahead
    C| hello
    C| .
    (close)
    """
    async with session(HELLO, script) as client:
        found = await deliver(client, envelope("bob", "carol"))
        assert [entry[:2] for entry in found] == [(Action.FAILED, "5.1.1"), (Action.DELAYED, "4.4.2")]


GOODBYE = "S: 421 4.3.2 shutting down\n(close)"


@pytest.mark.parametrize(
    "script",
    [
        f"C: MAIL*\n{GOODBYE}",
        f"C: MAIL*\nS: 250 OK\nC: RCPT*\n{GOODBYE}",
        f"C: MAIL*\nS: 250 OK\nC: RCPT*\nS: 250 OK\nC: DATA\n{GOODBYE}",
        ACCEPTED + f"C| hello\nC| .\n{GOODBYE}",
    ],
)
async def test_421_may_come_at_any_time_and_its_words_are_kept(script):
    """RFC 5321 §3.8."""
    async with session(HELLO, script) as client:
        assert await deliver(client) == [(Action.DELAYED, "4.3.2", "421 4.3.2 shutting down")]
        assert not client.is_open


async def test_421_between_two_messages_is_seen():
    async with session(HELLO, ONE_MESSAGE, "S: 421 4.4.2 idle\n(silence)") as client:
        await deliver(client)
        async with asyncio.timeout(SECONDS):
            while client.is_open:
                await asyncio.sleep(0)
        assert await deliver(client) == [(Action.DELAYED, "4.4.2", "421 4.4.2 idle")]


# --- servers that keep to nothing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["(close)", "(reset)"])
@pytest.mark.parametrize(
    "script",
    ["C: MAIL*", "C: MAIL*\nS: 250 OK\nC: RCPT*", "C: MAIL*\nS: 250 OK\nC: RCPT*\nS: 250 OK\nC: DATA",
     ACCEPTED, ACCEPTED + "C| hello\nC| ."],
)  # fmt: skip
async def test_a_server_that_goes_away_delays_the_message(script, end):
    async with session(HELLO, script, "\n", end) as client:
        assert [entry[:2] for entry in await deliver(client)] == [(Action.DELAYED, "4.4.2")]
        assert not client.is_open


async def test_a_reply_within_the_content_counts_although_the_server_closes():
    async with scripted(HELLO + ACCEPTED + "C| first\nS: 552 5.3.4 enough\n(close)") as play:
        client = client_of()
        await client.open("127.0.0.1", play.port)

        async def without_end():
            yield b"first\r\n"
            async with asyncio.timeout(SECONDS):
                while client.is_open:
                    await asyncio.sleep(0)
            yield b"second\r\n"

        statuses, _ = await client.deliver(envelope(), 100, without_end())
        assert (statuses[0].action, statuses[0].diagnostic) == (Action.FAILED, "552 5.3.4 enough")
        await client.quit()


@pytest.mark.parametrize(
    "script",
    [
        "C: MAIL*\nS: 354 go ahead\n(silence)",
        "C: MAIL*\nS: 250 OK\nC: RCPT*\nS: 334 what\n(silence)",
        "C: MAIL*\nS: 250 OK\nC: RCPT*\nS: 250 OK\nC: DATA\nS: 250 taken\n(silence)",
        ACCEPTED + "C| hello\nC| .\nS: 354 more\n(silence)",
        "C: MAIL*\nS: 999 what\n(silence)",
        "C: MAIL*\nS: hello\n(silence)",
        "C: MAIL*\nS: 25\n(silence)",
        "C: MAIL*\nS: \n(silence)",
    ],
)
async def test_an_answer_that_makes_no_sense_is_never_taken_for_success(script):
    async with session(HELLO, script) as client:
        assert [entry[0] for entry in await deliver(client)] == [Action.DELAYED]
        assert not client.is_open


async def test_a_server_that_answers_twice_does_not_get_the_next_message_lost():
    """A stray 250 would else shift all answers by one, and a message that was never sent would count as relayed."""
    async with session(HELLO, ONE_MESSAGE, "S: 250 2.6.0 taken again\n(silence)") as client:
        assert (await deliver(client))[0][0] is Action.RELAYED
        async with asyncio.timeout(SECONDS):
            while client.is_open:
                await asyncio.sleep(0)
        assert [entry[:2] for entry in await deliver(client)] == [(Action.DELAYED, "4.5.0")]


@pytest.mark.parametrize(
    "flood",
    ["S: 250 " + "x" * 5_000, "\n".join(["S: 250-more"] * 300), "S> " + "x" * 5_000],
)
async def test_a_reply_without_end_ends_the_connection(flood):
    async with session(HELLO, "C: MAIL*\n", flood, "\n(silence)") as client:
        assert [entry[:2] for entry in await deliver(client)] == [(Action.DELAYED, "4.4.2")]


async def test_replies_that_nobody_asked_for_are_not_heaped_up():
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n250 OK\r\n" + b"250 more\r\n" * 600_000)
        with contextlib.suppress(ConnectionResetError):
            await reader.read()

    client = client_of()
    async with serving(flood) as port, asyncio.timeout(SECONDS):
        await client.open("127.0.0.1", port)
        while client._line.is_open:
            await asyncio.sleep(0)
        assert len(client._line._replies) < 500_000
        await client.quit()


async def test_a_pipelined_thousand_of_recipients_is_in_bounds():
    names = [f"user{number}" for number in range(1_000)]
    commands = "\n".join(f"C: RCPT TO:<{name}@illinois.test>" for name in names)
    replies = "\n".join(f"S: 550 5.1.1 <{name}@illinois.test>: no such user in this mailbox table" for name in names)
    script = f"C: MAIL FROM:<alice@uiowa.test> SIZE=7\n{commands}\nS: 250 OK\n{replies}\nC: RSET\nS: 250 OK\n"
    async with session(PIPELINED, script, QUIT) as client:
        found = await deliver(client, envelope(*names))
        assert {entry[:2] for entry in found} == {(Action.FAILED, "5.1.1")}
        assert "<user999@illinois.test>" in found[999][2]


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        ("C: MAIL*", Limits(smtp_client_command_seconds=0.1)),
        (ACCEPTED + "C| hello\nC| .", Limits(smtp_client_data_end_seconds=0.1)),
    ],
)
async def test_a_silent_server_is_waited_for_as_long_as_the_limits_say(script, limits):
    async with session(HELLO, script, "\n(silence)", limits=limits) as client:
        assert await deliver(client) == [(Action.DELAYED, "4.4.2", "no reply within 0.1 s")]
        assert not client.is_open


async def test_a_server_without_a_greeting_is_unavailable():
    async with scripted("(silence)") as play:
        client = client_of(Limits(smtp_client_greeting_seconds=0.1))
        with pytest.raises(Unavailable, match=r"0\.1 s"):
            await client.open("127.0.0.1", play.port)
        await client.quit()


async def test_content_that_cannot_be_read_is_never_ended():
    """What was sent of it must not be taken for a whole message; nothing else may be said on that connection."""

    async def broken():
        yield b"first\r\n"
        raise OSError("the disk is gone")

    async with session(HELLO, ACCEPTED, "C| first\n(silence)") as client:
        with pytest.raises(OSError, match="the disk"):
            await client.deliver(envelope(), 100, broken())
        assert not client.is_open


# --- handshake -------------------------------------------------------------------------------------------------------


async def test_a_server_that_knows_helo_only_is_spoken_to():
    script = "S: 220 old\nC: EHLO client.test\nS: 502 what\nC: HELO client.test\nS: 250 hello\n"
    async with session(script, ONE_MESSAGE, QUIT) as client:
        assert client.capabilities.offers == {}
        await deliver(client)


@pytest.mark.parametrize("greeting", ["554 5.3.2 no service", "421 4.3.2 later", "250 what"])
async def test_a_greeting_that_is_none_is_a_refusal_with_its_words(greeting):
    async with scripted(f"S: {greeting}\n{QUIT}") as play:
        client = client_of()
        with pytest.raises(SmtpRefusal) as caught:
            await client.open("127.0.0.1", play.port)
        assert str(caught.value.reply) == greeting
        await client.quit()


OFFERS_TLS = """
S: 220 ready
C: EHLO client.test
S: 250-mail
S: 250-AUTH PLAIN
S: 250 STARTTLS
C: STARTTLS
"""


async def test_what_came_in_the_clear_behind_the_220_is_forgotten(server_tls):
    """RFC 3207 §4.2: also what the server offered before."""
    script = "S: 220 go\\r\\n250 AUTH PLAIN\n(starttls)\nC: EHLO client.test\nS: 250-mail\nS: 250 PIPELINING\n" + QUIT
    async with scripted(OFFERS_TLS + script, tls=server_tls) as play, asyncio.timeout(SECONDS):
        client = client_of()
        await client.open("127.0.0.1", play.port, security=Security.STARTTLS, context=opportunistic_context())
        assert client.tls.startswith("TLSv1.3")
        assert client.capabilities.offers == {"PIPELINING": ()}
        await client.quit()


async def test_wanted_tls_that_does_not_come_is_said_so():
    async with scripted(OFFERS_TLS + "S: 454 4.7.0 not now\n(silence)") as play, asyncio.timeout(SECONDS):
        client = client_of()
        with pytest.raises(TlsUnavailable, match="not now"):
            await client.open("127.0.0.1", play.port, security=Security.STARTTLS, context=opportunistic_context())
        client.abort()


async def test_a_handshake_that_fails_is_no_tls():
    async with scripted(OFFERS_TLS + "S: 220 go\n(close)") as play, asyncio.timeout(SECONDS):
        client = client_of()
        with pytest.raises(Unavailable):
            await client.open("127.0.0.1", play.port, security=Security.OPPORTUNISTIC, context=opportunistic_context())
        assert not client.tls
        client.abort()


async def test_opportunistic_tls_goes_on_in_the_clear_where_it_is_refused():
    async with scripted(OFFERS_TLS + "S: 454 4.7.0 not now\n" + ONE_MESSAGE + QUIT) as play:
        client = client_of()
        await client.open("127.0.0.1", play.port, security=Security.OPPORTUNISTIC, context=opportunistic_context())
        assert (await deliver(client))[0][0] is Action.RELAYED
        await client.quit()


# --- signing in ------------------------------------------------------------------------------------------------------

CREDENTIALS = Credentials("alice", "s3cret")


def offers(mechanisms: str) -> str:
    return HELLO.replace("250 mail", "250-mail") + f"S: 250 AUTH {mechanisms}\n"


PLAIN = "C: AUTH PLAIN AGFsaWNlAHMzY3JldA==\n"
LOGIN = "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YWxpY2U=\nS: 334 UGFzc3dvcmQ6\nC: czNjcmV0\n"


@pytest.mark.parametrize(("mechanisms", "exchange"), [("LOGIN PLAIN", PLAIN), ("login", LOGIN)])
async def test_signing_in_leaves_no_secret_in_the_transcript(mechanisms, exchange):
    async with session(offers(mechanisms), exchange, "S: 235 2.7.0 welcome", QUIT) as client:
        await client.sign_in(CREDENTIALS)
        lines = [line.text for line in client.recorder.lines()]
        assert "****" in "\n".join(lines)
        assert not [line for line in lines for secret in ("s3cret", "czNjcmV0", "AGFs", "YWxp") if secret in line]


@pytest.mark.parametrize(
    ("mechanisms", "exchange"),
    [("PLAIN", PLAIN), ("LOGIN", LOGIN), ("LOGIN", LOGIN[: LOGIN.index("S: 334 UG")])],
)
async def test_a_wrong_password_is_told_from_other_refusals(mechanisms, exchange):
    async with session(offers(mechanisms), exchange, "S: 535 5.7.8 wrong", QUIT) as client:
        with pytest.raises(BadCredentials, match="wrong"):
            await client.sign_in(CREDENTIALS)
    async with session(offers(mechanisms), exchange, "S: 454 4.7.0 not now", QUIT) as client:
        with pytest.raises(SmtpRefusal, match="not now"):
            await client.sign_in(CREDENTIALS)


async def test_no_mechanism_in_common_sends_nothing():
    async with session(offers("GSSAPI"), QUIT) as client:
        with pytest.raises(Refused):
            await client.sign_in(CREDENTIALS)
