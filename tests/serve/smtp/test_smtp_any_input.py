"""Whatever a client says, the session answers in SMTP's words or closes; nothing it says is a bug of ours."""

import asyncio
import re

import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from smtp_dialogue import open_stage

from memory_stage import SECONDS, fresh_folder

LINE = re.compile(rb"[2-5][0-9][0-9][ -][ -~]*")
WORDS = [
    b"FROM:<a@bar.test>", b"FROM:<>", b"FROM:<alice@uiowa.test>", b"FROM:<\xc3\xa9@bar.test>", b"TO:<alice@uiowa.test>",
    b"TO:<bob@uiowa.test>", b"TO:<postmaster>", b"TO:<@a.test:bob@uiowa.test>", b'TO:<"a b"@uiowa.test>',
    b"TO:<nobody@uiowa.test>", b"TO:<carol@illinois.test>", b"TO:<b@[192.0.2.1]>", b"TO:<>", b"SIZE=10", b"SIZE=\xc2\xb2",
    b"SIZE=99999999999", b"BODY=8BITMIME", b"BODY=BINARYMIME", b"SMTPUTF8", b"AUTH=<>", b"RET=FULL", b"ENVID=+0A", b"X=Y",
    b"NOTIFY=NEVER", b"ORCPT=a;+41", b"client.test", b"[IPv6:::1]", b"PLAIN", b"LOGIN", b"=", b"AGEAYg==", b"\xff", b"\0",
    b"alice@uiowa.test", b"MAIL", b"STATUS", b"10 LAST", b"a\nb", b"a\rb", b"\xe2\x80\xa8", b"x" * 3_000,
]  # fmt: skip
VERBS = [
    b"HELO", b"EHLO", b"MAIL", b"RCPT", b"DATA", b"RSET", b"NOOP", b"VRFY", b"EXPN", b"HELP", b"AUTH", b"STARTTLS",
    b"mail", b"d\xc5\xbfta", b"TURN", b".", b"*",
]  # fmt: skip
TRANSACTION = b"\r\n".join([b"EHLO a.test", b"MAIL FROM:<>", b"RCPT TO:<alice@uiowa.test>", b"DATA"])

sensible = st.builds(
    lambda verb, words: b" ".join([verb, *words]), st.sampled_from(VERBS), st.lists(st.sampled_from(WORDS), max_size=3)
)
lines = st.lists(sensible | st.just(TRANSACTION) | st.binary(max_size=60), min_size=1, max_size=12)
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def check(octets: bytes) -> None:
    """Whole lines of SMTP's form, none too long; all of one reply have its code, the last one ends it."""
    assert octets.endswith(b"\r\n")
    open_code = b""
    for line in octets.split(b"\r\n")[:-1]:
        assert LINE.fullmatch(line), line
        assert len(line) <= 510
        assert open_code in (b"", line[:3]), line
        open_code = line[:3] if line[3:4] == b"-" else b""
    assert open_code == b""


async def rest(client) -> None:
    """Until the session has nothing more to do with what it was told."""
    quiet = 0
    async with asyncio.timeout(SECONDS):
        while quiet < 50 and not client.is_closed:
            await asyncio.sleep(0)
            quiet = 0 if client.session.is_working and client.session._arrival is None else quiet + 1


@SETTINGS
@given(said=lines, port=st.sampled_from(["mx", "submission"]), signs_in=st.booleans(), cuts=st.integers(1, 40))
def test_any_input_is_answered_in_smtp(tmp_path_factory, said, port, signs_in, cuts):
    async def converse() -> None:
        async with open_stage(await fresh_folder(tmp_path_factory), smtp_bad_commands=1_000) as stage:
            client = await stage.sign_in() if signs_in else stage.connect(port=port)
            octets = b"".join(line + b"\r\n" for line in said)
            for start in range(0, len(octets), cuts):
                client.send(octets[start : start + cuts])
            # Whatever was begun is ended: content, an exchange. STARTTLS throws away what came with it.
            for _ in range(4):
                client.send(b"\r\n.\r\n*\r\nNOOP\r\nQUIT\r\n")
                await rest(client)
            assert client.is_closed
            check(bytes(client.octets))

    with structlog.testing.capture_logs() as logs:
        asyncio.run(converse())
    assert [entry for entry in logs if entry["event"] == "session.bug"] == []
