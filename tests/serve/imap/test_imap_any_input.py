"""Whatever a client says, the session answers in IMAP's words or closes; nothing it says is a bug of ours."""

import asyncio
import re

import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imap_dialogue import add_message, open_stage

from memory_stage import SECONDS, fresh_folder
from pillarbox.grammar.imap.framing import ResponseReader

LINE = re.compile(rb"(\*|\+|[^ ]+) .*|\+ ?", re.S)
WORDS = [
    b"1", b"1:*", b"2,4:7", b"*", b"99", b"4294967295", b"INBOX", b'"Drafts"', b"Trash", b"box/a", b"%", b"*", b'""',
    b"FLAGS", b"(FLAGS UID)", b"ALL", b"FULL", b"BODY[]", b"BODY.PEEK[HEADER]", b"BODY[1.MIME]<0.9>", b"BODY[TEXT]",
    b"ENVELOPE", b"BODYSTRUCTURE", b"(INTERNALDATE RFC822.SIZE)", b"BODY[HEADER.FIELDS (Subject)]", b"+FLAGS",
    b"-FLAGS.SILENT", b"(\\Seen)", b"(\\Deleted $x)", b"(MESSAGES UNSEEN RECENT)", b"NOT", b"OR", b"SUBJECT", b"hello",
    b"SEEN", b"(", b")", b"CHARSET UTF-8", b"TEXT", b"{3+}\r\nabc", b"{0+}\r\n", b"RETURN (STATUS (SIZE))",
    b"(SUBSCRIBED RECURSIVEMATCH)", b"SINCE 1-Jan-2000", b"UID", b"NIL", b'("a" "b")', b"\xff\xfe", b'"\\"', b"~{1+}\r\nx",
    b"EMAILID e7", b"THREADID", b"(EMAILID THREADID)", b"RETURN ()", b"RETURN (COUNT)", b"(REVERSE SUBJECT DISPLAYTO)", b"UTF-8",
    b"(DELETED DELETED-STORAGE MAILBOXID)", b"(STORAGE 5)",
]  # fmt: skip
COMMANDS = [
    b"NOOP", b"CAPABILITY", b"ID", b"ENABLE", b"SELECT", b"EXAMINE", b"CREATE", b"DELETE", b"RENAME", b"SUBSCRIBE",
    b"UNSUBSCRIBE", b"LIST", b"LSUB", b"STATUS", b"NAMESPACE", b"APPEND", b"CHECK", b"CLOSE", b"UNSELECT", b"EXPUNGE",
    b"UID EXPUNGE", b"SEARCH", b"UID SEARCH", b"FETCH", b"UID FETCH", b"STORE", b"UID STORE", b"COPY", b"UID COPY",
    b"MOVE", b"UID MOVE", b"LOGIN", b"AUTHENTICATE", b"STARTTLS", b"IDLE\r\nDONE\r\nt NOOP",
    b"SORT (DATE) UTF-8", b"UID SORT RETURN (MIN ALL)", b"THREAD REFERENCES UTF-8", b"UID THREAD ORDEREDSUBJECT",
    b"GETQUOTA", b"GETQUOTAROOT", b"SETQUOTA",
]  # fmt: skip

sensible = st.builds(
    lambda command, words: b"t " + b" ".join([command, *words]),
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(WORDS), max_size=6),
)
anything = st.binary(max_size=60).filter(lambda octets: b"{" not in octets)
lines = st.lists(sensible | anything, min_size=1, max_size=12)
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def check(octets: bytes) -> None:
    """Whole responses, each of IMAP's form; literals have as many octets as they say."""
    reader = ResponseReader(1 << 30)
    for response in reader.feed(octets):
        assert LINE.fullmatch(response), response
    assert not reader._buffer


async def rest(client) -> None:
    """Until the session has nothing more to do with what it was told."""
    quiet = 0
    async with asyncio.timeout(SECONDS):
        while quiet < 50 and not client.is_closed:
            await asyncio.sleep(0)
            quiet = 0 if client.session.is_working and client.session._arrival is None else quiet + 1


@SETTINGS
@given(said=lines, signs_in=st.booleans(), cuts=st.integers(1, 40))
def test_any_input_is_answered_in_imap(tmp_path_factory, said, signs_in, cuts):
    async def converse() -> None:
        async with open_stage(await fresh_folder(tmp_path_factory), imap_bad_commands=1_000) as stage:
            await add_message(stage.mail)
            await add_message(stage.mail)
            client = await stage.sign_in(mailbox="INBOX") if signs_in else stage.connect()
            octets = b"".join(line + b"\r\n" for line in said)
            for start in range(0, len(octets), cuts):
                client.line.write(octets[start : start + cuts])
            # Whatever was begun is ended: a literal, an exchange, IDLE. STARTTLS throws away what came with it.
            for _ in range(4):
                client.line.write(b"x" * 100 + b"\r\n*\r\nDONE\r\n*\r\nlast NOOP\r\nlast LOGOUT\r\n")
                await rest(client)
            assert client.is_closed
            check(bytes(client.octets))

    with structlog.testing.capture_logs() as logs:
        asyncio.run(converse())
    assert [entry for entry in logs if entry["event"] == "session.bug"] == []
