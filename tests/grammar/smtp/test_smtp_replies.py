"""Replies and capabilities, both ways (RFC 5321 §4.2, RFC 2034 §4, RFC 5321 §4.1.1.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.smtp import capabilities, replies, states
from pillarbox.grammar.smtp.capabilities import Capabilities
from pillarbox.grammar.smtp.commands import PARSERS, Command, Data, Mail, Noop, Rcpt
from pillarbox.grammar.smtp.framing import TOO_LONG, LineReader
from pillarbox.grammar.smtp.replies import Reply, ReplyReader
from pillarbox.grammar.smtp.states import State
from pillarbox.model.errors import SyntaxProblem

BOTH_WAYS = [
    (b"220 mail.example.org ESMTP\r\n", Reply(220, "", ("mail.example.org ESMTP",))),
    (b"250 2.1.0 Ok\r\n", Reply(250, "2.1.0", ("Ok",))),
    (b"250-first\r\n250-second\r\n250 third\r\n", Reply(250, "", ("first", "second", "third"))),
    (b"550-5.1.1 No\r\n550 5.1.1 such user\r\n", Reply(550, "5.1.1", ("No", "such user"))),
    (b"334 \r\n", Reply(334, "", ("",))),
]


@pytest.mark.parametrize(("wire", "reply"), BOTH_WAYS)
def test_a_reply_is_formatted_and_read_whole_and_octet_by_octet(wire, reply):
    assert replies.format(reply) == wire
    assert ReplyReader().feed(wire) == [reply]
    reader = ReplyReader()
    assert [found for octet in wire for found in reader.feed(bytes([octet]))] == [reply]


def test_facts_of_a_reply():
    assert Reply(354, "", ("go",)).is_positive
    assert Reply(451, "4.3.0", ("later",)).is_temporary
    assert not Reply(550, "", ("no",)).is_temporary
    assert str(Reply(550, "5.1.1", ("no", "user"))) == "550 5.1.1 no user"
    assert str(Reply(220, "", ("hi",))) == "220 hi"


def test_an_enhanced_code_of_another_class_is_text():
    assert ReplyReader().feed(b"250 5.1.1 odd\r\n") == [Reply(250, "", ("5.1.1 odd",))]


def test_a_bare_code_and_a_bare_line_feed_are_taken():
    assert ReplyReader().feed(b"250\r\n") == [Reply(250, "", ("",))]
    assert ReplyReader().feed(b"250 ok\n") == [Reply(250, "", ("ok",))]


@pytest.mark.parametrize(
    "wire", [b"hello\r\n", b"199 x\r\n", b"25 x\r\n", b"x" * 5000, b"x" * 5000 + b"\n", b"250-x\r\n" * 300]
)
def test_what_is_no_reply_is_a_syntax_problem(wire):
    with pytest.raises(SyntaxProblem):
        ReplyReader().feed(wire)


@given(st.binary(max_size=100))
def test_any_octets_are_replies_or_a_syntax_problem(octets):
    try:
        ReplyReader().feed(octets)
    except SyntaxProblem:
        return


def test_capabilities_both_ways():
    lines = ("mail.example.org greets you", "PIPELINING", "SIZE 1000", "AUTH PLAIN LOGIN", "8BITMIME")
    found = capabilities.parse(lines)
    assert found.has("PIPELINING")
    assert not found.has("STARTTLS")
    assert found.size_octets == 1000
    assert found.mechanisms == ("PLAIN", "LOGIN")
    assert capabilities.format(found) == lines[1:]
    assert capabilities.parse(("x", "SIZE", "AUTH=LOGIN", "?")).size_octets is None
    assert capabilities.parse(("x", "AUTH=LOGIN")).mechanisms == ("LOGIN",)
    assert Capabilities().size_octets is None


def lines_of(pieces, most=20):
    reader = LineReader(most)
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (line := reader.next()) is not None:
            found.append(line)
    return found, reader


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_lines_are_cut_at_crlf_only_however_they_come(size):
    stream = b"EHLO a\r\n\r\nbare\nfeed\r\n" + b"x" * 30 + b"\r\nNOOP\r\nrest"
    found, reader = lines_of([stream[n : n + size] for n in range(0, len(stream), size)])
    assert found == [b"EHLO a", b"", b"bare\nfeed", TOO_LONG, b"NOOP"]
    assert reader.rest() == b"rest"
    assert reader.rest() == b""


def test_a_line_that_is_too_long_is_given_up_once_although_its_end_is_cut():
    found, _ = lines_of([b"x" * 25, b"y" * 25 + b"\r", b"\nNOOP\r\n"])
    assert found == [TOO_LONG, b"NOOP"]


def test_the_table_of_states_knows_every_command():
    kinds = {
        type(parse("a")) if name in ("HELO", "EHLO", "VRFY", "EXPN", "HELP", "NOOP") else None
        for name, parse in PARSERS.items()
    }
    assert kinds - {None} <= set(states.ALLOWED)
    assert set(states.ALLOWED) == set(Command.__args__)
    assert states.is_in_order(Mail, State.GREETED)
    assert not states.is_in_order(Mail, State.CONNECTED)
    assert not states.is_in_order(Mail, State.MAIL)
    assert not states.is_in_order(Data, State.MAIL)
    assert states.is_in_order(Rcpt, State.RCPT)
    assert all(states.is_in_order(Noop, state) for state in State)
    assert {kind for kind, allowed in states.ALLOWED.items() if allowed != states.ANY} == set(states.EXPECTED)
