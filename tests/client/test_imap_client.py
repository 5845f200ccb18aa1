"""The IMAP client against servers that keep to the standard, and against others."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from client.scripted import SECONDS, scripted, serving
from pillarbox.client import imap
from pillarbox.client.imap import ImapClient, ImapRefusal
from pillarbox.grammar.imap.commands import mailbox, session
from pillarbox.grammar.imap.commands.fetch import Item, Section
from pillarbox.grammar.imap.commands.store import StoreAction
from pillarbox.grammar.sasl.plain import Credentials
from pillarbox.model.errors import BadCredentials, Refused, Unavailable
from pillarbox.model.keywords import FlagSet
from pillarbox.model.limits import Limits
from pillarbox.wire.clock import SystemClock
from pillarbox.wire.tls import opportunistic_context


def greeting(capabilities: str = "IMAP4rev1 AUTH=PLAIN SASL-IR") -> str:
    return f"S: * OK ready\nC: a1 CAPABILITY\nS: * CAPABILITY {capabilities}\nS: a1 OK done\n"


HELLO = greeting()


def client_of(limits: Limits | None = None) -> ImapClient:
    return ImapClient(limits or Limits(), SystemClock())


@asynccontextmanager
async def opened(*script: str, limits: Limits | None = None):
    """A client that has been greeted; it hangs up at the end."""
    async with scripted("\n".join((*script, "(silence)"))) as play, asyncio.timeout(SECONDS):
        client = client_of(limits)
        await client.open("127.0.0.1", play.port, implicit_tls=False, starttls=False, context=None)
        try:
            yield client
        finally:
            client.abort()


async def fails_to_open(script: str, error: type[Exception], *, limits: Limits | None = None, tls=None) -> str:
    """What the error says; the connection has been closed by then, as the script's (silence) sees."""
    async with scripted(script, tls=tls) as play, asyncio.timeout(SECONDS):
        with pytest.raises(error) as caught:
            await client_of(limits).open(
                "127.0.0.1", play.port, implicit_tls=False, starttls=True, context=opportunistic_context()
            )
    return caught.value.text


# --- the beginning -------------------------------------------------------------------------------------------------


async def test_capabilities_are_read_in_any_case():
    async with opened(greeting("imap4REV1 Idle")) as client:
        assert client.capabilities == {"IMAP4REV1", "IDLE"}


async def test_a_bye_in_place_of_a_greeting_is_a_refusal_with_its_words():
    assert await fails_to_open("S: * BYE too many\n(silence)", Refused) == "too many"


@pytest.mark.parametrize("line", ["220 mail.illinois.test ESMTP", "", "* 5 EXISTS", "+ go", "* what", "\\\\xff"])
async def test_what_is_no_greeting_is_unavailable(line):
    await fails_to_open(f"S: {line}\n(silence)", Unavailable)


async def test_a_server_without_a_greeting_is_waited_for_as_long_as_the_limits_say():
    text = await fails_to_open("(silence)", Unavailable, limits=Limits(imap_client_command_seconds=0.1))
    assert text == "the server did not answer in time"


async def test_wanted_tls_that_is_refused_leaves_nothing_open():
    await fails_to_open("S: * OK ready\nC: a1 STARTTLS\nS: a1 BAD what\n(silence)", ImapRefusal)


async def test_what_came_in_the_clear_behind_the_ok_is_forgotten(server_tls):
    """RFC 9051 §6.2.1: else somebody in between could say that there is no password to be had, or worse."""
    script = """
    S: * OK ready
    C: a1 STARTTLS
    S: a1 OK go\\r\\n* CAPABILITY IMAP4rev1 LOGINDISABLED\\r\\na2 OK injected
    (starttls)
    C: a2 CAPABILITY
    S: * CAPABILITY IMAP4rev1 AUTH=PLAIN
    S: a2 OK done
    (silence)
    """
    async with scripted(script, tls=server_tls) as play, asyncio.timeout(SECONDS):
        client = client_of()
        await client.open("127.0.0.1", play.port, implicit_tls=False, starttls=True, context=opportunistic_context())
        assert client.capabilities == {"IMAP4REV1", "AUTH=PLAIN"}
        client.abort()


# --- signing in ------------------------------------------------------------------------------------------------------

CREDENTIALS = Credentials("alice", "s3cret")
AGAIN = "C: a3 CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: a3 OK done"


@pytest.mark.parametrize(
    ("capabilities", "command"),
    [
        ("IMAP4rev1 AUTH=PLAIN SASL-IR", "a2 AUTHENTICATE PLAIN AGFsaWNlAHMzY3JldA=="),
        ("IMAP4rev1", "a2 LOGIN alice s3cret"),
    ],
)
async def test_signing_in_leaves_no_secret_in_the_transcript(capabilities, command):
    async with opened(greeting(capabilities), f"C: {command}\nS: a2 OK in\n{AGAIN}") as client:
        await client.sign_in(CREDENTIALS)
        lines = "\n".join(line.text for line in client.recorder.lines())
        assert "****" in lines
        assert "s3cret" not in lines
        assert "AGFs" not in lines


async def test_no_password_is_sent_where_login_is_disabled():
    """RFC 9051 §6.2.3."""
    async with opened(greeting("IMAP4rev1 LOGINDISABLED")) as client:
        with pytest.raises(Refused):
            await client.sign_in(CREDENTIALS)


async def test_a_wrong_password_is_told_from_a_server_that_cannot_look():
    """RFC 5530 §3."""
    for answer, error in (("NO [AUTHENTICATIONFAILED] wrong", BadCredentials), ("NO [UNAVAILABLE] later", Unavailable)):
        async with opened(HELLO, f"C: a2 AUTHENTICATE *\nS: a2 {answer}") as client:
            with pytest.raises(error):
                await client.sign_in(CREDENTIALS)


# --- commands --------------------------------------------------------------------------------------------------------


async def test_a_literal_waits_for_the_server_and_what_it_says_unasked_meanwhile_is_kept():
    """RFC 9051 §5.2: untagged responses may come at any time."""
    script = r"""
    C: a2 APPEND INBOX (\Seen) {7}
    S: * 23 EXISTS
    S: + go
    C| hello
    C|
    S: * 24 EXISTS
    S: a2 OK [APPENDUID 1 77] done
    """
    async with opened(HELLO, script) as client:
        assert await client.append(("INBOX",), b"hello\r\n", FlagSet.of("\\Seen")) == 77


async def test_a_refused_literal_is_not_sent():
    script = "C: a2 APPEND INBOX * {7}\nS: a2 NO [OVERQUOTA] full\nC: a3 NOOP\nS: a3 OK done"
    async with opened(HELLO, script) as client:
        with pytest.raises(ImapRefusal, match="full") as caught:
            await client.append(("INBOX",), b"hello\r\n", FlagSet.of("\\Seen"))
        assert caught.value.status.code == b"OVERQUOTA"
        await client.command(session.Noop())


async def test_content_that_looks_like_a_literal_is_sent_as_it_is():
    script = "C: a2 APPEND INBOX * {12}\nS: + go\nC| x {5}\nC| {3}\nC|\nS: a2 OK done"
    async with opened(HELLO, script) as client:
        assert await client.append(("INBOX",), b"x {5}\r\n{3}\r\n", FlagSet.of("\\Seen")) is None


async def test_the_number_of_messages_is_read_from_exists_alone():
    script = """
    C: a2 SELECT INBOX
    S: * OK the word EXISTS
    S: * OK nobody EXISTS
    S: * x EXISTS
    S: * 3 RECENT
    S: * 17 exists
    S: a2 OK done
    """
    async with opened(HELLO, script) as client:
        assert await client.select(("INBOX",)) == 17


async def test_fetched_literals_arrive_whole_and_stay_out_of_the_transcript():
    script = r"""
    C: a2 UID FETCH 5,9 (UID FLAGS BODY.PEEK[])
    S: * 9 EXPUNGE
    S: * 1 FETCH (UID 5 FLAGS (\Seen) BODY[] {14}\r\nhello\r\na1 OK\r\n)
    S: * 2 FETCH (FLAGS ())
    S: a2 OK done
    """
    async with opened(HELLO, script) as client:
        found = await client.fetch([9, 5], [Item.FLAGS, Section(peek=True)])
        assert found[0].octets["BODY[]"] == b"hello\r\na1 OK\r\n"
        assert "hello" not in "\n".join(line.text for line in client.recorder.lines())


async def test_a_response_may_come_in_any_pieces():
    script = "C: a2 UID FETCH *\nS> * 1 FE\nS> TCH (UID 5 BODY[] {1\nS> 0}\\r\\n01234\nS> 56789)\\r\\na2 O\nS: K done"
    async with opened(HELLO, script) as client:
        found = await client.fetch([5], [Section(peek=True)])
        assert found[0].octets["BODY[]"] == b"0123456789"


async def test_a_response_of_thousands_of_literals_is_read():
    many = "{0}\\r\\n" * 3_000
    async with opened(HELLO, f"C: a2 NOOP\nS: * X {many}\nS: a2 OK done") as client:
        answer = await client.command(session.Noop())
        assert answer.untagged[0].count(b"{0}") == 3_000


async def test_refusals_have_the_words_of_the_server():
    for kind in ("NO", "BAD"):
        async with opened(HELLO, f"C: a2 CREATE *\nS: a2 {kind} [ALREADYEXISTS] it is there") as client:
            with pytest.raises(ImapRefusal, match="it is there") as caught:
                await client.command(mailbox.Create(("Sent",)))
            assert caught.value.status.code == b"ALREADYEXISTS"


async def test_a_command_without_messages_is_not_sent():
    async with opened(HELLO) as client:
        assert await client.fetch([], [Item.FLAGS]) == []


# --- servers that keep to nothing ----------------------------------------------------------------------------------


async def test_the_words_of_a_bye_are_kept():
    """RFC 9051 §7.1.5."""
    async with opened(HELLO, "C: a2 NOOP\nS: * BYE shutting down\n(close)") as client:
        with pytest.raises(Unavailable, match="shutting down"):
            await client.command(session.Noop())


@pytest.mark.parametrize("end", ["(close)", "(reset)"])
@pytest.mark.parametrize("said", ["", "S> * 1 FETCH (BODY[] {100}\\r\\nhalf", "S> a2 O"])
async def test_a_server_that_goes_away_is_unavailable(said, end):
    async with opened(HELLO, f"C: a2 NOOP\n{said}\n{end}") as client:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await client.command(session.Noop())


@pytest.mark.parametrize("line", ["a2", "a2 WHAT done", "a9 OK done", "+ idling", "", "*", "a2 OK\\r", "220 hello"])
async def test_what_is_no_tagged_answer_is_unavailable(line):
    async with opened(HELLO, f"C: a2 NOOP\nS: {line}\nS: a2 BAD what") as client:
        with pytest.raises(Unavailable):
            await client.command(session.Noop())


@pytest.mark.parametrize("text", ["1 FETCH (UID", "1 FETCH nothing", "1 FETCH (UID x)", "1 FETCH (FLAGS (\\Seen)"])
async def test_a_malformed_fetch_response_is_unavailable(text):
    async with opened(HELLO, f"C: a2 UID FETCH *\nS: * {text}\nS: a2 OK done") as client:
        with pytest.raises(Unavailable, match="does not speak IMAP"):
            await client.fetch([5], [Item.FLAGS])


async def test_a_message_number_of_any_length_is_no_reason_to_fail():
    async with opened(HELLO, f"C: a2 UID FETCH *\nS: * {'9' * 5_000} FETCH (UID 5)\nS: a2 OK done") as client:
        assert await client.fetch([5], [Item.FLAGS]) == []


async def test_malformed_lists_and_codes_are_unavailable():
    async with opened(HELLO, "C: a2 LIST *\nS: * LIST what\nS: a2 OK done") as client:
        with pytest.raises(Unavailable):
            await client.mailboxes()
    async with opened(HELLO, "C: a2 APPEND *\nS: + go\nC| x\nS: a2 OK [APPENDUID what] done") as client:
        with pytest.raises(Unavailable):
            await client.append(("INBOX",), b"x", FlagSet())


async def test_a_response_without_end_ends_the_connection(monkeypatch):
    monkeypatch.setattr(imap, "RESPONSE_OCTETS", 10_000)
    for flood in ("S> * OK " + "x" * 20_000, "\n".join(["S: * OK x" + "x" * 100] * 200)):
        async with opened(HELLO, f"C: a2 NOOP\n{flood}") as client:
            with pytest.raises(Unavailable, match="without end"):
                await client.command(session.Noop())


async def test_many_responses_within_the_bound_are_no_flood(monkeypatch):
    monkeypatch.setattr(imap, "RESPONSE_OCTETS", 10_000)
    script = "\n".join(f"C: a{tag} NOOP\nS: * OK {'x' * 6_000}\nS: a{tag} OK done" for tag in (2, 3, 4))
    async with opened(HELLO, script) as client:
        for _ in range(3):
            await client.command(session.Noop())


async def test_a_silent_server_is_waited_for_as_long_as_the_limits_say():
    async with opened(HELLO, "C: a2 NOOP", limits=Limits(imap_client_command_seconds=0.1)) as client:
        with pytest.raises(Unavailable, match="in time"):
            await client.command(session.Noop())
        with pytest.raises(Unavailable):
            await client.command(session.Noop())


async def test_a_long_answer_may_take_longer_than_a_silence():
    """Somebody with a slow connection fetches a large message: octets keep coming."""
    pause = 0.06

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        for tag in (b"a1", b"a2"):
            await reader.readline()
            for _ in range(4):
                waited = asyncio.Event()
                asyncio.get_running_loop().call_later(pause, waited.set)
                await waited.wait()
                writer.write(b"* OK still here\r\n")
            writer.write(tag + b" OK done\r\n")
        await reader.read()

    client = client_of(Limits(imap_client_command_seconds=3 * pause))
    async with serving(trickle) as port, asyncio.timeout(SECONDS):
        await client.open("127.0.0.1", port, implicit_tls=False, starttls=False, context=None)
        assert len((await client.command(session.Noop())).untagged) == 4
        client.abort()


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["S: * BYE see you\nS: a2 OK done", "S: a2 BAD what", "(close)"])
async def test_logout_never_fails(answer):
    async with opened(HELLO, f"C: a2 LOGOUT\n{answer}") as client:
        await client.logout()


async def test_flags_are_stored_in_silence():
    async with opened(HELLO, r"C: a2 UID STORE 3:4 +FLAGS.SILENT (\Seen)" "\nS: a2 OK done") as client:
        await client.store([4, 3], StoreAction.ADD, FlagSet.of("\\Seen"))
