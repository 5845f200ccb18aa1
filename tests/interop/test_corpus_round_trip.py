"""Everything that others wrote goes in by SMTP and comes back by IMAP, octet for octet; Dovecot reads it the same way."""

import imaplib
import re
import smtplib

import pytest

from corpus import collected, generated
from peers import dovecot
from servers import PASSWORD, running

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("corpus")]

GENERATED = 2_000

DIFFERENCES: dict[str, str] = {
    # name of the message: why ours differs from Dovecot's answer
}


@pytest.fixture(scope="module")
def sent(corpora, tmp_path_factory):
    """The server, and [(name, content)] in the order of UIDs, and {name: refusal}."""
    with running(tmp_path_factory.mktemp("corpus") / "data") as server:
        kept, refused = [], {}
        with smtplib.SMTP(server.listen, server.port("mx")) as client:
            client.ehlo("client.example.net")
            for name, content in [*collected(), *generated(GENERATED)]:
                client.mail("carol@example.net", ["BODY=8BITMIME"])
                client.rcpt("bob@uiowa.test")
                code, text = send(client, content)
                if code == 250:
                    kept.append((name, content))
                else:
                    refused[name] = f"{code} {text.decode()}"
                    client.rset()
        yield server, kept, refused


def send(client: smtplib.SMTP, content: bytes) -> tuple[int, bytes]:
    """DATA with the content as it is: smtplib's own `data` would mend line ends."""
    code, text = client.docmd("DATA")
    assert code == 354, text
    stuffed = re.sub(rb"(?m)^\.", b"..", content)
    client.send(stuffed + b".\r\n")
    return client.getreply()


def fetch_all(port: int, host: str, user: str, password: str, items: str) -> dict[int, bytes]:
    """{uid: raw answer} of the whole INBOX."""
    answers = {}
    with imaplib.IMAP4(host, port, timeout=120) as client:
        client.login(user, password)
        client.select("INBOX", readonly=True)
        _, found = client.uid("FETCH", "1:*", items)
        current = b""
        for item in found:
            current += item[0] + b"\r\n" + item[1] if isinstance(item, tuple) else item
            if not isinstance(item, tuple):
                uid = re.search(rb"UID (\d+)", current)
                if uid:
                    answers[int(uid[1])] = current
                current = b""
    return answers


def test_all_messages_come_back_octet_for_octet_with_the_right_size(sent):
    server, kept, _ = sent
    wrong = []
    with imaplib.IMAP4(server.listen, server.port("imap"), timeout=120) as client:
        client.login("bob@uiowa.test", PASSWORD)
        client.select("INBOX", readonly=True)
        numbers = client.uid("SEARCH", "ALL")[1][0].split()
        assert len(numbers) == len(kept)
        for uid, (name, content) in zip(numbers, kept, strict=True):
            answer = client.uid("FETCH", uid.decode(), "(RFC822.SIZE BODY.PEEK[])")[1][0]
            whole = answer[1]
            trace = re.match(rb"Return-Path: [^\r]*\r\n(?:Received: (?:[^\r]|\r\n[ \t])*\r\n)", whole)
            if trace is None or whole[trace.end() :] != content:
                wrong.append(name)
            assert int(re.search(rb"RFC822.SIZE (\d+)", answer[0])[1]) == len(whole), name
    assert wrong == []


def test_what_is_refused_is_what_smtp_cannot_carry(sent):
    _, kept, refused = sent
    contents = dict(collected())
    for name, reply in refused.items():
        content = contents[name]
        assert b"\0" in content or max(len(line) for line in content.split(b"\r\n")) > 998, f"{name}: {reply}"
        assert reply.startswith("554 5.6."), f"{name}: {reply}"
    assert len(kept) > GENERATED + 150
    for name, reply in refused.items():
        print(f"refused: {name}: {reply}")


TOKEN = re.compile(rb'[()]|"(?:[^"\\]|\\.)*"|\{(\d+)\}\r\n|[^()\s"]+')


def values(text: bytes) -> list:
    """An answer as nested lists; literals and quoted strings are the same thing."""
    stack: list[list] = [[]]
    place = 0
    while match := TOKEN.search(text, place):
        token, place = match.group(), match.end()
        if match[1]:
            place += int(match[1])
            stack[-1].append(("s", text[match.end() : place]))
        elif token == b"(":
            stack.append([])
        elif token == b")":
            done = stack.pop()
            stack[-1].append(done)
        elif token.startswith(b'"'):
            stack[-1].append(("s", re.sub(rb"\\(.)", rb"\1", token[1:-1])))
        else:
            stack[-1].append(token.upper())
    return stack[0]


def item(tree: list, name: bytes):
    for inner in tree:
        if isinstance(inner, list) and name in inner:
            return inner[inner.index(name) + 1]
    raise AssertionError(f"{name!r} is not in the answer")


def test_envelope_and_bodystructure_equal_dovecot_s(sent, tmp_path):
    server, kept, _ = sent
    ours = fetch_all(
        server.port("imap"),
        server.listen,
        "bob@uiowa.test",
        PASSWORD,
        "(UID RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
    )
    whole = {}
    with imaplib.IMAP4(server.listen, server.port("imap"), timeout=120) as client:
        client.login("bob@uiowa.test", PASSWORD)
        client.select("INBOX", readonly=True)
        uids = [int(n) for n in client.uid("SEARCH", "ALL")[1][0].split()]
        for uid in uids:
            whole[uid] = client.uid("FETCH", str(uid), "(BODY.PEEK[])")[1][0][1]
    with dovecot(tmp_path / "dovecot") as port:
        with imaplib.IMAP4("127.0.0.1", port, timeout=120) as client:
            client.login("bob@uiowa.test", "secret")
            for uid in uids:
                assert client.append("INBOX", None, None, whole[uid])[0] == "OK"
        theirs = fetch_all(port, "127.0.0.1", "bob@uiowa.test", "secret", "(UID RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
    assert len(theirs) == len(uids) == len(ours)
    differing = {}
    for position, (uid, (name, _)) in enumerate(zip(uids, kept, strict=True), start=1):
        mine, other = values(ours[uid]), values(theirs[position])
        for what in (b"RFC822.SIZE", b"ENVELOPE", b"BODYSTRUCTURE"):
            if item(mine, what) != item(other, what):
                differing.setdefault(name, []).append((what, item(mine, what), item(other, what)))
    for name, places in differing.items():
        for what, mine, other in places:
            print(f"{name} {what.decode()}\n  ours    {mine}\n  dovecot {other}")
    assert set(differing) == set(DIFFERENCES)
